/* contrast.h -- contrastive losses by labels or by ids, one anchor at a time, never M x M in memory.
 *
 * z [M,P] are projections, u = z / sqrt(max(|z|^2, 1e-12)) unit embeddings, s_ik = u_i . u_k. Positives of
 * a row are the other rows of its group: of its label, or where that is unknown (below 0) or not asked
 * for, of its id. Its negatives are all rows of other groups. The loss of a row follows a rule of
 * anchor.h; the loss of the step is the mean over the rows that have a positive. With each label an id
 * and ANCHOR_OUTSIDE that is NT-Xent (ntxent.h, which is faster).
 *
 * Panels of 192 anchors: one product gives their similarities with all rows, the rule turns each line into
 * its gradient, and two products take that back to the rows.
 *
 * Source: as in anchor.h and ntxent.h.
 * Numerics: similarities in float, see anchor.h; sums over anchors in double. The bits depend neither on
 * the threads nor, but for rows without `view`, on the order of the rows.
 * Cost: 2 M^2 P flops forward, 4 M^2 P backward. Memory: 2 M P floats and 192 M.
 * SPDX-License-Identifier: MIT */
#ifndef CONTRAST_H
#define CONTRAST_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/objective/anchor.h"
#include "lib/objective/ntxent.h"

#include <stdint.h>

struct contrast;

/* For projections of width p; gemm_init() comes before the first step. `parallel` is borrowed. */
struct contrast *contrast_new(
    int p, const struct anchor_rule *rule, struct parallel *parallel, struct err *err);
void contrast_free(struct contrast *contrast); /* NULL is fine */

/* One step: rows z [rows,P] with ids, labels (NULL: by ids) and views ([rows]; view NULL: rows of an id are
 * numbered in the order they come). grad [rows,P], overwritten: the gradient with respect to z; NULL: not
 * wanted. Results are those of ntxent.h with groups for pictures: accuracy is the share of rows whose
 * nearest row in another view is a positive (by labels and with one view only: nearest other row); entropy
 * is NAN for a triplet, which has no softmax.
 * Errors: ERR_INPUT: by ids as ntxent_forward(); by labels a picture with two of them, or no row
 * that has a positive; ERR_FAILED: memory (which grows with the largest step so far), or a number in z
 * that is not finite. */
int contrast_step(struct contrast *contrast, struct ntxent_result *out, float *grad, const float *z,
    const int64_t *id, const int64_t *label, const int64_t *view, int rows, struct err *err);

#endif
