/* adam.h -- adaptive moments, with decay in the gradient (Adam) or apart from it (AdamW).
 *
 *     g += decay*w  (adam) | w -= rate*decay*w  (adamw)
 *     m = b1*m + (1-b1)*g;  s = b2*s + (1-b2)*g*g
 *     w -= rate * (m/(1-b1^t)) / (sqrt(s/(1-b2^t)) + epsilon),  t counted from 1
 *
 * b1 0.9, b2 0.999, epsilon 1e-8.
 * Source: Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2.
 * SPDX-License-Identifier: MIT */
#ifndef ADAM_H
#define ADAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* w, m, s [n] updated in place from the gradient g [n]; step counts from 0. */
void adam_update(float *restrict w, float *restrict m, float *restrict s, const float *restrict g,
    size_t n, double rate, int64_t step, double decay, bool apart);

#endif
