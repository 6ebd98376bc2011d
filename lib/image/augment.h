/* augment.h -- the recipe: how a picture becomes a view.
 *
 * Order: crop and resize, flip, vertical flip, rotation, colour jitter (four operations in random
 * order, clipped after each), grey, clip, blur, clip, solarise, equalise, Sobel, noise, cutout.
 * Every operation draws from a sequence of its own that is keyed by (seed, epoch, id, view, name),
 * so a view depends on nothing but its picture, its key and the recipe. The test-time recipe draws
 * nothing: central crop and resize.
 *
 * Source: Chen et al. 2020, appendix A and figure 5, in the form of google-research/simclr
 * (data_util.py). One difference: there, one sigma is drawn for all pictures of a batch; here, each
 * view draws its own, as the paper describes it.
 * SPDX-License-Identifier: MIT */
#ifndef AUGMENT_H
#define AUGMENT_H

#include "lib/base/arena.h"
#include "lib/image/blur.h"
#include "lib/image/crop.h"
#include "lib/image/gauss.h"
#include "lib/image/resample.h"
#include "lib/image/resize.h"
#include "lib/image/rotate.h"
#include "lib/image/sobel.h"

#include <stdbool.h>
#include <stdint.h>

enum augment_operation {
    AUGMENT_CROP,
    AUGMENT_FLIP,
    AUGMENT_VFLIP,
    AUGMENT_ROTATE,
    AUGMENT_JITTER,
    AUGMENT_GREY,
    AUGMENT_BLUR,
    AUGMENT_SOLARISE,
    AUGMENT_EQUALISE,
    AUGMENT_SOBEL,
    AUGMENT_NOISE,
    AUGMENT_CUTOUT,
    AUGMENT_OPERATIONS
};

/* "crop", "flip", ...: the names of their draws, and of the tools' options. */
const char *augment_name(enum augment_operation operation);

enum augment_color { AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST, AUGMENT_SATURATION, AUGMENT_HUE };
enum { AUGMENT_COLORS = 4 };

/* Whose arithmetic: that of the reference implementation, of its first version (brightness is added
 * and not multiplied), or that of torchvision on PIL pictures. */
enum augment_family { AUGMENT_SIMCLR, AUGMENT_SIMCLR_V1, AUGMENT_TORCHVISION };

/* A chance of 0 switches an operation off; so does a strength of 0. */
struct augment {
    int size; /* of a view: [size,size,3] */
    enum augment_family family;
    bool central; /* the test-time recipe: only `share` of what follows counts */
    double share; /* side of the central crop / shorter side of the picture */
    double chance[AUGMENT_OPERATIONS]; /* 0 .. 1; without a crop the whole picture is resized */
    unsigned first;                    /* bits 1 << operation: of view 0 only */
    struct crop_range range;
    double degrees;                  /* 0: quarter turns */
    double strength[AUGMENT_COLORS]; /* of the jitter */
    double sigma_min, sigma_max;     /* of the blur, in pixels */
    double threshold;                /* of solarise: bytes from here on are inverted */
    double noise_min, noise_max;     /* deviation, white being 1 */
    double hole_min, hole_max;       /* of cutout: share of the view */
    double filling;                  /* of the hole: 0 black .. 1 white */
};

/* The recipe of that name for views of this size; false if there is none:
 *   simclr       the reference (version 2 of the colours)
 *   simclr-v1    the same with version 1 of the colours
 *   torchvision  what users of torchvision write for SimCLR
 *   eval         the test-time recipe
 *   none         the whole picture, resized; everything else switched off, at the strengths of simclr
 * Up to 32 pixels the colours have strength 1/2, there is no blur and, at test time, no crop; above,
 * strength 1, blur half of the time, and a central 7/8. */
bool augment_named(struct augment *out, const char *name, int size);

/* Recipe simclr. */
struct augment augment_recipe(int size);

/* brightness, contrast, saturation and hue at an overall strength: 0.8, 0.8, 0.8 and 0.2 of it. */
void augment_strength(struct augment *recipe, double strength);

/* What was drawn for one view. */
struct augment_draw {
    struct crop crop; /* of the picture */
    bool does[AUGMENT_OPERATIONS];
    double degrees; /* anticlockwise; a multiple of 90 is exact */
    enum augment_color order[AUGMENT_COLORS];
    float amount[AUGMENT_COLORS]; /* factor or summand; of hue: share of a turn */
    double sigma;                 /* of the blur */
    double deviation;             /* of the noise */
    struct rng grain;             /* what it is drawn from */
    struct crop hole;             /* of the view: what cutout takes away */
};

/* Draw for view `view` of the picture [h,w] with this id. */
struct augment_draw augment_draw(const struct augment *recipe, int64_t seed, int64_t epoch,
    int64_t id, int64_t view, int h, int w);

/* Scratch memory for one thread. */
struct augment_scratch {
    struct resize resize;
    struct resample resample;
    struct rotate rotate;
    struct blur blur;
    struct gauss gauss;
    struct sobel sobel;
    float *planes;        /* [3][size][size] */
    unsigned char *bytes; /* likewise */
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
