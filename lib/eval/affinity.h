/* affinity.h -- how much each row wants to lie near each of its nearest rows: the sparse matrix P of t-SNE.
 *
 * p(j|i) ~ exp(-b_i |x_i - x_j|^2) over the nearest rows of i, with b_i such that its perplexity (e to the
 * power of its entropy) is the one asked for; P = (p(j|i) + p(i|j)) / 2N.
 * Source: van der Maaten & Hinton 2008, eqs. 1 and 2, "Visualizing data using t-SNE"; nearest rows
 * alone: van der Maaten 2014, eq. 7, "Accelerating t-SNE using tree-based algorithms".
 *
 * Numerics: nearest rows by search.h, exactly; in double, kept as f32. The bits depend on neither the
 * number of threads nor the BLAS.
 * Cost: 2 N^2 D flops; 32 bytes for each of a row's neighbours at the worst, half of that in the end.
 * SPDX-License-Identifier: MIT */
#ifndef AFFINITY_H
#define AFFINITY_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"

#include <stddef.h>

enum { AFFINITY_NEIGHBORS = 3001 }; /* of a row, at most: perplexities up to 1,000 */

struct affinity {
    int rows;      /* N */
    size_t *begin; /* [N+1]: where the entries of a row are */
    int *column;   /* ascending within a row; never the row itself */
    float *p;      /* the sum of all is 1 */
};

/* The perplexity that N rows allow, at most `wanted`: a third of the others, but not below 1. */
double affinity_perplexity(int rows, double wanted);

/* How many nearest rows are looked at: 3 * perplexity + 1, or all there are. */
int affinity_neighbors(int rows, double perplexity);

/* value [N,D], around the origin and with lengths that are no trouble to square (pca_center()).
 * `perplexity` as affinity_perplexity() gave it; `neighbors` is at least that. One row has no
 * neighbours, and P is empty. `progress` (or NULL) is told the rows that were compared. Free it in any
 * case; start with a zeroed struct. Errors: ERR_FAILED memory. */
int affinity_find(struct affinity *out, const float *value, int rows, int width, double perplexity,
    int neighbors, void (*progress)(long long rows), struct parallel *parallel, struct err *err);

void affinity_free(struct affinity *affinity);

/* p [n] of squared distances [n], the smallest first, at a perplexity below n (above: all the same). */
void affinity_row(float *p, const double *square, int n, double perplexity);

#endif
