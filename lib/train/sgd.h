/* sgd.h -- stochastic gradient descent with momentum, the rate inside the velocity.
 *
 *     g += decay*w;  v = momentum*v + rate*g;  w -= v
 *     nesterov:                                w -= momentum*v + rate*g
 *
 * Each gradient is weighed by the rate of its own step. PyTorch puts the rate outside
 * (w -= rate*v), which is the same only while the rate stands still.
 * Source: Sutskever et al. 2013; google-research/simclr, lars_optimizer.py.
 * SPDX-License-Identifier: MIT */
#ifndef SGD_H
#define SGD_H

#include <stdbool.h>
#include <stddef.h>

/* w, v [n] updated in place from the gradient g [n]. */
void sgd_update(float *restrict w, float *restrict v, const float *restrict g, size_t n,
    double rate, double momentum, double decay, bool nesterov);

#endif
