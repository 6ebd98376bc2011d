/* channel -- FIFOs whose other end comes late, never, or leaves; files that appear whole or not.
 *
 * Time runs twenty times faster here: the test brings its own clock and poll(), so that ten seconds
 * without a peer are half a second.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall, ppoll */
#include "formats/channel.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SPEED = 20 };

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (syscall(SYS_clock_gettime, clock, now) != 0)
        return -1;
    const long long fast = SPEED * (now->tv_sec * 1000000000LL + now->tv_nsec);
    *now = (struct timespec){.tv_sec = fast / 1000000000, .tv_nsec = fast % 1000000000};
    return 0;
}

int poll(struct pollfd *set, nfds_t count, int ms)
{
    const struct timespec slow = {
        .tv_sec = ms / 1000 / SPEED, .tv_nsec = ms % (1000 * SPEED) * (1000000L / SPEED)};
    return (int)syscall(SYS_ppoll, set, count, ms < 0 ? NULL : &slow, NULL, 8);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void wait_ms(int ms) /* of the fast clock */
{
    poll(NULL, 0, ms);
}

static char folder[] = "/tmp/simclr-unit-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[2][100];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
    return path[which];
}

static bool there(const char *name)
{
    struct stat status;
    return stat(path_of(name), &status) == 0;
}

/* ---- a peer in a thread of its own ------------------------------------------------------------
 */

struct peer {
    pthread_t thread;
    int delay;        /* ms before it opens */
    bool reads;       /* reads all there is, or writes `text` */
    const char *path; /* of a FIFO */
    const char *text;
    size_t got;
    bool slow; /* a read now and then */
};

static void *peer_main(void *argument)
{
    static char buffer[4096];
    struct peer *p = argument;
    wait_ms(p->delay);
    const int fd = open(p->path, p->reads ? O_RDONLY : O_WRONLY);
    ssize_t got = 1;
    while (p->reads && (got = read(fd, buffer, sizeof buffer)) > 0) {
        p->got += (size_t)got;
        if (p->slow)
            wait_ms(1);
    }
    if (!p->reads)
        got = write(fd, p->text, strlen(p->text));
    close(fd);
    return NULL;
}

static void peer_start(struct peer *peer)
{
    pthread_create(&peer->thread, NULL, peer_main, peer);
}

static int notices;
static char noticed[200];

