/* spill -- memory beyond a limit: the first bytes are memory, the rest are pages of a file.
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise: glibc's posix_madvise leaves pages where they are */
#include "lib/base/spill.h"

#include "lib/base/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int spill_open(const char *path, struct err *err)
{
    for (int attempt = 0;; attempt++) {
        const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd >= 0) {
            unlink(path); /* it may be gone: see below */
            return fd;
        }
        /* An empty file is one that somebody is about to unlink, or was. Nobody opens it a second
         * time, so that no two processes ever have the same one. */
        struct stat stale;
        if (errno != EEXIST || attempt > 9)
            return err_errno(err, "cannot make '%s'", path);
        if (lstat(path, &stale) == 0 && (!S_ISREG(stale.st_mode) || stale.st_size > 0))
            return err_set(err, ERR_FAILED, "cannot make '%s': %s", path, strerror(EEXIST));
        unlink(path);
    }
}

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Reserve blocks of the file and put them in the place of memory. */
static int map_file(const struct spill *s, size_t length, int fd, size_t at, struct err *err)
{
    const size_t bytes = length - s->memory;
    int failed = at > INT64_MAX - bytes ? EFBIG : 0;
    if (!failed)
        do
            failed = posix_fallocate(fd, (off_t)at, (off_t)bytes);
        while (failed == EINTR);
    if (!failed && mmap(s->base + s->memory, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                       fd, (off_t)at) == MAP_FAILED)
        failed = errno;
    if (!failed)
        return 0;
    errno = failed;
    return err_errno(
        err, "cannot take %.1f GiB of a scratch file", (double)bytes / ((size_t)1 << 30));
}

int spill_map(struct spill *spill, size_t bytes, size_t memory, int fd, size_t *at, struct err *err)
{
    const size_t unit = page(), length = shape_plus(bytes, unit - 1) / unit * unit;
    *spill =
        (struct spill){.bytes = bytes, .memory = memory < bytes ? memory / unit * unit : length};
    void *const base = mmap(
        NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        *spill = (struct spill){0};
        return err_errno(err, "cannot map %.1f GiB", (double)bytes / ((size_t)1 << 30));
    }
    spill->base = base;
    if (spill->memory < length && map_file(spill, length, fd, *at, err) < 0) {
        spill_unmap(spill);
        return -1;
    }
    *at += length - spill->memory;
    return 0;
}

void spill_unmap(struct spill *spill)
{
    if (spill->base != NULL)
        munmap(spill->base, spill->bytes);
    *spill = (struct spill){0};
}

void spill_leave(const struct spill *spill, const void *first, size_t bytes)
{
    if (spill == NULL || spill->base == NULL || spill->memory >= spill->bytes)
        return;
    /* Whole pages only: the ends belong to the neighbours too. */
    const uintptr_t unit = page(), file = (uintptr_t)(spill->base + spill->memory);
    const uintptr_t limit = (uintptr_t)(spill->base + spill->bytes);
    uintptr_t from = ((uintptr_t)first + unit - 1) / unit * unit;
    uintptr_t to = ((uintptr_t)first + bytes) / unit * unit;
    from = from < file ? file : from;
    to = to > limit ? limit / unit * unit : to;
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED); /* of shared pages: nothing is lost */
}
