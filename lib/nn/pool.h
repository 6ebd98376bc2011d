/* pool.h -- what changes the extents of a map without weights.
 *
 *   maximum    3x3, stride 2, padding 1:  x [N,H,W,C] -> y [N,Y,X,C], Y = (H-1)/2+1, X likewise;
 *              index [N,Y,X,C], which of the nine was the largest (the first, as in PyTorch)
 *   average    over the whole map:        x [N,H,W,C] -> y [N,C]
 *   subsample  option A shortcut (He et al. 2015, section 4.1): x[:, ::2, ::2] with (K-C)/2 zero
 *              channels before and after: x [N,H,W,C] -> y [N,Y,X,K], Y = (H+1)/2, X likewise
 *   add        x [count] += other [count]: the sum of two maps
 *
 * Maps are of either precision; the average is f32 on its far side [N,C]. Sums are made in f32 and
 * rounded once. Pictures are independent of each other: the bits do not depend on the number of threads.
 * SPDX-License-Identifier: MIT */
#ifndef POOL_H
#define POOL_H

#include "lib/base/parallel.h"
#include "lib/nn/precision.h"

#include <stdint.h>

/* y, index overwritten. */
void pool_maximum_forward(struct parallel *parallel, void *y, uint8_t *index, const void *x,
    enum precision precision, int n, int h, int w, int c);
/* dx overwritten. */
void pool_maximum_backward(struct parallel *parallel, void *dx, const void *dy,
    const uint8_t *index, enum precision precision, int n, int h, int w, int c);

/* y overwritten; `area` is H*W. Numerics: sums in float, in order. */
void pool_average_forward(struct parallel *parallel, float *y, const void *x,
    enum precision precision, int n, int area, int c);
/* dx overwritten. */
void pool_average_backward(struct parallel *parallel, void *dx, const float *dy,
    enum precision precision, int n, int area, int c);

/* y overwritten. */
void pool_subsample_forward(struct parallel *parallel, void *y, const void *x,
    enum precision precision, int n, int h, int w, int c, int k);
/* dx accumulated. */
void pool_subsample_backward(struct parallel *parallel, void *dx, const void *dy,
    enum precision precision, int n, int h, int w, int c, int k);

/* x accumulated. */
void pool_add(
    struct parallel *parallel, void *x, const void *other, enum precision precision, size_t count);

#endif
