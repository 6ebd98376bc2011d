/* folder -- list a tree of picture files in an order of its own.
 * SPDX-License-Identifier: MIT */
#include "formats/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files that stand beside pictures and are none. */
static const char *const other_names[] = {".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml",
    ".yaml", ".yml", ".md", ".html", ".htm", ".pdf", ".py", ".sh", ".log", ".ini", ".db", ".mat",
    ".npy", ".npz", ".bin", ".gz", ".zip", ".tar", ".mp4", ".mov", ".avi", "README", "LICENSE",
    "COPYING", NULL};

/* A folder on the way down from the root. */
struct level {
    const struct level *up;
    dev_t device;
    ino_t inode;
    int depth, fd;
    const char *path; /* relative to the root, with a '/' at its end; "" for the root */
    int label;
};

static int list(struct folder *out, const struct level *level, struct err *err);

/* ---- names ---------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **name, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(name[i]);
    free(name);
}

/* The names in a folder that are not hidden, sorted; `fd` stays the caller's. */
static char **read_names(int fd, size_t *count, const char *path, struct err *err)
{
    char **name = NULL;
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *const folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    *count = 0;
    if (folder == NULL) {
        err_errno(err, "cannot read the folder '%s'", path);
        if (copy >= 0)
            close(copy);
        return NULL;
    }
    for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
        if (entry->d_name[0] == '.')
            continue;
        if ((*count & (*count - 1)) == 0) { /* room for 1, 2, 4, ... */
            char **const more = realloc(name, 2 * (*count + !*count) * sizeof *more);
            if (more == NULL)
                break;
            name = more;
        }
        if ((name[*count] = strdup(entry->d_name)) == NULL)
            break;
        ++*count;
    }
    if (entry != NULL)
        err_memory(err, "the names in a folder");
    else if (errno != 0)
        err_errno(err, "cannot read the folder '%s'", path);
    else if (name == NULL && (name = malloc(sizeof *name)) == NULL)
        err_memory(err, "the names in a folder");
    closedir(folder);
    if (err->status != ERR_NONE) {
        free_names(name, *count);
        return NULL;
    }
    qsort(name, *count, sizeof *name, by_bytes);
    return name;
}

static int is_other(const char *name)
{
    const char *const dot = strrchr(name, '.');
    for (int i = 0; other_names[i] != NULL; i++)
        if (strcasecmp(dot == NULL ? name : dot, other_names[i]) == 0)
            return 1;
    return 0;
}

/* ---- listing -------------------------------------------------------------------------------- */

static int add_file(
    struct folder *out, const char *folder, const char *name, int label, struct err *err)
{
    const size_t n = (size_t)out->count, a = strlen(folder), b = strlen(name) + 1;
    if ((n & (n - 1)) == 0) {
        struct folder_file *const more = realloc(out->file, 2 * (n + !n) * sizeof *more);
        if (more == NULL)
            return err_memory(err, "the names in a folder");
        out->file = more;
    }
    unsigned char *const room = bytes_room(&out->names, a + b, err);
    if (room == NULL)
        return -1;
    memcpy(room, folder, a);
    memcpy(room + a, name, b);
    out->file[n] = (struct folder_file){out->names.size, label};
    out->names.size += a + b;
    out->count++;
    return 0;
}

