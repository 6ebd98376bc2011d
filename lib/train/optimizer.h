/* optimizer.h -- LARS, SGD, Adam and AdamW over the parameters of a model.
 *
 * lars  (You et al. 2017, as google-research/simclr has it): g += wd*w; trust = eeta*|w|/|g| if both
 *       norms are positive, else 1; v = momentum*v + rate*trust*g; w -= v (nesterov: w -= momentum*v
 *       + rate*trust*g). eeta 0.001; one norm a tensor. Biases, gamma, beta: no decay, trust 1.
 *       The layer that tells classes apart is decayed, trust 1.
 * sgd   g += wd*w; v = momentum*v + rate*g (classic: the rate of its own step inside the velocity);
 *       w -= v, nesterov: w -= momentum*v + rate*g. Everything is decayed but gamma and beta.
 * adam  Kingma & Ba 2015, beta 0.9 0.999, epsilon 1e-8, bias correction; decay added to g (L2), not
 *       for gamma and beta.
 * adamw Loshchilov & Hutter 2019: w -= rate*wd*w apart from the gradient, not for gamma and beta.
 *
 * Numerics: norms in double over fixed blocks in order; bits independent of threads.
 * SPDX-License-Identifier: MIT */
#ifndef OPTIMIZER_H
#define OPTIMIZER_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/nn/param.h"

#include <stdbool.h>
#include <stdint.h>

struct optimizer_options {
    const char *name; /* lars, sgd, adam, adamw */
    double momentum, decay;
    bool nesterov;
};

struct optimizer;

/* Errors: ERR_MISUSE for an unknown name, or Nesterov momentum for adam and adamw; ERR_FAILED. */
struct optimizer *optimizer_new(const struct optimizer_options *options, struct params *params,
    struct parallel *parallel, struct err *err);
void optimizer_free(struct optimizer *optimizer); /* NULL is fine */

/* One update from params' gradients at learning rate `rate`; step counts from 0 (Adam's bias
 * correction). Gradients are zeroed for the next step.
 * Errors: ERR_FAILED naming the step and the first tensor whose gradient is not finite (then nothing
 * has changed), or whose new value or slot is not. */
int optimizer_step(struct optimizer *optimizer, double rate, int64_t step, struct err *err);

/* The slots, for state files: tensors named "momentum.NAME" (lars, sgd), "first.NAME",
 * "second.NAME" (adam). [*count], owned by the optimizer; data may be written to (a resume). */
struct tensor *optimizer_slots(struct optimizer *optimizer, int *count);

#endif
