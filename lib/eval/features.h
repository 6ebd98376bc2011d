/* features.h -- a whole stream as one matrix [N,D] with labels: what a probe or a k-NN looks at.
 *
 * The column is the one asked for, or the first there is of h, z, pixels. F32 rows are kept as they
 * are; U8 rows are kept as bytes and stand for byte/255, so that pictures take a quarter of the
 * room. Whatever the shape of a row, it is D numbers. Rows without a label (-1) are counted and
 * left out. Memory grows with the rows that arrive.
 *
 * Errors: ERR_INPUT what the stream lacks or has too much of, naming the channel; ERR_FAILED a
 * value that is not finite (names the step and the row), or memory.
 * SPDX-License-Identifier: MIT */
#ifndef FEATURES_H
#define FEATURES_H

#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/eval/roster.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEATURES_LABELS = 100000 }; /* labels are below it */

struct features {
    const char *source;    /* the channel's name; borrowed */
    int rows, width;       /* N, D */
    float *value;          /* [N,D], or NULL: then */
    uint8_t *byte;         /* [N,D] stands for byte/255 */
    int *label;            /* [N] 0 .. FEATURES_LABELS-1 */
    int64_t *id;           /* [N]; counted from 0 when the stream has none */
    bool ids;              /* the stream has some */
    int64_t unlabelled;    /* rows left out */
    json_t *names;         /* dataset.class_names: an array of strings, or NULL */
    json_t *run;           /* what made the stream, or NULL */
    char *column;          /* what was read; NULL: nothing was opened */
    struct roster *roster; /* borrowed; set it before features_open() to have the rows' names */
    size_t room;           /* rows there is memory for */
    struct reader *reader;
    const struct header *header; /* the reader's */
};

/* Read the header: column (`name` may be NULL), width and names are known then. The channel stays
 * the caller's and must outlive the next call. Start with a zeroed struct; free it in any case. */
int features_open(struct features *out, struct channel *channel, const char *name, struct err *err);

/* Read all rows of all streams of the channel. `training`: an id that occurs twice is refused (a
 * concatenation, or several views of a picture: held-out rows and neighbours would be copies). */
int features_read(struct features *out, bool training, struct err *err);

void features_free(struct features *features);

/* Refuse a test set whose width, or whose class names where both have them, are not those of the
 * training set. */
int features_match(const struct features *test, int width, const json_t *names, const char *source,
    struct err *err);

/* The column of a header that is meant: its index, and the D numbers of a row in *width; or -1. */
int features_column(
    int *width, const struct header *header, const char *name, const char *source, struct err *err);

/* dataset.class_names of a header: an array of strings, the caller's, or NULL. */
json_t *features_names(const struct header *header);

/* ERR_INPUT for a label that is neither -1 nor within 0 .. FEATURES_LABELS-1. */
int features_label(int64_t label, int64_t step, int row, const char *source, struct err *err);

/* The same memory with room for `count` units, moved if need be; NULL: it is as it was. */
void *features_larger(void *memory, size_t count, size_t unit, struct err *err);

/* ERR_FAILED for the first value of rows [rows,width] that is not finite. */
int features_finite(
    const float *value, int rows, int width, int64_t step, const char *source, struct err *err);

/* Refuse an id that occurs twice among id [rows]; `place` is "training set 'x'". */
int features_once(const int64_t *id, int rows, const char *place, struct err *err);

/* Keep a share of the rows of every class, rounded, at least one, drawn by (seed, id); the order
 * stays. */
int features_thin(struct features *features, double fraction, int64_t seed, struct err *err);

/* The place of each row (from 0) in a random order of the rows of its class, drawn by (seed, id,
 * name): rank [N]. */
int features_rank(
    int *rank, const struct features *features, int64_t seed, const char *name, struct err *err);

/* The labels that occur, ascending: classes [*count], the caller's to free; and for each row the
 * index of its label among them: index [N]. NULL when memory is short. */
int *features_classes(int *count, int *index, const struct features *features, struct err *err);

/* How many different labels there are. */
int features_count(const struct features *features);

/* out [rows,D] = (x - shift[D]) * scale[D] of the rows row[from], row[from+1], ... (`row` NULL: rows
 * from, from+1, ...). `shift` NULL: x itself. */
void features_block(float *out, const struct features *features, const int *row, int from, int rows,
    const float *shift, const float *scale);

/* The same for rows of one's own: floats, or bytes where `value` is NULL. */
void features_scale(float *out, const float *value, const uint8_t *byte, int width,
    const float *shift, const float *scale);

#endif