/* Go down into a sub-folder, unless it is one that we are in already (a link that goes up). */
static int list_below(struct folder *out, const struct level *level, const char *name,
    const struct stat *status, struct err *err)
{
    for (const struct level *up = level; up != NULL; up = up->up)
        if (up->device == status->st_dev && up->inode == status->st_ino)
            return 0;
    if (level->depth == FOLDER_DEPTH)
        return err_set(err, ERR_MISUSE, "'%s/%s%s' is more than %d folders deep", out->path,
            level->path, name, FOLDER_DEPTH);
    char *const path = malloc(strlen(level->path) + strlen(name) + 2);
    if (path == NULL)
        return err_memory(err, "the names in a folder");
    sprintf(path, "%s%s/", level->path, name);
    struct level below = {level, status->st_dev, status->st_ino, level->depth + 1, -1, path,
        level->depth == 0 ? classes_add(&out->classes, name, err) : level->label};
    int failed = err->status != ERR_NONE;
    if (!failed && (below.fd = openat(level->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        failed = err_errno(err, "cannot open the folder '%s/%s'", out->path, path);
    if (!failed)
        failed = list(out, &below, err);
    if (below.fd >= 0)
        close(below.fd);
    free(path);
    return failed ? -1 : 0;
}

static int list(struct folder *out, const struct level *level, struct err *err)
{
    size_t count;
    char **const name = read_names(level->fd, &count, out->path, err);
    int failed = name == NULL;
    for (size_t i = 0; i < count && !failed; i++) {
        struct stat status;
        if (fstatat(level->fd, name[i], &status, 0) < 0)
            out->ignored++; /* a link to nothing, or gone since it was listed */
        else if (S_ISDIR(status.st_mode))
            failed = list_below(out, level, name[i], &status, err) < 0;
        else if (!S_ISREG(status.st_mode) || status.st_size == 0 || status.st_size > FOLDER_FILE ||
                 is_other(name[i]))
            out->ignored++;
        else
            failed = add_file(out, level->path, name[i], level->label, err) < 0;
    }
    if (name != NULL)
        free_names(name, count);
    return failed ? -1 : 0;
}

/* ---- interface ------------------------------------------------------------------------------ */

static int open_root(struct folder *out, const char *path, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->path = strdup(path);
    out->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd < 0)
        return err_set(err, ERR_MISUSE, "cannot open the folder '%s': %s", path, strerror(errno));
    return out->path == NULL ? err_memory(err, "a file name") : 0;
}

int folder_open(struct folder *out, const char *path, struct err *err)
{
    int failed = open_root(out, path, err);
    struct stat status;
    if (!failed && fstat(out->fd, &status) < 0)
        failed = err_errno(err, "cannot read the folder '%s'", path);
    if (!failed) {
        const struct level root = {NULL, status.st_dev, status.st_ino, 0, out->fd, "", -1};
        failed = list(out, &root, err);
    }
    if (!failed && out->count == 0)
        failed = out->ignored == 0
                     ? err_set(err, ERR_MISUSE, "'%s' is an empty folder", path)
                     : err_set(err, ERR_MISUSE, "'%s' has no pictures (%lld files were left out)",
                           path, (long long)out->ignored);
    if (failed)
        folder_close(out);
    return failed;
}

int folder_open_file(struct folder *out, const char *path, struct err *err)
{
    const char *const slash = strrchr(path, '/');
    memset(out, 0, sizeof *out);
    out->fd = -1; /* thousands may be named: none is kept open */
    out->path = strdup(path);
    const int failed = out->path == NULL
                           ? err_memory(err, "a file name")
                           : add_file(out, "", slash == NULL ? path : slash + 1, -1, err);
    if (failed)
        folder_close(out);
    return failed;
}

void folder_close(struct folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->path);
    free(folder->file);
    bytes_free(&folder->names);
    classes_free(&folder->classes);
    memset(folder, 0, sizeof *folder);
    folder->fd = -1;
}

const char *folder_name(const struct folder *folder, int64_t row)
{
    return (const char *)folder->names.data + folder->file[row].name;
}

/* Is this the trouble of one file, and not of the process or the machine? */
static bool of_the_file(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
    case EIO:
    case ESTALE:
        return true;
    default:
        return false;
    }
}

static int blame(struct err *err, const char *what, const char *path)
{
    const int error = errno;
    return err_set(err, of_the_file(error) ? ERR_INPUT : ERR_FAILED, "cannot %s '%s': %s", what,
        path, strerror(error));
}

static int read_open(int fd, const char *shown, struct bytes *out, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return blame(err, "read", shown);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_INPUT, "'%s' is no file", shown);
    const size_t size = (size_t)status.st_size; /* it may grow meanwhile: what is there now */
    if (status.st_size > FOLDER_FILE)
        return err_set(err, ERR_INPUT, "'%s' has more than %d MiB", shown, FOLDER_FILE >> 20);
    unsigned char *const room = bytes_room(out, size, err);
    if (room == NULL)
        return -1;
    for (size_t have = 0; have < size;) {
        const ssize_t got = read(fd, room + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return blame(err, "read", shown);
        if (got == 0) /* cut while it was read: its decoder will say what is missing */
            break;
        have += (size_t)got;
        out->size += (size_t)got;
    }
    return 0;
}

int folder_read_file(
    int fd, const char *path, const char *shown, struct bytes *out, struct err *err)
{
    /* Where there was a file there may be a FIFO now, which must not be waited for. */
    const int file = openat(fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const size_t before = out->size;
    if (file < 0)
        return blame(err, "open", shown);
    const int failed = read_open(file, shown, out, err);
    if (failed)
        out->size = before;
    close(file);
    return failed;
}

int folder_read(const struct folder *folder, int64_t row, struct bytes *out, struct err *err)
{
    const char *const name = folder_name(folder, row);
    if (folder->fd < 0)
        return folder_read_file(AT_FDCWD, folder->path, folder->path, out, err);
    char *const shown = malloc(strlen(folder->path) + strlen(name) + 2);
    if (shown == NULL)
        return err_memory(err, "a file name");
    sprintf(shown, "%s/%s", folder->path, name);
    const int failed = folder_read_file(folder->fd, name, shown, out, err);
    free(shown);
    return failed;
}
