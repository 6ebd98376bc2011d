/* rows.h -- rows of features as they come out of a text, gathered into a record of a stream.
 *
 * A row is D floats, an id, and what the text has of label, view and name. Ids that the text lacks
 * are counted from 0.
 *
 * Errors: ERR_FAILED for memory.
 * SPDX-License-Identifier: MIT */
#ifndef ROWS_H
#define ROWS_H

#include "formats/bytes.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rows {
    int width;                 /* D; set before the first row, as are */
    bool labels, views, names; /* what the text has */
    int count;                 /* rows that are here */
    struct bytes value;        /* f32 [count,D] */
    struct bytes id, label, view;
    struct bytes name, offsets;
    struct field field[5];
};

/* The column as the text has it, then id, and those of label, view, name that it has. */
struct header *rows_header(const struct rows *rows, const char *column, struct err *err);

/* One more row: the place for its D numbers until the next call, or NULL. `name` is not used where
 * there are no names, and need not end in a zero byte. */
float *rows_add(struct rows *rows, int64_t id, int64_t label, int64_t view, const char *name,
    size_t length, struct err *err);

/* The rows as record `step`, borrowed until the next row. */
void rows_record(struct rows *rows, int64_t step, struct record *out);

void rows_clear(struct rows *rows); /* count is 0 again */
void rows_free(struct rows *rows);

#endif
