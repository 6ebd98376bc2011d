/* ntxent.h -- the contrastive loss of SimCLR, NT-Xent, for any number of views, never M x M in memory.
 *
 * z [M,P] are projections, u = z / sqrt(max(|z|^2, 1e-12)) the unit embeddings, T the temperature.
 * Positives of a row are the other rows with its id. The loss of row i is the mean over its
 * positives p of
 *
 *     -log( exp(u_i.u_p / T) / sum_{k != i} exp(u_i.u_k / T) )
 *
 * and the loss of the step the mean over all rows; ln(M-1) when the embeddings say nothing.
 *
 * Source: Chen et al. 2020 (arXiv 2002.05709), equation 1; google-research/simclr, objective.py, for
 * epsilon, accuracy and entropy; Wang & Isola 2020 (arXiv 2005.10242) for alignment and uniformity.
 * Numerics: similarities in float, one tile at a time (negatives.h); everything added over tiles or rows, and all
 * that concerns positives, in double. Tiles and the order of sums follow from the ids and views
 * alone: the bits depend neither on the threads nor on the order of the rows.
 * Cost: that of negatives.h: 4 M^2 P flops forward and backward together, 3 in small steps.
 * SPDX-License-Identifier: MIT */
#ifndef NTXENT_H
#define NTXENT_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"

#include <stdbool.h>
#include <stdint.h>

#define NTXENT_EPSILON 1e-12

/* What is known of a step after the forward pass. */
struct ntxent_result {
    double loss;
    double baseline;   /* ln(rows - 1): the loss when all similarities are the same */
    double floor;      /* the loss with views perfectly aligned, pictures on a regular simplex */
    double accuracy;   /* share of rows whose nearest row in another view shows the same picture */
    double entropy;    /* of the softmax over the rows of another view, mean */
    double alignment;  /* mean squared distance of positives */
    double uniformity; /* log of the mean of exp(-2 |u_i - u_k|^2) over pairs of different rows */
    double std;        /* standard deviation of u along each dimension, mean over dimensions */
};

struct ntxent;

/* For projections of width p. T > 0. `parallel` is borrowed. `portable`: without kernels for this CPU,
 * which differ by rounding. */
struct ntxent *ntxent_new(
    int p, double temperature, bool portable, struct parallel *parallel, struct err *err);
void ntxent_free(struct ntxent *ntxent); /* NULL is fine */

/* Whether products go through gemm.h: then gemm_init() comes before the first step. */
bool ntxent_dense(const struct ntxent *ntxent);

/* One step: rows z [rows,P] with ids and views ([rows]; view NULL: rows of an id are numbered in the
 * order they come). Accuracy and entropy are over pairs of views: with two views, the anchors are of
 * the first, as in the reference; with more, every ordered pair counts the same. The 1e-8 in the
 * reference's p log(p + 1e-8) is taken to first order.
 * Errors: ERR_INPUT: a picture with one row only, a single picture; ERR_FAILED: memory (which grows
 * with the largest step so far), or a number in z, or the loss, that is not finite. */
int ntxent_forward(struct ntxent *ntxent, struct ntxent_result *out, const float *z,
    const int64_t *id, const int64_t *view, int rows, struct err *err);

/* grad [rows,P], overwritten: the gradient of the loss of the last forward pass with respect to z,
 * which must still be where it was. Once for each forward pass. */
void ntxent_backward(struct ntxent *ntxent, float *grad);

#endif
