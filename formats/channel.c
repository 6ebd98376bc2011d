/* channel -- one end of a pipe, FIFO or file, used so that nobody waits for the dead.
 *
 * All waiting is done by poll() in wait_ready(): for the descriptor itself, for the interrupt, and
 * for the watch. How a dead peer shows: the reader of a pipe gone is POLLERR on its writing end, the
 * writer gone is POLLHUP on its reading end. A FIFO that had no writer yet says nothing at all, so a
 * channel never reads one before poll() speaks.
 * SPDX-License-Identifier: MIT */
#include "formats/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    NOTICE_MS = 10000, /* without a first peer: say so */
    GRACE_MS = 500,    /* a peer of the watch gone: what is under way may still arrive */
    RETRY_MS = 10,     /* between attempts to open a FIFO that has no reader, */
    RETRY_MAX_MS = 50  /* growing to this */
};

struct channel {
    char *name; /* for messages */
    char *path; /* NULL for descriptors that were there before */
    char *part; /* PATH.part while a regular file is written */
    int fd;     /* -1: a FIFO that is not open yet */
    int watch, interrupt;
    bool writing;
    bool fifo;   /* opened by name */
    bool met;    /* the first peer has shown itself */
    bool told;   /* the notice was given */
    bool closed; /* the end of input was seen */
    channel_notice *notice;
    double waited;               /* seconds in reads or writes */
    int64_t since;               /* when waiting for the first peer began; 0: not yet */
    unsigned char *ahead;        /* [CHANNEL_AHEAD], or NULL: */
    size_t ahead_from, ahead_to; /* bytes peeked at and not read yet */
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t now_ms(void)
{
    return now_ns() / 1000000;
}

static void count_wait(struct channel *c, int64_t start)
{
    c->waited += 1e-9 * (double)(now_ns() - start);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static struct channel *new_channel(const char *path, const char *standard, struct err *err)
{
    struct channel *c = calloc(1, sizeof *c);
    if (c == NULL) {
        err_memory(err, "a channel");
        return NULL;
    }
    c->fd = c->watch = c->interrupt = -1;
    c->name = strdup(path != NULL ? path : standard);
    c->path = path != NULL ? strdup(path) : NULL;
    if (c->name == NULL || (path != NULL && c->path == NULL)) {
        channel_abandon(c);
        err_memory(err, "a channel");
        return NULL;
    }
    return c;
}

static struct channel *refuse(struct channel *c, struct err *err)
{
    err_set(err, ERR_MISUSE, "cannot open '%s': %s", c->name,
        c->writing && errno == EBUSY ? "another process is writing it" : strerror(errno));
    channel_abandon(c);
    return NULL;
}

/* /dev/stdin, /dev/stdout and /dev/fd/N name descriptors that are open already: opening a file
 * anew would start at its beginning. */
static int named_descriptor(const char *path)
{
    if (strcmp(path, "/dev/stdin") == 0)
        return STDIN_FILENO;
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strncmp(path, "/dev/fd/", 8) != 0 || strspn(path + 8, "0123456789") != strlen(path + 8) ||
        path[8] == '\0' || strlen(path) > 12)
        return -1;
    return atoi(path + 8);
}

struct channel *channel_open(const char *path, struct err *err)
{
    if (path != NULL && strcmp(path, "-") == 0)
        path = NULL;
    struct channel *c = new_channel(path, "standard input", err);
    if (c == NULL)
        return NULL;
    struct stat status;
    const int descriptor = path == NULL ? STDIN_FILENO : named_descriptor(path);
    if (path == NULL)
        c->fd = STDIN_FILENO;
    else if (descriptor >= 0)
        c->fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    else
        c->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0 || fstat(c->fd, &status) < 0)
        return refuse(c, err);
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return refuse(c, err);
    }
    c->fifo = S_ISFIFO(status.st_mode) && descriptor < 0;
    return c;
}

/* Open FILE.part, emptied, with a lock: of two processes that would write the same file, one is
 * refused (EBUSY). Where the file system has no locks there is none. */
