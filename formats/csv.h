/* csv.h -- features in a CSV file, as lightly and pandas write them.
 *
 * The first line names the columns. `PREFIX_0`, `PREFIX_1`, ... (or bare numbers), in this order and
 * without a gap, are the features; `filenames`, `filename`, `names` or `name` the names; `labels` or
 * `label`, `ids` or `id`, and `view` are whole numbers. An empty label is -1. Other columns are left
 * out. Fields may be quoted (RFC 4180); lines end in LF or CRLF, the last one too: a file whose last
 * line has no end is taken for cut short.
 *
 * Source: lightly/utils/io.py of lightly 1.5; RFC 4180.
 * Errors: ERR_INPUT for what is no such text, naming the row (counted from 1 behind the first line);
 * ERR_FAILED for memory; what channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef CSV_H
#define CSV_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/rows.h"
#include "lib/base/err.h"

#include <stdint.h>

enum { CSV_ROW = 1 << 26, CSV_FIELDS = 1 << 22 }; /* bytes and fields a row may have */

struct csv {
    struct channel *channel;
    struct bytes buffer; /* what has been read, and not used from `next` on */
    size_t next;
    struct bytes text;         /* the fields of a row, each with a zero byte behind it */
    struct bytes start;        /* size_t [fields + 1] where they begin in `text` */
    int fields;                /* a row */
    int name, label, id, view; /* their places; -1: none */
    int first;                 /* of the features: they are neighbours */
    int left_out;              /* columns */
    int64_t row;               /* rows so far */
};

/* Read the first line; what it says goes into `rows`, zeroed before. The channel stays the caller's.
 * On failure nothing is kept. */
int csv_open(struct csv *out, struct rows *rows, struct channel *channel, struct err *err);

/* Add the next row to `rows`. 1; 0: that was all; -1. */
int csv_next(struct csv *csv, struct rows *rows, struct err *err);

void csv_close(struct csv *csv);

#endif
