/* dataset.h -- several sources as one data set: ids run through, classes are joined.
 *
 * The id of a picture is its position in the sources as they were given. Classes of the same name
 * are the same class; new names get the next number, in the order in which they come. A source
 * whose classes have no names keeps its numbers.
 *
 * If all sources have pictures of one size and kind, the data set has too, and dataset_read() gives
 * samples. Otherwise it gives encoded files, and raw pictures as PNM (pnm.h).
 *
 * Some sources pass by: archives and streams that come through a pipe, and those that are
 * compressed. Who asks for rows once, in order, gets them as they come (DATASET_ONCE); who asks for
 * them in any order and often (DATASET_AGAIN) makes them be copied to a temporary file first.
 *
 * dataset_label(), dataset_name() and dataset_read() may be called from several threads at once.
 *
 * Errors: as source.h says. From dataset_read() ERR_INPUT means that this one picture cannot be
 * read (its file is gone, or may not be read) while the others can; `out` is then as it was before.
 * SPDX-License-Identifier: MIT */
#ifndef DATASET_H
#define DATASET_H

#include "formats/bytes.h"
#include "formats/classes.h"
#include "formats/source.h"
#include "lib/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum dataset_use { DATASET_ONCE, DATASET_AGAIN };

struct dataset {
    int64_t count;               /* pictures, or the limit if that is less; -1: not known */
    int height, width, channels; /* of every picture; all 0: encoded and mixed ones */
    bool named;                  /* some pictures have names */
    int64_t ignored;             /* files that folders left out */
    struct classes classes;
    struct spool spool;        /* copies of what passes by */
    bool open;                 /* pictures that are still to come may bring further classes */
    int64_t limit;             /* 0: none */
    int64_t next_id, next_row; /* dataset_next(): where it is, */
    int next_source;
    int sources;
    struct dataset_source {
        struct source source;
        const char *path; /* as it was given; borrowed */
        int64_t first;    /* id of its first picture */
        int *class;       /* [joined] its class -> ours, or NULL: the same */
        int joined;
    } * source;
};

/* What dataset_next() says of a picture. */
struct dataset_row {
    int64_t id;
    int label;        /* -1: none */
    const char *name; /* "" if it has none; borrowed until the next call */
};

/* `limit` > 0: only that many pictures from the beginning. The paths stay the caller's and are
 * borrowed. On failure nothing is kept. */
int dataset_open(struct dataset *out, char *const *path, int paths, enum dataset_use use,
    int64_t limit, struct err *err);
void dataset_close(struct dataset *dataset);

/* What the stream's header says under `dataset`: images, shard, and with `labels` classes and their
 * names; what is not known yet is left out. A new reference; NULL with err filled. */
json_t *dataset_describe(const struct dataset *dataset, bool labels, struct err *err);

int dataset_label(const struct dataset *dataset, int64_t id); /* -1: none */
const char *dataset_name(const struct dataset *dataset, int64_t id);
int dataset_read(const struct dataset *dataset, int64_t id, struct bytes *out, struct err *err);

/* A source that passed by without any label though its pictures lie in folders: these would be
 * classes if all of it had been there at once. Its name for messages, or NULL. */
const char *dataset_unclassed(const struct dataset *dataset);

/* The next picture in the order of the sources, whatever they are; it is appended to `out`. This is
 * the only way to the rows of a data set whose count is -1. 1: here it is; 2: `row` is filled, but
 * this one picture cannot be read and `err` (ERR_INPUT) says why: clear it and go on if you like;
 * 0: that was all; -1. */
int dataset_next(
    struct dataset *dataset, struct dataset_row *row, struct bytes *out, struct err *err);

#endif
