/* selection.h -- which pictures of a data set a stream is made of: all, a shard, some of each class.
 *
 * What is chosen keeps the order of the data set, and its ids are those of the whole. A choice is
 * nested: with one seed, what a smaller fraction keeps is kept by a larger one too, and likewise
 * with numbers a class. Pictures without a label (-1) are a class of their own. Shard I of K has the
 * pictures whose ids are I modulo K, so a picture's shard depends on nothing else.
 *
 * Cost: no memory for all pictures or a shard of them; one number a picture for the rest, and
 * while it is made two more for each picture of the data set.
 * SPDX-License-Identifier: MIT */
#ifndef SELECTION_H
#define SELECTION_H

#include "lib/base/err.h"

#include <stdint.h>

struct selection_rules {
    double fraction;       /* of each class, one picture at least; 0: all */
    int64_t per_class;     /* at most so many of each class; 0: all */
    int64_t seed;          /* what they are drawn by */
    int64_t shard, shards; /* shards 0 is one shard */
};

struct selection {
    int64_t count;         /* pictures that are chosen */
    int64_t shard, shards; /* shards >= 1 */
    int64_t *id;           /* [count] when some of each class are chosen, else NULL; owned */
};

/* Choose among the pictures 0 .. total-1, whose labels label(context, id) says. On failure nothing
 * is kept. Errors: ERR_FAILED for memory. */
int selection_make(struct selection *out, const struct selection_rules *rules, int64_t total,
    int (*label)(const void *context, int64_t id), const void *context, struct err *err);

/* The picture at place i, 0 .. count-1. */
int64_t selection_id(const struct selection *selection, int64_t i);

void selection_free(struct selection *selection);

#endif
