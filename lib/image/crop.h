/* crop.h -- which rectangle of a picture a view shows: drawn at random, or the centre.
 *
 * Source: the sampling of tf.image.sample_distorted_bounding_box, as the reference implementation
 * of SimCLR uses it, with the whole picture as the box. The aspect is uniform, not log-uniform, and
 * the height is a uniform integer, so the side is uniform and not the area; the last offset, which
 * would touch the right or lower border, is never drawn. crop_random_area() is RandomResizedCrop of
 * torchvision: there the area is uniform, the aspect log-uniform, and every offset is drawn.
 * SPDX-License-Identifier: MIT */
#ifndef CROP_H
#define CROP_H

#include "lib/base/rng.h"

enum { CROP_ATTEMPTS = 100, CROP_AREA_ATTEMPTS = 10 };

/* In pixels of the picture; w, h >= 1 and inside it. */
struct crop {
    int x, y, w, h;
};

struct crop_range {
    double area_min, area_max;     /* shares of the picture */
    double aspect_min, aspect_max; /* width / height */
    double covered;                /* a crop that shows a smaller share is drawn again */
};

/* A random rectangle of a picture [h,w]; the whole picture when no attempt fits the range. */
struct crop crop_random(struct rng *rng, const struct crop_range *range, int h, int w);

/* The same by area, `range->covered` unused: when no attempt fits, the central rectangle that is as
 * large as the aspects allow. */
struct crop crop_random_area(struct rng *rng, const struct crop_range *range, int h, int w);

/* The central square whose side is `share` of the shorter side (rounded half to even, at least
 * one pixel); an odd margin is wider above and to the left. */
struct crop crop_central(int h, int w, double share);

#endif
