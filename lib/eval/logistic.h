/* logistic.h -- multinomial logistic regression: a linear classifier on frozen features.
 *
 * Minimised exactly:  mean over rows of -log softmax(W x' + b)[label]  +  l2/2 * |W|^2
 * where x' are the features standardised by the mean and deviation of the training rows (a feature
 * that does not vary counts as 0); the bias is not penalised. scikit-learn's C is 1/(l2 * rows).
 * What is handed out is the same classifier for features as they come: the standardisation is
 * folded into weight and bias.
 *
 * The strength is chosen on held-out training rows: a fifth of each class, drawn by (seed, id);
 * where there are fewer than 5000 rows all five fifths take their turn. Along a grid from strong to
 * weak, 40 iterations each from where the last one ended, the strength with the most right answers
 * wins, among equals that with the lower loss; three strengths in a row that win nothing end it.
 * Then all training rows are fitted at the winner, until no component of the gradient exceeds 3e-5,
 * or f32 has no more digits to give.
 *
 * Source: L2-regularised L-BFGS as in appendix B.8 of the SimCLR paper.
 * Numerics: products in f32 over fixed blocks of rows, sums in double in block order; L-BFGS in
 *           double. Bits do not depend on the number of threads.
 * Cost: 4*N*D*L flops an evaluation, some hundred evaluations.
 * SPDX-License-Identifier: MIT */
#ifndef LOGISTIC_H
#define LOGISTIC_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/classifier.h"
#include "lib/eval/features.h"

enum { LOGISTIC_GRID = 13 };

struct logistic_options {
    double l2; /* NaN: choose */
    int64_t seed;
    void (*progress)(int64_t evaluations, const char *note); /* may be NULL */
};

/* How the fit went. */
struct logistic_report {
    double l2;  /* used */
    int choice; /* its place in the grid; -1 when it was given, or nothing could be held out */
    int tried;  /* strengths looked at */
    int held;   /* rows held out, over all splits */
    struct {
        double l2, loss; /* held-out mean loss */
        int right;       /* of held */
    } grid[LOGISTIC_GRID];
    double loss, gradient;       /* of the objective at the end; largest component */
    int iterations, evaluations; /* of this fit; of all */
    bool poor;                   /* the gradient did not get small: not the minimum */
};

/* Fit. On failure out is empty. Errors: ERR_FAILED memory, or features too large for f32;
 * ERR_INPUT a single class. */
int logistic_fit(struct classifier *out, struct logistic_report *report,
    const struct features *train, const struct logistic_options *options, struct parallel *parallel,
    struct err *err);

#endif
