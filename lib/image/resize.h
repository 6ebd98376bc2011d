/* resize.h -- a rectangle of a picture, resampled to planes of another size.
 *
 * Source: tf.image.resize(..., BICUBIC) of TensorFlow 2: sample i of n stands at
 * (i + 1/2) * m / n - 1/2 between m pixels; Keys' cubic with A = -1/2 over four pixels; pixels
 * outside the rectangle weigh nothing and the rest is scaled to a sum of one; no smoothing before a
 * reduction. The same size is a copy. Of a picture reduced r times, which has one pixel where the
 * whole one has r x r, the same points are sampled: position p of the whole, from its border, is
 * p / r; the rectangle then is all pixels that it touches.
 *
 * Numerics: rows first, then columns, in float; values may leave [0,1]. TensorFlow rounds the
 * position to 1/1024 of a pixel; this does not.
 * Cost: 16 multiplications a sample; a source row that several rows share is resampled once.
 * SPDX-License-Identifier: MIT */
#ifndef RESIZE_H
#define RESIZE_H

#include "formats/picture.h"
#include "lib/base/arena.h"
#include "lib/image/crop.h"

enum { RESIZE_TAPS = 4 };

/* The pixels that one sample is made of. */
struct resize_taps {
    int first; /* of four side by side, inside the rectangle; if that is smaller, the rest weighs 0 */
    float weight[RESIZE_TAPS];
};

/* Scratch memory for one thread. */
struct resize {
    struct resize_taps *row, *column; /* [Y], [X] */
    float *line;                      /* [TAPS+1][X][4] source rows at the new width */
    float *wide;                      /* pieces of two source rows */
    float *mixed;                     /* [X][4] */
};

/* Cut scratch for planes of at most [Y,X] out of an arena (see arena.h). */
void resize_layout(struct resize *scratch, struct arena *arena, int y, int x);

/* out [C][Y][X] overwritten, bytes times `scale`; `crop` is in pixels of the whole, unreduced
 * picture, and what `in` holds of it covers the crop. */
void resize_bicubic(float *out, const struct picture *in, struct crop crop, int y, int x,
    float scale, const struct resize *scratch);

#endif
