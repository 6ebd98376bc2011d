/* spool -- a temporary file that is unlinked as soon as it is open.
 * SPDX-License-Identifier: MIT */
#include "formats/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_in(struct spool *out, const char *folder)
{
    static const char name[] = "/simclr.XXXXXX";
    char *const path = malloc(strlen(folder) + sizeof name);
    out->folder = strdup(folder);
    out->fd = -1;
    if (path != NULL && out->folder != NULL) {
        sprintf(path, "%s%s", folder, name);
        out->fd = mkstemp(path);
    }
    if (out->fd >= 0) {
        unlink(path);
        fcntl(out->fd, F_SETFD, FD_CLOEXEC);
    } else {
        free(out->folder);
        out->folder = NULL;
    }
    free(path);
    return out->fd;
}

int spool_open(struct spool *spool, struct err *err)
{
    const char *const wish = getenv("TMPDIR");
    if (spool->folder != NULL)
        return 0;
    spool->size = 0;
    if (wish != NULL && *wish != '\0')
        return open_in(spool, wish) >= 0
                   ? 0
                   : err_errno(err, "cannot make a temporary file in '%s' (TMPDIR)", wish);
    if (open_in(spool, "/var/tmp") >= 0 || open_in(spool, "/tmp") >= 0)
        return 0;
    err_errno(err, "cannot make a temporary file in '/tmp'");
    return err_hint(err, "set TMPDIR to a folder that can be written");
}

int spool_add(struct spool *spool, const void *bytes, size_t size, struct err *err)
{
    const char *const from = bytes;
    for (size_t sent = 0; sent < size;) {
        const ssize_t got =
            pwrite(spool->fd, from + sent, size - sent, (off_t)spool->size + (off_t)sent);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_errno(err, "cannot write a temporary file in '%s'", spool->folder);
            return err_hint(err, "what passes by is kept there: set TMPDIR to a folder "
                                 "with more room");
        }
        sent += (size_t)got;
    }
    spool->size += (int64_t)size;
    return 0;
}

void spool_close(struct spool *spool)
{
    if (spool->folder != NULL)
        close(spool->fd);
    free(spool->folder);
    memset(spool, 0, sizeof *spool);
}
