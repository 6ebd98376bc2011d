/* batch.h -- the columns of a record of pictures, put together row by row.
 *
 * Usually a batch becomes one record. It can also be sent in pieces, when it has to do for several
 * parts of a step.
 * SPDX-License-Identifier: MIT */
#ifndef BATCH_H
#define BATCH_H

#include "formats/bytes.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct batch {
    int rows;
    int columns, picture_column, id_column, label_column, name_column; /* -1: there is none */
    size_t row_bytes;                                                  /* of pixels; 0: encoded */
    struct bytes picture, name;
    int64_t *id, *label, *picture_offset, *name_offset; /* one allocation, at id */
    struct field *field;                                /* [columns] of the piece at hand */
    int sent;                                           /* rows in pieces so far, */
    int64_t picture_sent, name_sent;                    /* and their bytes */
};

/* Room for `rows` rows of `pixels` or `bytes`, `id`, and, as the header has them, `label` and
 * `name`. On failure nothing is kept. */
int batch_open(struct batch *out, const struct header *header, int rows, struct err *err);
void batch_close(struct batch *batch);

void batch_clear(struct batch *batch);

/* Append a row; everything is copied. */
int batch_add(struct batch *batch, int64_t id, int label, const char *name,
    const unsigned char *picture, size_t size, struct err *err);

/* Let the record's rows and fields be the next `rows` rows; valid until the batch changes. */
void batch_piece(struct batch *batch, int rows, struct record *out);

#endif
