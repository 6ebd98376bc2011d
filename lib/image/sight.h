/* sight.h -- what the views of one picture show of it: their draws, and no more of the picture than
 * they need.
 *
 * A picture is decoded once for all its views: the rectangle that holds all their crops, where its
 * encoding allows that, and reduced as far as each crop keeps no fewer pixels than its view has.
 *
 * Cost: one decoding. One for each view would take 15 to 25 % more time in all, because entropy
 * decoding runs from the top whatever is asked for.
 * SPDX-License-Identifier: MIT */
#ifndef SIGHT_H
#define SIGHT_H

#include "formats/picture.h"
#include "lib/base/err.h"
#include "lib/image/augment.h"

#include <stdbool.h>
#include <stdint.h>

struct sight {
    const struct augment **recipe; /* [V]: of each view */
    int views;
    int64_t seed;
    struct picture_rules rules;
    bool whole; /* decode all of each picture, at full size */
};

/* draw [V] overwritten: all views of a picture [h,w]. */
void sight_draw(
    struct augment_draw *draw, const struct sight *sight, int64_t epoch, int64_t id, int h, int w);

/* The rectangle that these draws [V] show, and how far it may be reduced. */
struct picture_region sight_region(const struct augment_draw *draw, const struct sight *sight);

/* Draw all views of an encoded picture, and decode what they show of it: `out` is the caller's, and
 * covers the crop of each draw. Errors: those of picture_decode_region(). */
int sight_decode(struct picture *out, struct augment_draw *draw, const struct sight *sight,
    int64_t epoch, int64_t id, const void *data, size_t bytes, struct err *err);

#endif
