/* columns.h -- numbers out of a table of tab-separated values: a header line with the names of the
 * columns, then a line a row.
 *
 * A field that is empty, `-` or `nan` is no number: NaN. Anything else that is not a finite decimal
 * number is refused, in the columns that are asked for. A last line without a line end may have been
 * cut while it was written: it is left out.
 *
 * Errors: ERR_INPUT, naming the source and the line; ERR_FAILED for memory and I/O.
 * SPDX-License-Identifier: MIT */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "formats/channel.h"
#include "lib/base/err.h"

#include <stddef.h>

enum { COLUMNS_MOST = 16 }; /* that can be asked for at once */

struct columns {
    int count; /* that were asked for */
    size_t rows;
    double *value[COLUMNS_MOST]; /* [rows] each, owned: columns_free() */
};

/* Read the channel to its end, and keep the columns of these names. On failure nothing is kept. */
int columns_read(struct columns *out, struct channel *channel, int count, const char *const *name,
    struct err *err);

void columns_free(struct columns *columns); /* zeroes it; a zeroed one is fine */

#endif
