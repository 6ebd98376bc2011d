/* anchor.h -- contrastive losses of one anchor, and their gradients with respect to its similarities.
 *
 * An anchor i has similarities s_k (cosines) with every other row: P positives p and N negatives n;
 * x = s / T. With softplus(x) = log(1 + e^x) its loss L is
 *
 *     outside    mean_p -log( e^x_p / sum_{k != i} e^x_k )     NT-Xent; by labels SupCon, L_out
 *     inside     -log( mean_p e^x_p / sum_{k != i} e^x_k )     L_in of SupCon
 *     decoupled  mean_p -log( e^x_p / sum_n e^x_n )            DCL: no positive in the denominator
 *     logistic   mean_p softplus(-x_p) + mean_n softplus(x_n)
 *     triplet    mean_{p,n} max(s_n - s_p + margin, 0)
 *
 * With semi-hard mining, logistic and triplet take one negative for each positive: of those farther than
 * it, but by less than the margin (s_p - margin < s_n < s_p), the nearest; the first one when several are.
 * A positive without such a negative has its own term alone: softplus(-x_p) or nothing. An anchor without
 * negatives likewise has no terms of negatives, and 0 when decoupled.
 *
 * Source: Chen et al. 2020 (arXiv 2002.05709), equation 1, tables 2 and 4; Khosla et al. 2020 (arXiv
 * 2004.11362), equations 2 and 3, without the factor T / base T of their code; Yeh et al. 2021 (arXiv
 * 2110.06848), L_DC. Table 4 has negatives of one view only; here those of all views count.
 * Numerics: terms of negatives in float (simrow.h), all else in double. "inside" is softplus(d), where d is
 * the difference of two logarithms of sums, so that losses near 0 are exact.
 * Cost: a few exponentials a similarity; triplet and mining: a binary search among the positives.
 * SPDX-License-Identifier: MIT */
#ifndef ANCHOR_H
#define ANCHOR_H

#include "lib/base/arena.h"

#include <stdbool.h>

enum anchor_loss {
    ANCHOR_OUTSIDE,
    ANCHOR_INSIDE,
    ANCHOR_DECOUPLED,
    ANCHOR_LOGISTIC,
    ANCHOR_TRIPLET
};

struct anchor_rule {
    enum anchor_loss loss;
    bool semi_hard;     /* logistic and triplet */
    double temperature; /* all but triplet */
    double margin;      /* triplet, and semi-hard mining */
};

struct anchor {
    float *s; /* [columns]: cosines in, dL/ds out; SIMROW_GONE in, 0 out: what is no negative */
    int columns;
    float *positive; /* [positives]: cosines in, dL/ds out */
    int positives;   /* at least 1 */
    int negatives;
    struct anchor_scratch *scratch;
};

/* Room for anchors among at most so many rows, of one thread (arena.h). */
struct anchor_scratch *anchor_layout(struct arena *arena, int columns);

/* The loss; s and positive overwritten. */
double anchor_step(struct anchor *anchor, const struct anchor_rule *rule);

/* The loss when embeddings say nothing: all similarities are the same (0 for logistic); with mining, there
 * is a negative right behind each positive. */
double anchor_baseline(const struct anchor_rule *rule, int positives, int negatives);

/* The loss when rows of a group are alike and `groups` groups stand on a regular simplex. */
double anchor_floor(const struct anchor_rule *rule, int positives, int negatives, int groups);

#endif