static void notice(const char *what)
{
    notices++;
    snprintf(noticed, sizeof noticed, "%s", what);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static void test_reading(void)
{
    struct err err = {0};
    char buffer[100];
    OK(channel_open("/no/such/file", &err) == NULL && err.status == ERR_MISUSE &&
            strstr(err.text, "'/no/such/file': No such file") != NULL,
        "a missing file is misuse");
    err = (struct err){0};
    OK(channel_open("/", &err) == NULL && err.status == ERR_MISUSE, "so is a folder");

    err = (struct err){0};
    int ends[2];
    if (pipe(ends) != 0 || write(ends[1], "hello world", 11) != 11)
        return;
    close(ends[1]);
    char path[40];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct channel *c = channel_open(path, &err);
    OK(channel_peek(c, buffer, 5, &err) == 5 && memcmp(buffer, "hello", 5) == 0, "peeking");
    OK(channel_read(c, buffer, 3, &err) == 3 && memcmp(buffer, "hel", 3) == 0,
        "what was peeked at is read");
    OK(channel_read(c, buffer, 100, &err) == 2 && channel_read(c, buffer, 100, &err) == 6 &&
            memcmp(buffer, " world", 6) == 0,
        "then the rest");
    OK(channel_read(c, buffer, 100, &err) == 0 && channel_read(c, buffer, 100, &err) == 0,
        "the end stays the end");
    OK(!channel_terminal(c) && strcmp(channel_name(c), path) == 0, "its name is its path");
    OK(channel_finish(c, &err) == 0, "and it is closed");
    close(ends[0]);

    const unsigned char *ahead = NULL;
    if (pipe(ends) != 0 || write(ends[1], "hello", 5) != 5)
        return;
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    c = channel_open(path, &err);
    OK(channel_more(c, &ahead, &err) == 5 && memcmp(ahead, "hello", 5) == 0 &&
            write(ends[1], " world", 6) == 6 && channel_more(c, &ahead, &err) == 11 &&
            memcmp(ahead, "hello world", 11) == 0,
        "taking ahead what there is, piece by piece");
    close(ends[1]);
    OK(channel_more(c, &ahead, &err) == 11, "and no more at the end");
    OK(channel_read(c, buffer, 6, &err) == 6 && channel_read(c, buffer, 100, &err) == 5 &&
            memcmp(buffer, "world", 5) == 0 && channel_read(c, buffer, 100, &err) == 0,
        "nothing of it is taken away");
    channel_finish(c, &err);
    close(ends[0]);

    mkfifo(path_of("in"), 0600);
    c = channel_open(path_of("in"), &err);
    OK(c != NULL, "a FIFO opens without a writer");
    struct peer late = {.delay = 300, .path = path_of("in"), .text = "late"};
    peer_start(&late);
    OK(channel_read(c, buffer, 100, &err) == 4 && memcmp(buffer, "late", 4) == 0,
        "a late writer is waited for");
    OK(channel_read(c, buffer, 100, &err) == 0, "and its leaving is the end");
    pthread_join(late.thread, NULL);
    channel_abandon(c);

    c = channel_open(path_of("in"), &err);
    late = (struct peer){.delay = 12000, .path = path_of("in"), .text = "late"};
    channel_set_notice(c, notice);
    notices = 0;
    peer_start(&late);
    OK(channel_read(c, buffer, 100, &err) == 4 && notices == 1 &&
            strstr(noticed, "waits for a writer of '/tmp/") != NULL,
        "after ten seconds one line says for whom: %s", noticed);
    pthread_join(late.thread, NULL);
    channel_abandon(c);
    unlink(path_of("in"));
}

static void test_reading_watch(void)
{
    struct err err = {0};
    char buffer[100];
    int out[2], interrupt[2];
    mkfifo(path_of("grad"), 0600);
    if (pipe(out) != 0 || pipe(interrupt) != 0)
        return;

    struct channel *c = channel_open(path_of("grad"), &err);
    channel_watch(c, out[1]);
    struct peer late = {.delay = 1500, .path = path_of("grad"), .text = "late"};
    peer_start(&late);
    OK(channel_read(c, buffer, 100, &err) == 4, "a reader that is there is no reason to leave");
    pthread_join(late.thread, NULL);
    channel_abandon(c);

    close(out[0]); /* now the reader of our output has left */
    c = channel_open(path_of("grad"), &err);
    channel_watch(c, out[1]);
    late.delay = 200;
    peer_start(&late);
    OK(channel_read(c, buffer, 100, &err) == 4, "what comes within the grace is taken");
    pthread_join(late.thread, NULL);
    channel_abandon(c);

    c = channel_open(path_of("grad"), &err);
    channel_watch(c, out[1]);
    const double start = seconds();
    OK(channel_read(c, buffer, 100, &err) == -1 && err.status == ERR_READER_GONE,
        "nobody waits for the dead: %s", err.text);
    NEAR(seconds() - start, 0.9, 0.45, "but half a second");
    channel_abandon(c);

    err = (struct err){0};
    c = channel_open(path_of("grad"), &err);
    channel_interrupt(c, interrupt[0]);
    const int writer = open(path_of("grad"), O_WRONLY);
    OK(write(interrupt[1], "!", 1) == 1 && write(writer, "here", 4) == 4, "(a signal)");
    OK(channel_read(c, buffer, 100, &err) == 4, "what is there is handed out in spite of a signal");
    OK(channel_read(c, buffer, 100, &err) == -1 && err.status == ERR_STOPPED,
        "then the waiting ends");
    channel_abandon(c);
    close(writer);
    close(out[1]);
    close(interrupt[0]);
    close(interrupt[1]);
    unlink(path_of("grad"));
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void test_writing_fifo(void)
{
    enum { MUCH = 1 << 20 };
    struct err err = {0};
    char *const much = calloc(1, MUCH);
    mkfifo(path_of("out"), 0600);
    struct channel *c = channel_create(path_of("out"), &err);
    OK(c != NULL && channel_fd(c) == -1 && channel_part(c) == NULL,
        "a FIFO is not opened before the first write");
    struct peer reader = {.delay = 12000, .reads = true, .slow = true, .path = path_of("out")};
    notices = 0;
    channel_set_notice(c, notice);
    peer_start(&reader);
    OK(channel_write(c, much, MUCH, &err) == 0, "a late and slow reader gets everything");
    OK(notices == 1 && strstr(noticed, "waits for a reader of '/tmp/") != NULL, "one line: %s",
        noticed);
    OK(channel_finish(c, &err) == 0, "and it is closed");
    pthread_join(reader.thread, NULL);
    OK(reader.got == MUCH && there("out"), "all of it; the FIFO stays");

    c = channel_create(path_of("out"), &err);
    const int leaves = open(path_of("out"), O_RDONLY | O_NONBLOCK);
    OK(channel_write(c, "x", 1, &err) == 0, "a reader that is there");
    close(leaves);
    OK(channel_write(c, "x", 1, &err) == -1 && err.status == ERR_READER_GONE, "and leaves: %s",
        err.text);
    channel_abandon(c);
    unlink(path_of("out"));
    free(much);
}

static void watch_while_opening(int in[2], const char *how)
{
    struct err err = {0};
    char byte;
    struct channel *c = channel_create(path_of("out"), &err);
    channel_watch(c, in[0]);
    struct peer reader = {.delay = 1500, .reads = true, .path = path_of("out")};
    peer_start(&reader);
    OK(channel_write(c, "x", 1, &err) == 0, "%s: a writer that is there is waited with", how);
    channel_abandon(c);
    pthread_join(reader.thread, NULL);

    OK(write(in[1], "y", 1) == 1, "(input that nobody has read)");
    close(in[1]);
    c = channel_create(path_of("out"), &err);
    channel_watch(c, in[0]);
    peer_start(&reader);
    OK(channel_write(c, "x", 1, &err) == 0, "%s: a hang-up with input left does not count", how);
    channel_abandon(c);
    pthread_join(reader.thread, NULL);

    OK(read(in[0], &byte, 1) == 1, "(read)");
    c = channel_create(path_of("out"), &err);
    channel_watch(c, in[0]);
    const double start = seconds();
    OK(channel_write(c, "x", 1, &err) == -1 && err.status == ERR_READER_GONE,
        "%s: a hang-up without does", how);
    NEAR(seconds() - start, 0.9, 0.45, "after half a second");
    channel_abandon(c);
    close(in[0]);
}

static void test_writing_watch(void)
{
    int in[2];
    mkfifo(path_of("out"), 0600);
    if (pipe(in) == 0)
        watch_while_opening(in, "pipe");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, in) == 0)
        watch_while_opening(in, "socket");
    unlink(path_of("out"));
}

