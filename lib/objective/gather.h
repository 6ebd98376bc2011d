/* gather.h -- the parts of a step, collected from a stream into one array.
 *
 * A loss looks at all rows of a step at once, while the stream brings them in parts. Here are the rows
 * in the order they came, the places where parts end, and room for the gradient that goes back.
 * SPDX-License-Identifier: MIT */
#ifndef GATHER_H
#define GATHER_H

#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather {
    int p; /* floats of a row */
    int64_t step, epoch;
    int rows;
    float *z;       /* [rows,P] */
    int64_t *id;    /* [rows] */
    int64_t *view;  /* [rows], or NULL when the stream has no such column */
    bool labels;    /* set before gather_columns(): the loss needs labels */
    int64_t *label; /* [rows] if so */
    float *grad;    /* [rows,P] room */
    int parts;
    int *end;                             /* [parts] rows up to the end of each part */
    int z_column, id_column, view_column; /* of the stream; view_column -1 for none */
    int label_column;                     /* if `labels` */
    int rows_room, parts_room;
    struct record record;
};

/* Find the columns: z F32 [P], id I64, label I64 if asked for, and view I64 if there is one. Begin with
 * a zeroed struct; a further stream goes on with the memory of the first. `source` is a name for
 * messages. Errors: ERR_INPUT. */
int gather_columns(
    struct gather *gather, const struct header *header, const char *source, struct err *err);

/* The same for a classifier: the rows, of F32 [P], are column `name`, and label I64 is the only other
 * one. */
int gather_labelled(struct gather *gather, const struct header *header, const char *name,
    const char *source, struct err *err);

/* The next step. 1: here it is, until the next call; 0: END; -1. Memory grows with the rows that
 * arrive. */
int gather_step(struct gather *gather, struct reader *reader, struct err *err);

/* Send grad as column 0 of a stream with the same step and parts. */
int gather_send(const struct gather *gather, struct writer *writer, struct err *err);

void gather_free(struct gather *gather);

#endif
