/* objective.h -- the loss that the options of simclr-ntxent choose: NT-Xent, or one of contrast.h.
 * SPDX-License-Identifier: MIT */
#ifndef OBJECTIVE_H
#define OBJECTIVE_H

#include "lib/base/parallel.h"
#include "lib/objective/gather.h"
#include "lib/objective/ntxent.h"
#include "tools/cli.h"

#include <stdbool.h>

struct objective_options {
    const char *loss;      /* ntxent | dcl | nt-logistic | margin-triplet */
    const char *positives; /* id | label */
    const char *sum;       /* outside | inside */
    bool semi_hard;        /* mining */
    double temperature, margin;
};
extern struct objective_options objective;

#define OBJECTIVE_ROWS                                                                             \
    {0, "loss", "ntxent|dcl|nt-logistic|margin-triplet", CLI_CHOICE, &objective.loss, 0, 0,        \
        CLI_RESULT, "contrastive loss", false},                                                    \
        {0, "positives", "id|label", CLI_CHOICE, &objective.positives, 0, 0, CLI_RESULT,           \
            "rows that belong together: those of a picture, or of a label", false},                \
        {0, "sum-positives", "outside|inside", CLI_CHOICE, &objective.sum, 0, 0, CLI_RESULT,       \
            "of the logarithm in ntxent: L_out or L_in of SupCon", false},                         \
        {0, "temperature", "T", CLI_REAL, &objective.temperature, 1e-6, 1e6, CLI_RESULT,           \
            "what similarities are divided by", false},                                            \
        {0, "margin", "M", CLI_REAL, &objective.margin, 0, 2, CLI_RESULT,                          \
            "of margin-triplet and --semi-hard, in cosines", false},                               \
    {                                                                                              \
        0, "semi-hard", NULL, CLI_FLAG, &objective.semi_hard, 0, 0, CLI_RESULT,                    \
            "one negative for each positive: the nearest that is farther", false                   \
    }

/* Refuse combinations that make no sense; what the loss has no use for is unset. */
void objective_check(const struct cli_tool *tool);

struct objective;

/* For projections of width p. Dies of what goes wrong, be it in BLAS. */
struct objective *objective_new(int p, struct parallel *parallel);
void objective_free(struct objective *o); /* NULL is fine */

/* The loss of a step; its gradient to gather->grad if `backward`.
 * Errors: those of ntxent_forward() and contrast_step(). */
int objective_step(struct objective *o, struct ntxent_result *out, const struct gather *gather,
    bool backward, struct err *err);

/* Has the encoder learnt nothing, as far as the loss tells? Mined negatives are near, whatever it has
 * learnt: then there is no telling. */
bool objective_flat(const struct ntxent_result *result);

#endif