static void test_nonblocking(void)
{
    struct err err = {0};
    int ends[2];
    char path[40], *const much = calloc(1, 300000);
    mkfifo(path_of("both"), 0600);
    if (pipe(ends) != 0)
        return;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    struct channel *out = channel_create(path, &err);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct peer reader = {.reads = true, .slow = true, .path = path};
    peer_start(&reader); /* opens the pipe anew, blocking */
    wait_ms(500);
    OK(channel_write(out, much, 300000, &err) == 0,
        "a descriptor that does not block is waited for");
    channel_finish(out, &err);
    close(ends[1]);
    pthread_join(reader.thread, NULL);
    OK(reader.got == 300000, "and nothing is lost");
    close(ends[0]);
    unlink(path_of("both"));
    free(much);
}

static bool contains(const char *name, const char *text)
{
    char buffer[100] = {0};
    const int fd = open(path_of(name), O_RDONLY);
    const ssize_t got = read(fd, buffer, sizeof buffer - 1);
    close(fd);
    return got == (ssize_t)strlen(text) && strcmp(buffer, text) == 0;
}

static void test_writing_files(void)
{
    struct err err = {0};
    struct channel *c = channel_create(path_of("file"), &err);
    OK(strcmp(channel_part(c), path_of("file.part")) == 0, "a file is written as FILE.part");
    OK(channel_write(c, "old", 3, &err) == 0 && there("file.part") && !there("file"),
        "and not there before its end");
    OK(channel_finish(c, &err) == 0 && contains("file", "old") && !there("file.part"),
        "then it is, whole");
    c = channel_create(path_of("file"), &err);
    OK(channel_write(c, "half", 4, &err) == 0, "(a second one)");
    channel_abandon(c);
    OK(contains("file", "old") && !there("file.part"), "given up, it leaves the old one");
    c = channel_create(path_of("file"), &err);
    channel_write(c, "new", 3, &err);
    OK(channel_sync(c, &err) == 0, "it can be synced");
    OK(channel_finish(c, &err) == 0 && contains("file", "new"), "finished, it replaces it");

    OK(channel_create("/no/such/folder/x", &err) == NULL && err.status == ERR_MISUSE,
        "a folder that is missing is misuse");
    err = (struct err){0};
    OK(channel_create(folder, &err) == NULL && err.status == ERR_MISUSE, "so is a folder");
    err = (struct err){0};
    c = channel_create("/dev/full", &err);
    OK(c != NULL && channel_part(c) == NULL, "a device is written in place");
    OK(channel_sync(c, &err) == 0, "there is nothing to sync in it");
    OK(channel_write(c, "x", 1, &err) == -1 && err.status == ERR_FAILED &&
            strstr(err.text, "'/dev/full': No space left") != NULL,
        "a full disk is a failure");
    channel_abandon(c);

    err = (struct err){0};
    const int fd = open(path_of("file"), O_WRONLY | O_APPEND);
    char path[40];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    c = channel_create(path, &err);
    OK(channel_write(c, "er", 2, &err) == 0 && channel_finish(c, &err) == 0 &&
            contains("file", "newer"),
        "an open descriptor is written where it stands");
    close(fd);
    channel_abandon(NULL);
    unlink(path_of("file"));
}

