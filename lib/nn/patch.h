/* patch.h -- maps cut into strips of a few hundred outputs, and what a strip reads, with its zeros.
 *
 * A strip is the unit of work of the f32 kernels (panel.h): some rows of outputs of one picture, or
 * several whole pictures where they are small, so that what it reads and writes stays in the caches.
 * Its *patch* is the rectangle of the map that its outputs read, zeros around it included, densely
 * [pictures][height][width][channels]. Output q of a strip has its first tap at place at[q] of the
 * patch, in pixels; tap (i,j) lies i * width + j pixels further. Outputs of a strip are numbered row
 * by row, picture by picture; a shorter strip has the first places of a long one.
 *
 * Strips depend on the shape alone, not on how many pictures there are.
 * SPDX-License-Identifier: MIT */
#ifndef PATCH_H
#define PATCH_H

#include "lib/base/err.h"
#include "lib/nn/geometry.h"

#include <stddef.h>
#include <stdint.h>

struct patch {
    struct geometry_shape shape;
    int pictures,
        rows;          /* the most a strip has; one of them is 1, or rows is all of the picture's */
    int height, width; /* of a picture in the patch */
    int32_t *at;       /* [outputs of the longest strip]; owned */
};

struct patch_strip {
    int picture, pictures;
    int row, rows;
    int outputs;
};

/* Errors: memory. patch_free() takes a zeroed one too. */
int patch_init(struct patch *patch, const struct geometry_shape *shape, struct err *err);
void patch_free(struct patch *patch);

int patch_outputs(const struct patch *patch); /* of the longest strip */
int patch_pixels(const struct patch *patch);  /* of the largest patch */

/* Strips of n pictures, and the i-th of them. */
int patch_strips(const struct patch *patch, int n);
struct patch_strip patch_strip(const struct patch *patch, int n, int i);

/* out [pictures][height][width][width of slice], overwritten, from channels `from` .. from + slice-1
 * of maps [n,h,w,c]. */
void patch_copy(float *restrict out, const float *restrict maps, const struct patch *patch,
    const struct patch_strip *strip, int c, int from, int slice);

#endif
