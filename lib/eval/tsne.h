/* tsne.h -- t-distributed stochastic neighbour embedding: rows as points of a plane, near ones near.
 *
 * Minimises KL(P || Q) = sum p_ij log(p_ij / q_ij), q_ij = w_ij / Z, w_ij = 1 / (1 + |y_i - y_j|^2),
 * Z = sum w_ij over all i != j, with P sparse (affinity.h), by gradient descent:
 *     dC/dy_i = 4 sum_j (p_ij - q_ij) w_ij (y_i - y_j)
 * Source: van der Maaten & Hinton 2008, eq. 5, and section 3.4 for momentum, gains and early
 * exaggeration; van der Maaten 2014 for theta; Belkina et al. 2019 for the learning rate
 * N / exaggeration; Kobak & Berens 2019 for the start from principal components. Constants as in
 * scikit-learn 1.x: the rate is that by 4, at least 50; 250 steps of exaggeration 12 with momentum 0.5,
 * then 0.8; gains + 0.2 or times 0.8, at least 0.01, begin anew with 1 when the exaggeration ends.
 *
 * Numerics: attraction and descent in double; repulsion in f32, added in 16 lanes. The bits do not
 * depend on the number of threads, nor on the CPU.
 * Cost of a step: about 10 N^2 flops, or N times some hundreds for theta above 0; and 12 flops for each
 * entry of P. Memory: 150 bytes a row, and 12 a row for each thread.
 * SPDX-License-Identifier: MIT */
#ifndef TSNE_H
#define TSNE_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/affinity.h"

#include <stdint.h>

enum { TSNE_EARLY = 250, TSNE_ITERATIONS = 1000 };
#define TSNE_EXAGGERATION 12
#define TSNE_THETA        0.5
#define TSNE_START        1e-4 /* deviation of the first coordinate at the start */

struct tsne;

/* theta 0: exact; above: Barnes-Hut, as quadtree.h says. `affinity` is borrowed.
 * Errors: ERR_FAILED memory. */
struct tsne *tsne_new(
    const struct affinity *affinity, double theta, struct parallel *parallel, struct err *err);
void tsne_free(struct tsne *tsne); /* NULL is fine */

/* y [N,2], in place: principal components become a start. If all rows lie on one line (the second are
 * all 0) the second are drawn, keyed by (seed, id), 1/100 as large: on a line no point can pass another.
 */
void tsne_start(double *y, int rows, int64_t seed, const int64_t *id);

/* y [N,2], in place: `iterations` steps from there, the mean at 0 in the end. `progress` (or NULL) is told
 * after each. Returns the divergence, in nats. */
double tsne_descend(
    double *y, struct tsne *tsne, int iterations, void (*progress)(long long steps));

/* gradient [N,2] overwritten: at y [N,2], with P times `exaggeration`. Returns Z. */
double tsne_gradient(double *gradient, const double *y, struct tsne *tsne, double exaggeration);

/* The twin: plain sums in double over all pairs, and the divergence of P times `exaggeration`. */
double tsne_naive(
    double *gradient, const double *y, const struct affinity *affinity, double exaggeration);

#endif
