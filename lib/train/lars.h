/* lars.h -- layer-wise adaptive rate scaling: how far a tensor may move, by the norms of its weights
 * and its gradient.
 *
 *     g += decay*w;  trust = eeta*|w|/|g| if both norms are positive, else 1
 *
 * The step that follows is sgd_update() at rate*trust.
 * Source: You et al. 2017, "Large batch training of convolutional networks"; the form of
 * google-research/simclr, lars_optimizer.py.
 * SPDX-License-Identifier: MIT */
#ifndef LARS_H
#define LARS_H

#include <stddef.h>

/* Sums of squares of w [n] and of g + decay*w, overwritten.
 * Numerics: in double, eight running sums, added in a fixed order. */
void lars_squares(double *weight, double *gradient, const float *restrict w,
    const float *restrict g, size_t n, double decay);

/* The trust ratio of a whole tensor, from its sums of squares. */
double lars_trust(double weight, double gradient);

#endif