static int open_part(const char *part)
{
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        struct stat ours, named;
        const int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return -1;
        const bool taken = fcntl(fd, F_SETLK, &lock) < 0 && (errno == EACCES || errno == EAGAIN);
        /* Whoever had the lock may have renamed or removed it since it was opened. */
        const bool same = fstat(fd, &ours) == 0 && stat(part, &named) == 0 &&
                          ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
        if (!taken && same && ftruncate(fd, 0) == 0)
            return fd;
        close(fd);
        if (taken)
            errno = EBUSY;
        if (taken || same)
            return -1;
    }
}

struct channel *channel_create(const char *path, struct err *err)
{
    if (path != NULL && strcmp(path, "-") == 0)
        path = NULL;
    struct channel *c = new_channel(path, "standard output", err);
    if (c == NULL)
        return NULL;
    c->writing = true;
    if (path == NULL) {
        c->fd = fcntl(STDOUT_FILENO, F_GETFD) < 0 ? -1 : STDOUT_FILENO;
        return c->fd < 0 ? refuse(c, err) : c;
    }
    if (*path == '\0') {
        errno = ENOENT;
        return refuse(c, err);
    }
    struct stat status;
    const int descriptor = named_descriptor(path);
    const bool there = stat(path, &status) == 0;
    if (descriptor >= 0) {
        c->fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    } else if (there && S_ISFIFO(status.st_mode)) {
        c->fifo = true;
        return c;
    } else if (there && !S_ISREG(status.st_mode)) {
        c->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        const size_t length = strlen(path) + sizeof ".part";
        char *const part = malloc(length);
        if (part == NULL) {
            channel_abandon(c);
            err_memory(err, "a channel");
            return NULL;
        }
        snprintf(part, length, "%s.part", path);
        c->fd = open_part(part);
        if (c->fd >= 0)
            c->part = part;
        else
            free(part);
    }
    return c->fd < 0 ? refuse(c, err) : c;
}

void channel_set_notice(struct channel *channel, channel_notice *notice)
{
    channel->notice = notice;
}

void channel_watch(struct channel *channel, int fd)
{
    channel->watch = fd;
}

