/* blur.h -- Gaussian blur of square planes.
 *
 * Source: google-research/simclr, data_util.py, gaussian_blur: radius (Y/10)/2 in whole numbers,
 * weights exp(-i*i / (2 sigma^2)) scaled to a sum of one, along the rows, then along the columns;
 * beyond the border lies black, so borders darken.
 * Numerics: in float; weights below 2^-32 are taken for 0.
 * Cost: 2 (2 radius + 1) multiplications a sample, fewer where sigma is small.
 * SPDX-License-Identifier: MIT */
#ifndef BLUR_H
#define BLUR_H

#include "lib/base/arena.h"

/* Scratch memory for one thread. */
struct blur {
    float *plane;  /* [Y][X rounded up] */
    float *line;   /* [X rounded up + 2 radius] */
    float *weight; /* [2 radius + 1] */
};

int blur_radius(int size);

/* Cut scratch for planes [size,size] out of an arena (see arena.h). */
void blur_layout(struct blur *scratch, struct arena *arena, int size);

/* planes [C][size][size], in place; sigma > 0. */
void blur_gaussian(float *planes, int channels, int size, double sigma, const struct blur *scratch);

#endif
