/* simrow.h -- the inner loops over a row of similarities, for losses that look at one anchor at a time.
 *
 * x [n] are cosines of one anchor, or SIMROW_GONE where a row does not count: exponentials of it are 0, and
 * it is never the largest.
 *
 * Numerics: each term in float, sums over 16 lanes of at most 64 terms in float, everything beyond in
 * double. The bits do not depend on the CPU.
 * SPDX-License-Identifier: MIT */
#ifndef SIMROW_H
#define SIMROW_H

#include <stdbool.h>

#define SIMROW_GONE (-1e30F)

/* The largest; SIMROW_GONE when there is none. */
float simrow_max(const float *x, int n);

/* Sum of e^(scale (x - shift)), where no x is above shift; and weighted by scale (x - shift) in
 * *weighted, overwritten; NULL: not wanted. */
double simrow_sum(double *weighted, const float *x, int n, float scale, float shift);

/* x becomes factor e^(scale (x - shift)). */
void simrow_exp(float *x, int n, float scale, float shift, float factor);

/* Sum of log(1 + e^(scale x)); x becomes factor / (1 + e^(-scale x)). */
double simrow_logistic(float *x, int n, float scale, float factor);

/* Sum of e^(4 x - own - square): uniformity, where own and square [n] are 2 |u|^2. */
double simrow_near(const float *x, const float *square, int n, float own);

/* place [n], overwritten: how many of sorted [count] (rising, at least one) are below x + shift; `same`: or
 * at it. */
void simrow_places(
    int *place, const float *sorted, int count, const float *x, int n, double shift, bool same);

#endif
