/* softmax.h -- softmax cross entropy of logits [N,L], and its gradient.
 *
 *     loss = mean over labelled rows of  log(sum_l exp(logit_l)) - logit_label
 *     d loss / d logit = (softmax(logit) - onehot(label)) / labelled
 *
 * A row whose label is -1 (unknown) has no loss and a gradient of zeros.
 *
 * Source: the supervised loss of google-research/simclr, objective.py (add_supervised_loss).
 * Numerics: exponentials in f32 of logits less the largest, their sums and the loss in double; rows
 *           are added in order: bits do not depend on the number of threads.
 * SPDX-License-Identifier: MIT */
#ifndef SOFTMAX_H
#define SOFTMAX_H

#include "lib/base/parallel.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one row. */
struct softmax_row {
    double loss;
    bool right; /* its label has the largest logit, and is the first of those that have it */
};

/* Logits [L] of a row of class `class` become the derivative of its loss by them. */
struct softmax_row softmax_row(float *logit, int classes, int class);

/* Of a step. */
struct softmax_result {
    double loss; /* mean; 0 when no row has a label */
    int rows;    /* labelled ones */
    int right;
};

/* logit [rows,L] becomes the gradient of the mean loss; label [rows] is -1 or 0 .. L-1; `row` [rows]
 * is room to work. */
struct softmax_result softmax_mean(struct parallel *parallel, float *logit, struct softmax_row *row,
    const int64_t *label, int rows, int classes);

#endif
