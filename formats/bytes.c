/* bytes -- a buffer that at least doubles when it grows.
 * SPDX-License-Identifier: MIT */
#include "formats/bytes.h"

#include "lib/base/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 1 << 16 };

unsigned char *bytes_room(struct bytes *bytes, size_t more, struct err *err)
{
    const size_t need = shape_plus(bytes->size, more);
    if (need > bytes->capacity || bytes->data == NULL) {
        const size_t twice = shape_times(bytes->capacity, 2);
        const size_t capacity = need > twice ? (need > FIRST ? need : FIRST) : twice;
        unsigned char *const data = need == SIZE_MAX ? NULL : realloc(bytes->data, capacity);
        if (data == NULL) {
            err_memory(err, "pictures");
            return NULL;
        }
        bytes->data = data;
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->size;
}

int bytes_read_at(
    struct bytes *bytes, int fd, int64_t at, size_t size, const char *path, struct err *err)
{
    unsigned char *const room = bytes_room(bytes, size, err);
    if (room == NULL)
        return -1;
    for (size_t have = 0; have < size;) {
        const ssize_t got = pread(fd, room + have, size - have, (off_t)at + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "cannot read '%s'", path);
        if (got == 0)
            return err_set(err, ERR_FAILED, "'%s' became shorter while it was read", path);
        have += (size_t)got;
    }
    bytes->size += size;
    return 0;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}