void channel_interrupt(struct channel *channel, int fd)
{
    channel->interrupt = fd;
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

/* Has the other end of the watched descriptor gone? */
static bool peer_gone(const struct channel *c, const struct pollfd *watch)
{
    char byte;
    if (!c->writing)
        return (watch->revents & (POLLERR | POLLHUP)) != 0;
    if ((watch->revents & POLLHUP) == 0)
        return false;
    /* A socket reports its end as input too. */
    return (watch->revents & POLLIN) == 0 ||
           recv(watch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void give_notice(struct channel *c)
{
    char text[400];
    c->told = true;
    if (c->notice == NULL)
        return;
    snprintf(
        text, sizeof text, "waits for a %s of '%.300s'", c->writing ? "reader" : "writer", c->name);
    c->notice(text);
}

/* The lesser of two timeouts, where -1 is none. */
static int sooner(int a, int64_t b)
{
    if (b < 0)
        b = 0;
    return a < 0 || b < a ? (int)b : a;
}

/* Wait until the descriptor has one of `events`, at most `timeout` ms (-1: for ever). 1: it has;
 * 0: the time is over; -1: the conversation has ended, or was interrupted. *gone_since carries the
 * moment from which the watch said so, 0 at first. */
static int wait_ready(
    struct channel *c, short events, int timeout, int64_t *gone_since, struct err *err)
{
    const int64_t start = now_ms();
    for (;;) {
        const int64_t now = now_ms();
        int ms = timeout < 0 ? -1 : sooner(-1, start + timeout - now);
        const bool first = c->fifo && !c->met && !c->told;
        if (first && c->since == 0)
            c->since = now;
        if (first)
            ms = sooner(ms, c->since + NOTICE_MS - now);
        if (*gone_since != 0)
            ms = sooner(ms, *gone_since + GRACE_MS - now);
        const bool watching = *gone_since == 0 && (!c->writing || c->fd < 0);
        struct pollfd set[3] = {
            {.fd = c->fd, .events = events},
            {.fd = watching ? c->watch : -1, .events = c->writing ? POLLIN : 0},
            {.fd = c->writing ? -1 : c->interrupt, .events = POLLIN},
        };
        if (poll(set, 3, ms) < 0 && errno != EINTR)
            return err_errno(err, "cannot wait for '%s'", c->name);
        if (set[0].revents != 0) {
            c->met = true;
            return 1;
        }
        if (set[2].revents != 0)
            return err_set(err, ERR_STOPPED, "stopped while waiting for '%s'", c->name);
        if (peer_gone(c, &set[1]))
            *gone_since = now_ms();
        else if (set[1].revents != 0 && c->writing)
            poll(NULL, 0, ms < 0 || ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms); /* input is waiting */
        if (first && now_ms() - c->since >= NOTICE_MS)
            give_notice(c);
        if (*gone_since != 0 && now_ms() - *gone_since >= GRACE_MS)
            return err_set(err, ERR_READER_GONE,
                "the other end of the pipeline has left, nobody will %s '%s'",
                c->writing ? "read" : "write", c->name);
        if (timeout >= 0 && now_ms() - start >= timeout)
            return 0;
    }
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static ssize_t read_or_wait(struct channel *c, void *buffer, size_t size, struct err *err)
{
    int64_t gone_since = 0;
    while (!c->closed) {
        if (wait_ready(c, POLLIN, -1, &gone_since, err) < 0)
            return -1;
        const ssize_t got = read(c->fd, buffer, size);
        if (got > 0)
            return got;
        if (got == 0)
            c->closed = true;
        else if (errno != EAGAIN && errno != EINTR)
            return err_errno(err, "cannot read '%s'", c->name);
    }
    return 0;
}

static ssize_t read_some(struct channel *c, void *buffer, size_t size, struct err *err)
{
    const int64_t start = now_ns();
    const ssize_t got = read_or_wait(c, buffer, size, err);
    count_wait(c, start);
    return got;
}

ssize_t channel_read(struct channel *channel, void *buffer, size_t size, struct err *err)
{
    const size_t ahead = channel->ahead_to - channel->ahead_from;
    if (ahead == 0)
        return read_some(channel, buffer, size, err);
    const size_t take = size < ahead ? size : ahead;
    memcpy(buffer, channel->ahead + channel->ahead_from, take);
    channel->ahead_from += take;
    if (channel->ahead_from == channel->ahead_to) {
        free(channel->ahead);
        channel->ahead = NULL;
        channel->ahead_from = channel->ahead_to = 0;
    }
    return (ssize_t)take;
}

/* At most `most` bytes more ahead; 0 at the end of input, or when there is no room. */
static ssize_t read_ahead(struct channel *c, size_t most, struct err *err)
{
    if (c->ahead == NULL && (c->ahead = malloc(CHANNEL_AHEAD)) == NULL)
        return err_memory(err, "a channel");
    if (most > CHANNEL_AHEAD - c->ahead_to)
        most = CHANNEL_AHEAD - c->ahead_to;
    const ssize_t got = most == 0 ? 0 : read_some(c, c->ahead + c->ahead_to, most, err);
    if (got > 0)
        c->ahead_to += (size_t)got;
    return got;
}

ssize_t channel_peek(struct channel *channel, void *buffer, size_t size, struct err *err)
{
    while (channel->ahead_to < size) {
        const ssize_t got = read_ahead(channel, size - channel->ahead_to, err);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
    }
    const size_t have = channel->ahead_to < size ? channel->ahead_to : size;
    if (have > 0)
        memcpy(buffer, channel->ahead, have);
    return (ssize_t)have;
}

ssize_t channel_more(struct channel *channel, const unsigned char **bytes, struct err *err)
{
    const ssize_t got = read_ahead(channel, CHANNEL_AHEAD, err);
    *bytes = channel->ahead;
    return got < 0 ? -1 : (ssize_t)channel->ahead_to;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* Open a FIFO for writing, as soon as it has a reader. */
static int open_fifo(struct channel *c, struct err *err)
{
    int64_t gone_since = 0;
    for (int pause = RETRY_MS;; pause = pause < RETRY_MAX_MS ? pause + RETRY_MS : pause) {
        c->fd = open(c->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (c->fd >= 0) {
            c->met = true;
            return 0;
        }
        if (errno != ENXIO && errno != EINTR)
            return err_errno(err, "cannot open '%s'", c->name);
        if (wait_ready(c, 0, pause, &gone_since, err) < 0)
            return -1;
    }
}

static int write_or_wait(struct channel *c, const char *from, size_t size, struct err *err)
{
    int64_t gone_since = 0;
    if (size > 0 && c->fd < 0 && open_fifo(c, err) < 0)
        return -1;
    while (size > 0) {
        const ssize_t sent = write(c->fd, from, size);
        if (sent >= 0) {
            from += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (wait_ready(c, POLLOUT, -1, &gone_since, err) < 0)
                return -1;
        } else if (errno == EPIPE) {
            return err_set(err, ERR_READER_GONE, "the reader of '%s' has left", c->name);
        } else if (errno != EINTR) {
            return err_errno(err, "cannot write '%s'", c->name);
        }
    }
    return 0;
}

int channel_write(struct channel *channel, const void *data, size_t size, struct err *err)
{
    const int64_t start = now_ns();
    const int status = write_or_wait(channel, data, size, err);
    count_wait(channel, start);
    return status;
}

/* ---- closing ----------------------------------------------------------------------------------
 */

/* The name must survive a power failure as well as the bytes. */
static int sync_folder(const char *path, struct err *err)
{
    char *const copy = strdup(path);
    if (copy == NULL)
        return err_memory(err, "a file name");
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return 0; /* a folder may be writable and not readable */
    const int failed = fsync(fd) < 0 && errno != EINVAL && errno != EROFS;
    if (failed)
        err_errno(err, "cannot sync the folder of '%s'", path);
    close(fd);
    return failed ? -1 : 0;
}

int channel_sync(struct channel *channel, struct err *err)
{
    if (channel->fd < 0 || fsync(channel->fd) == 0 || errno == EINVAL || errno == EROFS)
        return 0;
    return err_errno(err, "cannot sync '%s'", channel->name);
}

int channel_finish(struct channel *channel, struct err *err)
{
    struct err failed = {0};
    if (channel->part != NULL && fsync(channel->fd) < 0)
        err_errno(&failed, "cannot sync '%s'", channel->part);
    if (channel->fd >= 0 && close(channel->fd) < 0 && errno != EINTR && channel->writing)
        err_errno(&failed, "cannot close '%s'", channel->name);
    channel->fd = -1;
    if (channel->part != NULL && failed.status == ERR_NONE) {
        if (rename(channel->part, channel->path) < 0) {
            err_errno(&failed, "cannot rename '%s' to '%s'", channel->part, channel->path);
        } else {
            free(channel->part);
            channel->part = NULL;
            sync_folder(channel->path, &failed);
        }
    }
    channel_abandon(channel);
    return failed.status == ERR_NONE ? 0 : err_set(err, failed.status, "%s", failed.text);
}

void channel_abandon(struct channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->part != NULL)
        unlink(channel->part);
    free(channel->ahead);
    free(channel->part);
    free(channel->path);
    free(channel->name);
    free(channel);
}

double channel_waited(const struct channel *channel)
{
    return channel->waited;
}

const char *channel_name(const struct channel *channel)
{
    return channel->name;
}

const char *channel_part(const struct channel *channel)
{
    return channel->part;
}

int channel_fd(const struct channel *channel)
{
    return channel->fd;
}

bool channel_terminal(const struct channel *channel)
{
    return channel->fd >= 0 && isatty(channel->fd);
}
