/* winograd.h -- 3x3 filters by 16 multiplications for four outputs instead of 36.
 *
 * A tile is 2x2 outputs and the 4x4 pixels d that they read. With the filter g,
 *
 *     y = A' [(G g G') * (B' d B)] A        A' and B' transposed, * element by element
 *
 * so a convolution becomes 16 products of matrices [tiles, C] x [C, K], one for each of the 16 places
 * of the transformed tile; likewise backwards: dd by the filter turned round, and
 *
 *     dg = G' [(B' d B) * (A dy A')] G      summed over tiles before G
 *
 * Source: Lavin and Gray 2015, "Fast algorithms for convolutional neural networks", F(2x2, 3x3);
 * the gradient is F(3x3, 2x2), which has the same transforms transposed.
 * Numerics: entries of A and B are 0 and +-1, of G 1, 1/2; the error stays that of an ordinary sum
 * (tests/unit/conv2d.c holds it to the same bound). These functions add and never contract: the same
 * bits from every compiled clone.
 *
 * Place i of a tile lies `step` floats behind place i-1. Channels come in multiples of 8.
 * SPDX-License-Identifier: MIT */
#ifndef WINOGRAD_H
#define WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_PLACES = 16, WINOGRAD_PIXELS = 4, WINOGRAD_FILTERS = 16 };

/* out [16] places of n channels, overwritten: B' d B of pixels d[4 * row + column]. */
void winograd_input(float *out, size_t step, const float *const pixel[WINOGRAD_PLACES], int n);

/* Pixels [2 * row + column], each n channels, overwritten: A' m A. NULL: not wanted. */
void winograd_output(float *const pixel[WINOGRAD_PIXELS], const float *m, size_t step, int n);

/* out [16] places of n channels, overwritten: A dy A' of pixels dy[2 * row + column]. */
void winograd_gradient(float *out, size_t step, const float *const pixel[WINOGRAD_PIXELS], int n);

/* 16 filters g, row by row, `apart` floats from one to the next, `turned` by half a circle or not.
 * u [16] places of 16 filters, overwritten: G g G'. */
void winograd_filter(float *u, size_t step, const float *g, size_t apart, bool turned);

/* g, 16 filters as above, accumulated: G' u G. u[place]: 16 filters. */
void winograd_filter_gradient(float *g, size_t apart, const float *const u[WINOGRAD_PLACES]);

#endif
