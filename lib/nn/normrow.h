/* normrow.h -- the inner loops of batch normalisation, over stretches of a map of either precision.
 *
 * A stretch is some elements of one row, or of several rows joined; vectors (mean, scale, ...) are
 * f32 and as long as the stretch. Everything is computed in f32; what is written to a map is rounded
 * to its precision.
 * SPDX-License-Identifier: MIT */
#ifndef NORMROW_H
#define NORMROW_H

#include "lib/nn/precision.h"

#include <stdbool.h>
#include <stddef.h>

/* sum [width] accumulated: of x over `rows` stretches, `stride` elements from one to the next; and of
 * (x - mean)^2. */
void normrow_sum(
    float *sum, const void *x, enum precision precision, size_t rows, size_t stride, size_t width);
void normrow_squares(float *sum, const void *x, const float *mean, enum precision precision,
    size_t rows, size_t stride, size_t width);

/* y = (x - mean) * scale + beta + residual (unless NULL), then ReLU if asked, through which NaN
 * passes, to be found. y may be x or residual itself. */
void normrow_forward(void *y, const void *x, const void *residual, enum precision precision,
    const float *mean, const float *scale, const float *beta, size_t n, bool relu);

/* g, the gradient behind ReLU, is dy where y is above zero (y NULL: everywhere). sum [n] += g,
 * product [n] += g * (x - mean), and g itself to `keep` unless NULL (may be dy). */
void normrow_sums(float *sum, float *product, void *keep, const void *dy, const void *x,
    const void *y, enum precision precision, const float *mean, size_t n);

/* The inverse of normrow_forward(): dx = scale * (g - offset - (x - mean) * slope); may be dy. */
void normrow_backward(void *dx, const void *dy, const void *x, const void *y,
    enum precision precision, const float *mean, const float *scale, const float *offset,
    const float *slope, size_t n);

#endif
