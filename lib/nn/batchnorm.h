/* batchnorm.h -- batch normalisation over rows, fused with the residual addition and ReLU that
 * follow.
 *
 * x [M,C] row-major with C the channels and M = N*Y*X the positions (NHWC makes this one matrix).
 * y = gamma * (x - mean) / sqrt(variance + 1e-5) + beta, then + residual if any, then ReLU if
 * asked. Maps (x, y, residual and their gradients) are all of one precision, f32 or bf16.
 *
 * Numerics: means and sums of squared differences are added in float over fixed blocks of rows and
 * combined in double in block order; the bits do not depend on the number of threads. Biased
 * variance normalises; the running variance takes M/(M-1) of it (PyTorch). Source: Ioffe & Szegedy
 * 2015, algorithm 1; PyTorch's BatchNorm2d for the running statistics. SPDX-License-Identifier: MIT
 */
#ifndef BATCHNORM_H
#define BATCHNORM_H

#include "lib/base/parallel.h"
#include "lib/nn/precision.h"

#include <stdbool.h>
#include <stddef.h>

#define BATCHNORM_EPSILON  1e-5
#define BATCHNORM_MOMENTUM 0.1

/* Floats of scratch that forward and backward need for M rows of C channels. */
size_t batchnorm_scratch(size_t m, int c);

/* Statistics of x: mean [C] and inverse deviation [C], overwritten. With running_mean/running_var
 * not NULL these are updated. m >= 2. */
void batchnorm_statistics(struct parallel *parallel, float *mean, float *inverse,
    float *running_mean, float *running_var, const void *x, enum precision precision, size_t m,
    int c, float *scratch);

/* mean and inverse deviation from the running statistics. */
void batchnorm_running(
    float *mean, float *inverse, const float *running_mean, const float *running_var, int c);

/* y [M,C] overwritten; may be x itself. beta, residual may be NULL. */
void batchnorm_forward(struct parallel *parallel, void *y, const void *x, const void *residual,
    enum precision precision, const float *mean, const float *inverse, const float *gamma,
    const float *beta, size_t m, int c, bool relu);

/* The inverse of the line above. dy [M,C], plus `more` unless NULL (with dresidual only; rounded to
 * the maps' precision), is the gradient of y; y is what forward wrote (it decides where ReLU was open;
 * not read without relu), or NULL if there was no residual: then ReLU was open where the formula is
 * above zero, which x tells without reading another map. dx [M,C] overwritten, may be dy or `more`
 * itself; dresidual [M,C] overwritten unless NULL, may be dy itself if dx is not; dgamma, dbeta [C]
 * accumulated (dbeta may be NULL). constant: mean and inverse were running statistics, through
 * which no gradient flows. */
void batchnorm_backward(struct parallel *parallel, void *dx, void *dresidual, float *dgamma,
    float *dbeta, const void *dy, const void *more, const void *x, const void *y,
    enum precision precision, const float *mean, const float *inverse, const float *gamma,
    const float *beta, size_t m, int c, bool relu, bool constant, float *scratch);

#endif
