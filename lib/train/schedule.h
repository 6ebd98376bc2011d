/* schedule.h -- linear warm-up, then cosine to zero over the rest of the run.
 *
 * rate(step) = peak * step/warmup for step < warmup (the first step has rate 0), then
 * peak/2 * (1 + cos(pi * (step-warmup)/(steps-warmup))).
 * Source: google-research/simclr, model_util.py (learning_rate_schedule), with steps = plan.steps.
 * SPDX-License-Identifier: MIT */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

struct schedule {
    double peak;
    int64_t warmup, steps;
};

/* scaling: "none", "linear" (times batch/256) or "sqrt" (times sqrt(batch)), batch in pictures.
 * warmup_epochs is turned into round(warmup_epochs*steps_per_epoch) steps. */
struct schedule schedule_make(double rate, const char *scaling, int batch, double warmup_epochs,
    int64_t steps_per_epoch, int64_t steps);

double schedule_rate(const struct schedule *schedule, int64_t step);

#endif
