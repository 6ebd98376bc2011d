/* augment.h -- the recipe: how a picture becomes a view.
 *
 * Order: crop and resize, flip, colour jitter (four operations in random order, clipped after
 * each), grey, clip, blur, clip. Every operation draws from a sequence of its own that is keyed by
 * (seed, epoch, id, view, name), so a view depends on nothing but its picture, its key and the
 * recipe. The test-time recipe draws nothing: central crop and resize.
 *
 * Source: Chen et al. 2020, appendix A, in the form of google-research/simclr (data_util.py,
 * version 2 of the colours). One difference: there, one sigma is drawn for all pictures of a batch;
 * here, each view draws its own, as the paper describes it.
 * SPDX-License-Identifier: MIT */
#ifndef AUGMENT_H
#define AUGMENT_H

#include "lib/base/arena.h"
#include "lib/image/blur.h"
#include "lib/image/crop.h"
#include "lib/image/resize.h"

#include <stdbool.h>
#include <stdint.h>

/* Probabilities are 0 .. 1, and 0 switches an operation off; so does a strength of 0. */
struct augment {
    int size;     /* of a view: [size,size,3] */
    bool central; /* the test-time recipe: only `share` of what follows counts */
    double share; /* side of the central crop / shorter side of the picture */
    double crop;  /* probability; otherwise the whole picture is resized */
    struct crop_range range;
    double flip;
    double jitter;                                /* probability of all four together */
    double brightness, contrast, saturation, hue; /* strengths */
    double grey;
    double blur, sigma_min, sigma_max;
};

/* The reference's recipe for a view of this size: up to 32 pixels colour strength 1/2, no blur and,
 * at test time, the whole square; above, strength 1, blur and a central 7/8. */
struct augment augment_recipe(int size);

/* brightness, contrast, saturation and hue at an overall strength: 0.8, 0.8, 0.8 and 0.2 of it. */
void augment_strength(struct augment *recipe, double strength);

enum augment_color { AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST, AUGMENT_SATURATION, AUGMENT_HUE };
enum { AUGMENT_COLORS = 4 };

/* What was drawn for one view. */
struct augment_draw {
    struct crop crop;
    bool flip, jitter, grey;
    enum augment_color order[AUGMENT_COLORS];
    float amount[AUGMENT_COLORS]; /* factor; of hue: share of a turn. By enum augment_color */
    double sigma;                 /* 0: no blur */
};

/* Draw for view `view` of the picture [h,w] with this id. */
struct augment_draw augment_draw(const struct augment *recipe, int64_t seed, int64_t epoch,
    int64_t id, int64_t view, int h, int w);

/* Scratch memory for one thread. */
struct augment_scratch {
    struct resize resize;
    struct blur blur;
    float *planes; /* [3][size][size] */
};

/* Cut scratch out of an arena (see arena.h). */
void augment_layout(struct augment_scratch *scratch, struct arena *arena, int size);

/* scratch->planes overwritten with the view, in [0,1]. `in` covers draw->crop; one channel becomes
 * grey in three. */
void augment_planes(const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch);

/* The same as bytes: out [size][size][3] overwritten with 255 x, rounded half up. */
void augment_view(unsigned char *out, const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch);

#endif
