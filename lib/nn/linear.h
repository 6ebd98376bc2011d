/* linear.h -- dense layers: x [N,D] -> y [N,K], weights [K,D] as in PyTorch.
 *
 * Numerics: gemm.h. Biases' gradients are added in double, in row order.
 * SPDX-License-Identifier: MIT */
#ifndef LINEAR_H
#define LINEAR_H

#include "lib/base/parallel.h"

/* y [N,K] = x [N,D] . weight [K,D]^T + bias [K]; overwritten. bias may be NULL. */
void linear_forward(struct parallel *parallel, float *y, const float *x, const float *weight,
    const float *bias, int n, int d, int k);

/* The inverse of the line above: dx [N,D] = dy . weight, overwritten, unless NULL;
 * dweight [K,D] += dy^T . x and dbias [K] += sum over rows of dy, accumulated (dbias may be NULL). */
void linear_backward(struct parallel *parallel, float *dx, float *dweight, float *dbias,
    const float *dy, const float *x, const float *weight, int n, int d, int k);

#endif
