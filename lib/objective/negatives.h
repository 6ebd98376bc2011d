/* negatives.h -- what all pairs of rows of different pictures add to a contrastive loss, never M x M in
 * memory: sums of exponentials forward, sums of unit rows backward.
 *
 * u [M,P] are unit rows in canonical order (pairing.h), x_ik = u_i . u_k / T. Pairs of one picture are
 * the caller's business: there are few, and in double they keep small losses exact. They count here
 * only for which row is nearest.
 *
 * Blocks of rows meet in tiles; because x is symmetric, a tile serves the rows of both its blocks.
 * There are two ways through a tile, chosen once: where e^x cannot leave the range of floats
 * (1/T <= 40) and the CPU has kernels, those of fused.h; else those of tile.h, with a running maximum.
 *
 * Numerics: similarities and sums within a tile in float, everything added over tiles in double. Tiles
 * and the order of sums follow from ids, views and P alone, not from the threads.
 * Cost: M^2 P flops forward, 3 M^2 P backward (2 where the dots of all tiles are kept: from 4096 rows to
 * as many as fit in 40 MiB, about 4500); one exponential an element of the upper triangle each (two
 * forward when T is not 1/2); the other way three forward and two backward. Memory: 3 M P floats (the
 * other way 2), and the tiles: those kept, or one a thread.
 * SPDX-License-Identifier: MIT */
#ifndef NEGATIVES_H
#define NEGATIVES_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/objective/pairing.h"

#include <stdbool.h>

/* Softmax of one row over the rows of one view. */
struct negatives_reach {
    double sum, weighted; /* over other pictures: of e^(x-shift) and of e^(x-shift) (x-shift) */
    double shift;         /* at least the largest x, or 0 where that does no harm */
    float max;            /* of x, in whatever unit, over all rows of another view */
    int nearest;          /* the first canonical position that has it */
};

struct negatives;

/* For rows of width p. T > 0. `parallel` is borrowed. `portable`: the way that every CPU can go.
 * Errors: ERR_FAILED: memory. */
struct negatives *negatives_new(
    int p, double temperature, bool portable, struct parallel *parallel, struct err *err);
void negatives_free(struct negatives *negatives); /* NULL is fine */

/* Whether products are those of gemm.h, which wants its gemm_init(). */
bool negatives_dense(const struct negatives *negatives);

/* Begin a step. The pairing is borrowed until the next one. Memory grows with the largest step so far.
 * Errors: ERR_FAILED. */
int negatives_reserve(struct negatives *negatives, const struct pairing *pairing, struct err *err);

/* Row i, which is in `block`: u = scale z. Different blocks may be filled at the same time. */
void negatives_put(struct negatives *negatives, int block, int i, const float *z, double scale);

/* Once all rows are there. */
void negatives_forward(struct negatives *negatives);

/* After that: [views] of row i; and over the ordered pairs with an anchor in `block` or a later block,
 * each counted once, the sum of e^(-2 |u_i - u_k|^2). */
const struct negatives_reach *negatives_reach(const struct negatives *negatives, int i);
double negatives_near(const struct negatives *negatives, int block);

/* lse [M]: log of the sum over all k != i of e^x_ik. Once for each forward pass. */
void negatives_backward(struct negatives *negatives, const double *lse);

/* After that: g [P], overwritten: sum over k of (e^(x_ik - lse_i) + e^(x_ik - lse_k)) u_k for row i of
 * `block`. */
void negatives_gradient(const struct negatives *negatives, int block, int i, double *g);

#endif
