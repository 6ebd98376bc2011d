/* gauss.h -- Gaussian blur of planes of bytes, mirrored at the borders.
 *
 * Source: torchvision's gaussian_blur: an odd number of taps with weights exp(-i*i / (2 sigma^2))
 * scaled to a sum of one; beyond the border the picture is mirrored without repeating the border;
 * the result is rounded to bytes once, half to even.
 * Numerics: float, columns first, then rows; torchvision multiplies by the weights of both
 * directions at once, so results may be one apart where a sum is next to a half.
 * Cost: taps multiplications and 2 taps additions a sample, both directions together.
 * SPDX-License-Identifier: MIT */
#ifndef GAUSS_H
#define GAUSS_H

#include "lib/base/arena.h"

/* Scratch memory for one thread. */
struct gauss {
    float *plane;     /* [Y][X] as floats */
    float *line;      /* [X + taps] columns done, mirrored at both ends */
    float *row;       /* [X] rows done */
    float *weight;    /* [taps] */
    const float **at; /* [taps] where the lines of a sum begin */
};

/* Cut scratch for planes of at most [y,x] and at most so many taps out of an arena (see arena.h). */
void gauss_layout(struct gauss *scratch, struct arena *arena, int y, int x, int taps);

/* planes [C][Y][X], in place; taps odd, taps / 2 below y and x, sigma > 0. */
void gauss_blur(unsigned char *planes, int channels, int y, int x, int taps, double sigma,
    const struct gauss *scratch);

#endif
