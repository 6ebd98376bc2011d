/* arraysout.h -- columns of a stream as NumPy arrays: a .npz file, or a .npy file and those beside it.
 *
 * A NumPy file says how many rows it has before it has any, so columns are kept in temporary files
 * (spool.h) until they have all come. An .npz file has every column of one shape under its own name,
 * `name` as text (<U), and the names of classes as `class_names`; it is not compressed. A .npy file
 * has the features alone; label, id and name go to files of their own, in the same way.
 *
 * Cost: the stream is written twice, and read once more.
 * Errors: ERR_INPUT for a name that ends in a zero byte; ERR_FAILED for I/O and memory; what
 * channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef ARRAYSOUT_H
#define ARRAYSOUT_H

#include "formats/channel.h"
#include "formats/npyhead.h"
#include "formats/spool.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct arraysout_array {
    char name[80];       /* of the column, or class_names */
    struct npyhead head; /* shape[0]: rows so far */
    bool text;
    size_t widest; /* characters of a text */
    struct spool spool;
    unsigned long crc; /* CRC-32 of what is in it, unless it is text */
};

struct arraysout {
    int arrays, left_out; /* columns */
    struct arraysout_array *array;
};

/* Columns of the first header: with `all` every one that can be an array, else features, label, id
 * and name, in this order, as far as they are there; `column` is the place of the features. On
 * failure nothing is kept. */
int arraysout_open(
    struct arraysout *out, const struct header *header, int column, bool all, struct err *err);

int arraysout_record(struct arraysout *out, const struct header *header,
    const struct record *record, struct err *err);

/* Everything into one .npz file, or array i into a .npy file. The channel stays the caller's. */
int arraysout_npz(struct arraysout *out, struct channel *channel, struct err *err);
int arraysout_npy(struct arraysout *out, int i, struct channel *channel, struct err *err);

void arraysout_close(struct arraysout *out);

#endif
