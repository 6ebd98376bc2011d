/* arrays.h -- NumPy arrays that belong together, row by row: a .npz file, or a .npy file and those
 * beside it.
 *
 * The first extent of an array is the row. The features are the array asked for; without a name h, z
 * or pixels, else the only array of floating point numbers with two or more extents, which becomes
 * column h. Floating point numbers become F32; integers called id, label or view (or ids, labels)
 * become I64; texts (<U, |S) become ragged columns, names or filenames the column `name`; other
 * arrays stay as they are. Without ids rows are counted. `class_names` goes into the header. What has
 * another number of rows than the features, or a type that no column has, is left out.
 *
 * NAME.npy is the features alone; beside it are looked for NAME.labels.npy, NAME.ids.npy and
 * NAME.names.npy.
 *
 * Errors: ERR_INPUT damaged, cut short, or another kind of array; ERR_MISUSE for a file that cannot
 * be opened; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef ARRAYS_H
#define ARRAYS_H

#include "formats/array.h"
#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/spool.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct arrays {
    const char *source; /* for messages; borrowed */
    int64_t count, at;  /* rows, and those that have been read */
    int arrays;
    struct array *array; /* [arrays], of which array[0] is the features */
    bool ids;            /* one of them is */
    int left_out;
    json_t *classes; /* names, or NULL */
    int fd;          /* of the file; -1 */
    struct spool copy, unpacked;
    struct bytes counted; /* ids, where there are none */
    struct field *field;
};

/* `path` NULL: the bytes come from `channel` alone, and are copied to a temporary file first. The
 * channel stays the caller's. `column`: of the features, NULL as above. On failure nothing is
 * kept. */
int arrays_open_npy(struct arrays *out, const char *path, struct channel *channel,
    const char *column, struct err *err);
int arrays_open_npz(struct arrays *out, const char *path, struct channel *channel,
    const char *column, struct err *err);

struct header *arrays_header(const struct arrays *arrays, struct err *err);

/* The next `rows` rows, or those that are left, as a record, borrowed until the next call. 1; 0: that
 * was all; -1. */
int arrays_next(struct arrays *arrays, int rows, int64_t step, struct record *out, struct err *err);

void arrays_close(struct arrays *arrays);

/* The name of a file beside NAME.npy: "NAME.labels.npy" for "labels". The caller's; NULL: no memory. */
char *arrays_beside(const char *path, const char *what);

#endif
