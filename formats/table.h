/* table.h -- the rows of a source that is known beforehand: where a picture lies, what it is called,
 * and its label.
 *
 * Labels come as text. If all of them are decimal numbers they are numbers, else they are names of
 * classes (label.h).
 *
 * Cost: 32 bytes a row, its name, and each different label once.
 * Errors: ERR_FAILED for memory.
 * SPDX-License-Identifier: MIT */
#ifndef TABLE_H
#define TABLE_H

#include "formats/bytes.h"
#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct table {
    int64_t count;
    struct table_row {
        int64_t at, size; /* in whatever file the table is of */
        size_t name;      /* where it begins in `names` */
        int label;        /* -1: none; before table_finish() the number of a text */
    } * row;              /* [count] */
    struct bytes names;
    struct classes classes; /* after table_finish() */
    struct classes texts;   /* different labels, before */
    bool words;             /* one of them is no number */
};

/* Append a row. `text` NULL: no label. Start with a zeroed table. */
int table_add(struct table *table, int64_t at, int64_t size, const char *name, const char *text,
    struct err *err);

/* All rows are there: numbers or classes; these in bytewise order, or in that of their first rows. */
int table_finish(struct table *table, bool sorted, struct err *err);

/* Instead, for a table without labels: the class of a row is the first folder in its name, behind
 * the folders that all names have in common; in bytewise order. */
int table_finish_folders(struct table *table, struct err *err);

const char *table_name(const struct table *table, int64_t row);

void table_free(struct table *table); /* zeroes it */

#endif
