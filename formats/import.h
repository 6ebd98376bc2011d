/* import.h -- features from a file of another program, as the records of a stream.
 *
 * Told by its first bytes: a NumPy array or archive (arrays.h), JSON lines (jsonl.h), else CSV
 * (csv.h). The features are F32 or U8; ids are there, counted from 0 where the file has none. Each
 * record is a step of its own.
 *
 * Errors: as those headers say.
 * SPDX-License-Identifier: MIT */
#ifndef IMPORT_H
#define IMPORT_H

#include "formats/arrays.h"
#include "formats/channel.h"
#include "formats/csv.h"
#include "formats/jsonl.h"
#include "formats/rows.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum import_form { IMPORT_STREAM, IMPORT_NPY, IMPORT_NPZ, IMPORT_CSV, IMPORT_JSONL };

/* What the first bytes say; 8 of them are enough. IMPORT_STREAM is none of those here. */
enum import_form import_form(const void *bytes, size_t size);

struct import {
    enum import_form form;
    struct header *header; /* the import's; may be added to before it is written */
    int column;            /* of the features: its place in the header */
    int left_out;          /* columns or arrays */
    int batch;             /* rows a record */
    int64_t step;          /* the next */
    struct arrays arrays;
    struct csv csv;
    struct jsonl jsonl;
    struct rows rows;
};

/* `path` NULL: there is no file but the channel, which stays the caller's. `column`: the array or key
 * of the features, and the name of their column; NULL: found, and for CSV and .npy `h`. On failure
 * nothing is kept. */
int import_open(struct import *out, enum import_form form, const char *path,
    struct channel *channel, const char *column, int batch, struct err *err);

/* The next record, borrowed until the next call. 1; 0: that was all; -1. */
int import_next(struct import *import, struct record *out, struct err *err);

void import_close(struct import *import);

#endif
