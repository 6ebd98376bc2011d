/* bytes.h -- a buffer that grows with what is put into it.
 * SPDX-License-Identifier: MIT */
#ifndef BYTES_H
#define BYTES_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct bytes {
    unsigned char *data; /* owned: bytes_free(); start with a zeroed struct */
    size_t size, capacity;
};

/* Make room for `more` bytes behind the `size` that are there; the caller writes them and adds to
 * `size`. Returns where they go, or NULL with ERR_FAILED. */
unsigned char *bytes_room(struct bytes *bytes, size_t more, struct err *err);

/* Append the `size` bytes that a file has at `at`, wherever its position is. Returns 0, or -1 with
 * `bytes` as they were: ERR_FAILED, also when the file is shorter. */
int bytes_read_at(
    struct bytes *bytes, int fd, int64_t at, size_t size, const char *path, struct err *err);

void bytes_free(struct bytes *bytes);

#endif