/* A process of its own writes `text` into the file; a byte through `go` lets it finish. */
static pid_t start_writer(const char *name, const char *text, int *go)
{
    int ready[2], wait[2];
    char byte = 0;
    struct err err = {0};
    if (pipe(ready) < 0 || pipe(wait) < 0)
        abort();
    const pid_t child = fork();
    if (child != 0) {
        close(ready[1]);
        close(wait[0]);
        *go = wait[1];
        const bool there = read(ready[0], &byte, 1) == 1;
        close(ready[0]);
        return there ? child : -1;
    }
    struct channel *const c = channel_create(name, &err);
    close(wait[1]);
    if (c == NULL || channel_write(c, text, strlen(text), &err) < 0 || write(ready[1], "", 1) != 1)
        _exit(1);
    if (read(wait[0], &byte, 1) == 1)
        channel_finish(c, &err);
    _exit(err.status);
}

static void test_writing_twice(void)
{
    struct err err = {0};
    int go = -1, status = -1;
    pid_t child = start_writer(path_of("twice"), "first", &go);
    OK(child > 0 && channel_create(path_of("twice"), &err) == NULL && err.status == ERR_MISUSE &&
            strstr(err.text, "another process is writing it") != NULL,
        "what another process is writing is refused");
    OK(write(go, "", 1) == 1 && waitpid(child, &status, 0) == child && status == 0 &&
            contains("twice", "first"),
        "and comes to its end unharmed");
    close(go);
    child = start_writer(path_of("twice"), "half of it", &go);
    close(go); /* it ends without an end, as one that was killed */
    waitpid(child, &status, 0);
    err = (struct err){0};
    struct channel *const c = channel_create(path_of("twice"), &err);
    OK(c != NULL && channel_write(c, "new", 3, &err) == 0 && channel_finish(c, &err) == 0 &&
            contains("twice", "new"),
        "what a dead process has left is written anew");
    unlink(path_of("twice"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL)
        return 1;
    test_reading();
    test_reading_watch();
    test_writing_fifo();
    test_writing_watch();
    test_nonblocking();
    test_writing_files();
    test_writing_twice();
    OK(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
