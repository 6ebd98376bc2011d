/* spill.h -- memory beyond a limit: the first bytes are memory, the rest are pages of a file.
 *
 * One stretch of addresses, so that whoever lays something out in it need not know where the border
 * is. The file has no name any more once it is open: nothing is left behind, however the process
 * ends. Its blocks are reserved before it is mapped, so that a full disk is an error and no SIGBUS.
 *
 * Pages of the file count as resident until spill_leave(); from there on they are the system's cache,
 * which it writes out and drops when memory is wanted for something else.
 * SPDX-License-Identifier: MIT */
#ifndef SPILL_H
#define SPILL_H

#include "lib/base/err.h"

#include <stddef.h>

struct spill {
    char *base; /* [bytes], at a page boundary; NULL: not mapped */
    size_t bytes;
    size_t memory; /* bytes from base on that are memory; the file has the others */
};

/* A new file at `path`, opened for reading and writing and unlinked at once: the descriptor, or -1.
 * A file that is there is refused, unless it is empty (whoever made it was killed before unlinking).
 * Processes that are given the same path have files of their own.
 * Errors: ERR_FAILED. */
int spill_open(const char *path, struct err *err);

/* Map `bytes` zeros: at most `memory` of them as memory, the rest as the file `fd` from `*at` on,
 * which moves behind them. The file must end at *at, or before.
 * Errors: ERR_FAILED (disk full, memory). */
int spill_map(
    struct spill *spill, size_t bytes, size_t memory, int fd, size_t *at, struct err *err);
void spill_unmap(struct spill *spill); /* not mapped is fine */

/* These bytes are not wanted for a while: what of them is in the file need not stay resident. Their
 * values do not change. NULL is fine.
 * Cost: a system call where the file has some of them; a fault for each page that is touched again. */
void spill_leave(const struct spill *spill, const void *first, size_t bytes);

#endif
