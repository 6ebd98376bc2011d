/* dataset.h -- several sources as one data set: ids run through, classes are joined.
 *
 * The id of a picture is its position in the sources as they were given. Classes of the same name
 * are the same class; new names get the next number, in the order in which they come. A source
 * whose classes have no names keeps its numbers.
 *
 * If all sources have pictures of one size and kind, the data set has too, and dataset_read() gives
 * samples. Otherwise it gives encoded files, and raw pictures as PNM (pnm.h).
 *
 * Errors: as source.h says.
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

struct dataset {
    int64_t count;               /* pictures, or the limit if that is less */
    int height, width, channels; /* of every picture; all 0: encoded and mixed ones */
    bool named;                  /* some pictures have names */
    int64_t ignored;             /* files that folders left out */
    struct classes classes;
    int sources;
    struct dataset_source {
        struct source source;
        int64_t first; /* id of its first picture */
        int *class;    /* its class -> ours, or NULL: the same */
    } * source;
};

/* `limit` > 0: only that many pictures from the beginning. On failure nothing is kept. */
int dataset_open(struct dataset *out, char *const *path, int paths, int64_t limit, struct err *err);
void dataset_close(struct dataset *dataset);

/* What the stream's header says under `dataset`: images, shard, and with `labels` classes and their
 * names. A new reference; NULL with err filled. */
json_t *dataset_describe(const struct dataset *dataset, bool labels, struct err *err);

int dataset_label(const struct dataset *dataset, int64_t id); /* -1: none */
const char *dataset_name(const struct dataset *dataset, int64_t id);
int dataset_read(const struct dataset *dataset, int64_t id, struct bytes *out, struct err *err);

#endif
