/* array.h -- one NumPy array as a column: its numbers or texts, some rows at a time.
 *
 * A text that is a file name with bytes that are no UTF-8 has them as Python's os.fsdecode() has
 * (codepoint.h).
 *
 * Errors: ERR_INPUT damaged, cut short; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef ARRAY_H
#define ARRAY_H

#include "formats/bytes.h"
#include "formats/npyhead.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { ARRAY_NAME = 256 };

struct array {
    char name[ARRAY_NAME]; /* of the column */
    struct npyhead head;
    int fd;              /* that it is in */
    bool own;            /* fd is closed with it */
    enum dtype from, to; /* in the file, and in the column */
    bool text;           /* then ragged */
    size_t row, unit;    /* numbers of a row (0: it cannot be a column), bytes of one of them in the
                          * file */
    struct bytes raw;    /* of the rows of a record, as they are in the file */
    struct bytes data;   /* as they are in the column, where that is another */
    struct bytes offsets;
};

/* The array that has `size` bytes of a file, from `from` on. `fd` stays the caller's unless `own` is
 * set later. `source` is for messages. */
int array_open(struct array *out, const char *name, int fd, int64_t from, int64_t size,
    const char *source, struct err *err);
void array_close(struct array *array);

/* Is it of floating point numbers? */
bool array_real(const struct array *array);

/* Rows first, first+1, ... as a field of type `to`, or a ragged one; borrowed until the next call. */
int array_read(struct field *out, struct array *array, int64_t first, int rows, const char *source,
    struct err *err);

/* All texts of an array of one extent, as a JSON array: a new reference, or NULL. */
json_t *array_strings(struct array *array, const char *source, struct err *err);

#endif
