/* descent.h -- a linear classifier by stochastic gradient descent, on views as they stream by.
 *
 * The linear evaluation of the SimCLR reference: each epoch shows each picture in a new random crop,
 * perhaps flipped; the encoder stands still and only this layer learns, from zero, on features as
 * they come. A step of the stream is one update:
 *
 *     g = gradient of the mean cross entropy over the labelled rows of the step, + l2*W (no bias)
 *     v = 0.9*v + rate(step)*g;   W, b -= 0.9*v + rate(step)*g        (Nesterov)
 *     rate(step) = rate * batch/256 * (1 + cos(pi*step/steps)) / 2
 *
 * with batch and steps of the stream's plan. Classes are 0 .. dataset.classes-1 of the header.
 *
 * Source: google-research/simclr, README (linear evaluation: momentum, rate 0.1, no warm-up, no
 *         weight decay on CIFAR-10, zero_init_logits_layer), model_util.py.
 * Numerics: parameters and velocity in f32; gradients as multinomial.h has them: bits do not depend
 *           on the number of threads, nor, save for the last digits, on how a step is cut into parts.
 * Cost: 4*rows*D*L flops a step. Memory: one record.
 * SPDX-License-Identifier: MIT */
#ifndef DESCENT_H
#define DESCENT_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/classifier.h"
#include "lib/eval/features.h"

/* Of one epoch. */
struct descent_epoch {
    int64_t epoch; /* from 0 */
    int64_t rows;  /* labelled ones */
    int64_t right; /* before the update of their step */
    double loss;   /* mean, likewise */
};

struct descent_options {
    double rate; /* for a batch of 256 */
    double l2;
    void (*progress)(int64_t steps, const char *note); /* may be NULL */
    void (*epoch)(const struct descent_epoch *epoch);  /* at the end of each; may be NULL */
};

struct descent_report {
    struct descent_epoch last;
    int64_t steps;
};

/* Steps that the plan of an opened stream promises. Errors: ERR_INPUT when there is no plan. */
int64_t descent_steps(const struct features *train, struct err *err);

/* Fit to the stream that features_open() opened in `train` and nothing has read; rows without a
 * label are counted there and left out. On failure out is empty.
 * Errors: ERR_INPUT no plan, no classes or one, more than 2^26 weights, a label beyond the classes,
 * a stream that does not begin with step 0 and end with the last, a concatenation, no label at all;
 * ERR_FAILED memory, a feature or a loss that is not finite (names the step). */
int descent_fit(struct classifier *out, struct descent_report *report, struct features *train,
    const struct descent_options *options, struct parallel *parallel, struct err *err);

#endif
