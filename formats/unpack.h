/* unpack.h -- a sequence of bytes that may be compressed by gzip or zstd, told by its content.
 *
 * Several gzip members or zstd frames behind one another are one sequence, as gzip and zstd have it;
 * zeros behind the last gzip member are padding. zstd takes its window beforehand, which is bounded
 * by UNPACK_WINDOW: `zstd --long=27` and all of its levels are read.
 *
 * Errors: ERR_INPUT damaged or cut short; ERR_FAILED for I/O and memory; what channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef UNPACK_H
#define UNPACK_H

#include "formats/channel.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNPACK_WINDOW = 27 }; /* log2 of bytes */

enum unpack_kind { UNPACK_PLAIN, UNPACK_GZIP, UNPACK_ZSTD };

struct unpack;

/* What the first bytes say; 4 of them are enough. */
enum unpack_kind unpack_kind(const void *bytes, size_t size);

/* The first bytes of what `bytes` unpack to, `room` of them or as many as there are. `whole`: nothing
 * follows these bytes. -1 for damage before there are `room`, without a file name in the message. */
ssize_t unpack_begin(
    void *out, size_t room, const void *bytes, size_t size, bool whole, struct err *err);

/* From a channel, which stays the caller's. NULL with err filled. */
struct unpack *unpack_new(struct channel *channel, struct err *err);

/* From a plain file, as it is, from its beginning: bytes that are skipped cost nothing. `fd` and
 * `name` (for messages) stay the caller's. */
struct unpack *unpack_file(int fd, const char *name, struct err *err);

void unpack_free(struct unpack *unpack); /* NULL is fine */

/* `size` bytes, fewer at the end of the input only; -1. */
ssize_t unpack_read(struct unpack *unpack, void *out, size_t size, struct err *err);

/* Leave out `size` bytes; returns how many there were, fewer at the end of the input only; -1. */
int64_t unpack_skip(struct unpack *unpack, int64_t size, struct err *err);

int64_t unpack_at(const struct unpack *unpack);       /* bytes read and left out so far */
const char *unpack_name(const struct unpack *unpack); /* for messages */

#endif
