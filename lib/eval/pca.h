/* pca.h -- principal components: the directions in which rows differ most.
 *
 * Source: Pearson 1901; Jolliffe 2002, "Principal component analysis". Covariance [D,D] where D is not
 * above N, else the products of rows [N,N], and LAPACK's eigenvectors of it; where both are above
 * PCA_DENSE, subspace iteration from keyed draws (Halko et al. 2011, "Finding structure with
 * randomness", algorithm 4.4, until it stands still).
 * Signs as scikit-learn's: the largest number of an axis, by size, is above 0.
 *
 * Numerics: products in f32 over at most PCA_ROWS numbers, sums of them and all else in double. Bits do
 * not depend on the number of threads; they do on the BLAS.
 * Cost: 2 N D min(N,D) flops and 12 min(N,D)^2 bytes; beyond PCA_DENSE some dozens of times 64 N D flops.
 * SPDX-License-Identifier: MIT */
#ifndef PCA_H
#define PCA_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"

#include <stdint.h>

enum { PCA_DENSE = 2048, PCA_ROWS = 512 };

struct pca {
    int components;    /* K, at most 8 */
    int dense;         /* PCA_DENSE */
    int64_t seed;      /* of the draws */
    double *score;     /* [N,K] overwritten: coordinates of the rows; those beyond the rank are 0 */
    double *axis;      /* [K,D] overwritten: of length 1, or 0 beyond the rank */
    double *deviation; /* [K] overwritten: of each component, over N */
    double *share;     /* [K] overwritten: of the variance of all rows */
};

/* value [N,D], in place: the mean row is taken away, then all is divided by the largest number that is
 * left, which is returned (0 when all rows are equal; value is 0 then). Any finite numbers will do. */
double pca_center(float *value, int rows, int width, struct err *err);

/* value [N,D] as pca_center() left it, and what it returned. The arrays of `pca` are the caller's.
 * Errors: ERR_FAILED memory, or LAPACK that finds nothing. */
int pca_fit(struct pca *pca, const float *value, int rows, int width, double scale,
    struct parallel *parallel, struct err *err);

#endif
