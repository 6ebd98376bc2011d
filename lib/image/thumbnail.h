/* thumbnail.h -- the picture of a row, small enough for a cell.
 *
 * From column `pixels` U8 [h,w,3] or [h,w,1], or else `bytes` (picture files, known by content; decoded
 * no larger than they must be). What is smaller than the cell stays as it is.
 * SPDX-License-Identifier: MIT */
#ifndef THUMBNAIL_H
#define THUMBNAIL_H

#include "formats/picture.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stddef.h>

struct thumbnail_columns {
    int pixels, bytes; /* one of them is -1 */
};

/* Errors: ERR_INPUT when a stream has neither; `source` names it. */
int thumbnail_find(struct thumbnail_columns *out, const struct header *header, const char *source,
    struct err *err);

/* out, the caller's: picture_free(). Errors: ERR_INPUT for a picture that cannot be decoded (a sentence
 * without its name) or has neither three channels nor one; ERR_FAILED memory. */
int thumbnail_take(struct picture *out, const struct thumbnail_columns *columns,
    const struct header *header, const struct record *record, int row, int cell, struct err *err);

/* The same for the bytes of a file. */
int thumbnail_decode(struct picture *out, const void *data, size_t size, int cell, struct err *err);

#endif
