/* spool.h -- a temporary file without a name, for what passes by and will be wanted again.
 *
 * It lies in $TMPDIR, else in /var/tmp, else in /tmp, and is gone when the process is.
 * Errors: ERR_FAILED, with the folder's name.
 * SPDX-License-Identifier: MIT */
#ifndef SPOOL_H
#define SPOOL_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct spool {
    int fd;
    int64_t size; /* bytes in it */
    char *folder; /* that it lies in; NULL: not open */
};

/* Unless it is open already; on failure nothing is kept. Start with a zeroed struct. */
int spool_open(struct spool *spool, struct err *err);

/* Append; they are at `spool->size` as it was before. */
int spool_add(struct spool *spool, const void *bytes, size_t size, struct err *err);

void spool_close(struct spool *spool); /* zeroes it; a zeroed one is fine */

#endif
