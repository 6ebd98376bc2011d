/* jsonl.h -- features in JSON lines: one object a row.
 *
 *     {"id":0,"label":3,"name":"cat/1.jpg","h":[0.25,-1.5,...]}
 *
 * The features are an array of numbers: the key asked for, else the first there is of h, z, pixels,
 * else the only array of the first row. `id`, `label`, `view` (whole numbers) and `name` (a string)
 * are there in every row or in none; a label or name may be null. Other keys are left out. Every
 * line ends, the last one too: a file whose last line has no end is taken for cut short.
 *
 * Source: https://jsonlines.org; RFC 8259.
 * Errors: ERR_INPUT for what is no such text, naming the line (counted from 1); ERR_FAILED for
 * memory; what channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef JSONL_H
#define JSONL_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/rows.h"
#include "lib/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { JSONL_LINE = 1 << 26 }; /* bytes a line may have */

struct jsonl {
    struct channel *channel;
    struct bytes buffer;
    size_t next; /* what is used of it */
    bool ended;
    struct bytes rest, value; /* a line without its features; these */
    char *key;                /* of the features */
    bool ids;                 /* the rows have some */
    json_t *row;              /* the first, until it is asked for */
    int64_t line;             /* lines so far */
};

/* Read the first line; what it says goes into `rows`, zeroed before. `column` NULL: as above. The
 * channel stays the caller's. On failure nothing is kept. */
int jsonl_open(struct jsonl *out, struct rows *rows, struct channel *channel, const char *column,
    struct err *err);

/* Add the next row to `rows`. 1; 0: that was all; -1. */
int jsonl_next(struct jsonl *jsonl, struct rows *rows, struct err *err);

void jsonl_close(struct jsonl *jsonl);

#endif
