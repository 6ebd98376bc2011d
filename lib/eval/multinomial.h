/* multinomial.h -- the objective of multinomial logistic regression and its gradient.
 *
 * value = mean over the chosen rows of -log softmax(W x' + b)[class]  +  l2/2 * |W|^2, with x' the
 * standardised features. Parameters are one vector of doubles: W [L,D], then b [L].
 *
 * Numerics: W is rounded to f32 for the products; rows are cut into at most 32 chunks by the shape
 * of the problem; gradients of blocks of rows are added in double, chunks likewise, in order.
 * Cost: 4*N*D*L flops.
 * SPDX-License-Identifier: MIT */
#ifndef MULTINOMIAL_H
#define MULTINOMIAL_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/features.h"

struct multinomial_scratch;
struct multinomial_chunk;

struct multinomial {
    const struct features *features; /* borrowed, as are the next two */
    struct parallel *parallel;
    const int *index; /* [N] class of each row, 0 .. L-1 */
    int classes;      /* L */
    double l2;
    const int *row; /* [rows] the rows that count; NULL: all. Set these three before use. */
    int rows;
    float *mean, *scale; /* [D] x' = (x - mean) * scale */

    int block, chunks; /* rows multiplied at a time; pieces that are summed in order */
    float *weight;     /* [L,D] W in f32 */
    const double *bias;
    bool gradient;                       /* wanted, not only the value */
    struct multinomial_scratch *scratch; /* [threads] */
    struct multinomial_chunk *chunk;     /* [chunks] */
    struct arena arena;
};

/* Take the mean and deviation of all rows, and room to work.
 * Errors: ERR_FAILED memory, or features so large that f32 does not hold their standardisation. */
int multinomial_init(struct multinomial *m, const struct features *features, const int *index,
    int classes, struct parallel *parallel, struct err *err);
void multinomial_free(struct multinomial *m);

/* For rows that come batch by batch, as they are: nothing is standardised, mean and scale are NULL.
 * `features` is a window: set its rows, value or byte, and `index` and `rows` of m, batch after
 * batch. Sums depend on `batch`, the usual number of rows. Errors: ERR_FAILED memory. */
int multinomial_batches(struct multinomial *m, const struct features *features, int classes,
    int batch, struct parallel *parallel, struct err *err);

/* Numbers in the vector of parameters. */
size_t multinomial_size(const struct multinomial *m);

/* An lbfgs_function; context is a struct multinomial. */
double multinomial_value(void *context, double *gradient, const double *x);

/* The sum of the losses of the chosen rows, without the penalty; its gradient is added to gradient
 * [size], the number of right answers to *right. */
double multinomial_add(struct multinomial *m, double *gradient, int *right, const double *x);

/* Mean loss of the chosen rows without the penalty, and how many of them x gets right (among equal
 * logits the lower class is the answer). */
double multinomial_judge(struct multinomial *m, int *right, const double *x);

#endif
