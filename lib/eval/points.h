/* points.h -- all rows of a stream of features as one matrix [N,D], with what there is to call and colour
 * them by: what is drawn on a map.
 *
 * The column of features is found as features.h says; bytes stand for byte/255. Labels, ids and names
 * are taken where there are some. Rows may repeat an id: views of one picture, or concatenated streams.
 * Memory grows with the rows that arrive.
 *
 * Errors: as features.h.
 * SPDX-License-Identifier: MIT */
#ifndef POINTS_H
#define POINTS_H

#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/eval/roster.h"

#include <stdbool.h>
#include <stdint.h>

struct points {
    const char *source; /* the channel's name; borrowed */
    int rows, width;    /* N, D */
    float *value;       /* [N,D] */
    int *label;         /* [N]; -1 unknown */
    int64_t *id;        /* [N]; counted from 0 when the stream has none */
    struct roster name;
    bool names;      /* the stream has some: elsewhere they are ids */
    json_t *classes; /* dataset.class_names: an array of strings, or NULL */
    char *column;    /* what is read */
    size_t room;     /* rows there is memory for */
    struct reader *reader;
    const struct header *header; /* the reader's */
};

/* What else is wanted of a row: called for each, as it arrives. -1 ends the reading. */
typedef int points_visit(void *context, const struct header *header, const struct record *record,
    int row, struct err *err);

/* Read the header: column (`name` may be NULL) and width are known then. The channel stays the caller's
 * and must outlive the next call. Start with a zeroed struct; free it in any case. */
int points_open(struct points *out, struct channel *channel, const char *name, struct err *err);

/* Read all rows of all streams of the channel, at least one. `visit` may be NULL. */
int points_read(struct points *points, points_visit *visit, void *context, struct err *err);

void points_free(struct points *points);

#endif
