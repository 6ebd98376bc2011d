/* rotate.h -- planes turned around their centre.
 *
 * Source: torchvision.transforms.functional.rotate(tensor, angle, BILINEAR) without expansion:
 * positive angles turn counter-clockwise, a sample is made of the four pixels around the point it
 * comes from, and outside lies black.
 * Numerics: multiples of 90 degrees are exact.
 * Cost: four loads and four multiplications a sample, from a copy with a black border.
 * SPDX-License-Identifier: MIT */
#ifndef ROTATE_H
#define ROTATE_H

#include "lib/base/arena.h"

/* Scratch memory for one thread. */
struct rotate {
    float *plane;             /* [Y + 3][X + 3] a plane with its border */
    int *index;               /* [X] */
    float *across, *downward; /* [X] */
};

/* Cut scratch for planes [y,x] out of an arena (see arena.h). */
void rotate_layout(struct rotate *scratch, struct arena *arena, int y, int x);

/* planes [C][Y][X], in place. */
void rotate_planes(
    float *planes, int channels, int y, int x, double degrees, const struct rotate *scratch);

#endif
