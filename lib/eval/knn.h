/* knn.h -- weighted k-nearest-neighbour vote by cosine similarity.
 *
 * Each of the k training rows most similar to a test row votes for its class with weight
 * exp(similarity / temperature). A row of zeros has similarity 0 to everything.
 *
 * Source: Wu et al. 2018, "Unsupervised feature learning via non-parametric instance
 *         discrimination", section 3.4 (k = 200, temperature 0.07; 0.1 is what later work uses).
 * Numerics: products in f32 over tiles of fixed size; among equally similar rows the lower id is
 *         the nearer; votes in double, in order of nearness, relative to the nearest. Bits do not
 *         depend on the number of threads.
 * Cost: 2 * N_test * N_train * D flops; a tile of similarities and k candidates a row are all that
 *         is ever held.
 * SPDX-License-Identifier: MIT */
#ifndef KNN_H
#define KNN_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/features.h"

struct knn_options {
    int neighbors; /* 1 .. train->rows */
    double temperature;
    void (*progress)(int64_t done); /* test rows; may be NULL */
};

/* Classify each test row. rank [test->rows] is that of its true class as tally.h says, with votes as
 * scores; that of a class without a vote is at least 5. predicted [test->rows], labels, may be NULL.
 * Errors: ERR_FAILED memory. */
int knn_score(int *rank, int *predicted, const struct features *train, const struct features *test,
    const struct knn_options *options, struct parallel *parallel, struct err *err);

#endif
