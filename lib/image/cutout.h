/* cutout.h -- a square of a view is blotted out.
 *
 * Source: DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with
 * cutout": the centre of the square is any pixel, so part of the square may lie outside; inside is
 * a constant (there 0, after the mean was subtracted; so the colour is the caller's: black as in
 * torchvision's RandomErasing, or grey).
 * SPDX-License-Identifier: MIT */
#ifndef CUTOUT_H
#define CUTOUT_H

#include "lib/base/rng.h"
#include "lib/image/crop.h"

/* The part inside a view [y,x] of a square whose area is a share `area` (0 .. 1) of the view's, its
 * side rounded to whole pixels, its centre drawn at random. */
struct crop cutout_place(struct rng *rng, double area, int y, int x);

/* planes [C][Y][X], in place: `hole`, which lies inside (an extent may be 0), becomes `value`. */
void cutout_fill(float *planes, int channels, int y, int x, struct crop hole, float value);

#endif
