/* schedule -- the learning rate against the formula and against numbers worked out by hand.
 * SPDX-License-Identifier: MIT */
#include "lib/train/schedule.h"

#include "tests/unit/tap.h"

static void scaling(void)
{
    OK(schedule_make(0.3, "none", 512, 0, 10, 100).peak == 0.3, "scaling none leaves the rate");
    OK(schedule_make(0.3, "linear", 512, 0, 10, 100).peak == 0.6, "linear: times batch/256");
    NEAR(
        schedule_make(0.075, "sqrt", 4096, 0, 10, 100).peak, 4.8, 1e-12, "sqrt: times sqrt(batch)");
    NEAR(schedule_make(0.3, "linear", 4096, 0, 10, 100).peak, 4.8, 1e-12,
        "linear and sqrt meet at 4096, as the reference's defaults do");
}

static void warmup(void)
{
    OK(schedule_make(1, "none", 1, 10, 97, 9700).warmup == 970, "whole epochs of warm-up");
    OK(schedule_make(1, "none", 1, 0.5, 5, 100).warmup == 3, "2.5 steps round to 3");
    OK(schedule_make(1, "none", 1, 0.1, 4, 100).warmup == 0, "0.4 steps round to none");
    OK(schedule_make(1, "none", 1, 1e300, INT64_MAX, 100).warmup == INT64_C(1) << 53,
        "an absurd warm-up does not overflow");

    const struct schedule s = {.peak = 2, .warmup = 4, .steps = 12};
    OK(schedule_rate(&s, 0) == 0, "the first step has rate 0");
    OK(schedule_rate(&s, 1) == 0.5, "a quarter of the way up");
    OK(schedule_rate(&s, 3) == 1.5, "three quarters of the way up");
    OK(schedule_rate(&s, 4) == 2, "the peak after the warm-up");
    NEAR(schedule_rate(&s, 8), 1, 1e-15, "half the peak in the middle of the cosine");
    NEAR(schedule_rate(&s, 6), 1 + sqrt(0.5), 1e-15, "a quarter of the cosine");
    NEAR(schedule_rate(&s, 11), 1 + cos(acos(-1) * 7 / 8), 1e-15, "the last step is above 0");
    OK(schedule_rate(&s, 11) > 0, "the last step still moves");
    OK(schedule_rate(&s, 12) == 0 && schedule_rate(&s, 13) == 0, "nothing after the end");
}

static void edges(void)
{
    const struct schedule none = {.peak = 3, .warmup = 0, .steps = 2};
    OK(schedule_rate(&none, 0) == 3, "without warm-up the first step has the peak");
    NEAR(schedule_rate(&none, 1), 1.5, 1e-15, "and the second of two half of it");

    const struct schedule all = {.peak = 3, .warmup = 3, .steps = 3};
    OK(schedule_rate(&all, 0) == 0 && schedule_rate(&all, 2) == 2, "a run that only warms up");
    OK(schedule_rate(&all, 3) == 0, "is over after its last step");

    const struct schedule longer = {.peak = 3, .warmup = 6, .steps = 3};
    OK(schedule_rate(&longer, 2) == 1, "a warm-up longer than the run is not finished");

    const struct schedule one = {.peak = 3, .warmup = 0, .steps = 1};
    OK(schedule_rate(&one, 0) == 3, "a run of one step");
}

int main(void)
{
    scaling();
    warmup();
    edges();
    return tap_done();
}
