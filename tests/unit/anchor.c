/* anchor -- losses by hand, mining at the edges, triplets against a plain double loop, small losses.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/anchor.h"

#include "lib/objective/simrow.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

enum { MOST = 400 };

static struct anchor_scratch *scratch;
static float s[MOST], positive[MOST];

static double step(int negatives, int positives, struct anchor_rule rule)
{
    struct anchor anchor = {s, negatives, positive, positives, 0, scratch};
    for (int k = 0; k < negatives; k++)
        anchor.negatives += s[k] != SIMROW_GONE;
    return anchor_step(&anchor, &rule);
}

static void set(float *to, int n, const float *from)
{
    memcpy(to, from, (size_t)n * sizeof *to);
}

static double softplus(double x)
{
    return log1p(exp(x));
}

/* One positive at 0.5, negatives at 0.2 and -0.6. */
static void by_hand(void)
{
    static const float n[] = {0.2F, SIMROW_GONE, -0.6F}, p[] = {0.5F};
    const double e = exp(1), a = exp(0.4), b = exp(-1.2); /* T = 1/2 */
    set(s, 3, n), set(positive, 1, p);
    NEAR(step(3, 1, (struct anchor_rule){ANCHOR_OUTSIDE, false, 0.5, 0}), log((e + a + b) / e),
        1e-7, "NT-Xent");
    NEAR(s[0], 2 * a / (e + a + b), 1e-7, "its gradient at a negative");
    OK(s[1] == 0, "and none at what is gone");
    NEAR(positive[0], 2 * (e / (e + a + b) - 1), 1e-7, "its gradient at the positive");
    set(s, 3, n), set(positive, 1, p);
    NEAR(step(3, 1, (struct anchor_rule){ANCHOR_DECOUPLED, false, 0.5, 0}), log((a + b) / e), 1e-7,
        "decoupled");
    NEAR(positive[0], -2, 1e-7, "pulls at the positive with all its might");
    set(s, 3, n), set(positive, 1, p);
    NEAR(step(3, 1, (struct anchor_rule){ANCHOR_LOGISTIC, false, 0.5, 0}),
        softplus(-1) + (softplus(0.4) + softplus(-1.2)) / 2, 1e-7, "logistic");
    NEAR(positive[0], -2 / (1 + e), 1e-7, "its gradient at the positive");
    NEAR(s[2], 2 / (1 + 1 / b) / 2, 1e-7, "at a negative");
    set(s, 3, n), set(positive, 1, p);
    NEAR(step(3, 1, (struct anchor_rule){ANCHOR_TRIPLET, false, 0, 0.4}), 0.1 / 2, 1e-7, "triplet");
    OK(s[0] == 0.5F && s[2] == 0 && positive[0] == -0.5F, "one of two triplets has a gradient");
}

/* Two positives: at the same place as L_out is not L_in. */
static void inside(void)
{
    static const float n[] = {0.1F}, p[] = {0.9F, -0.3F};
    const double a = exp(0.9), b = exp(-0.3), c = exp(0.1);
    set(s, 1, n), set(positive, 2, p);
    NEAR(step(1, 2, (struct anchor_rule){ANCHOR_OUTSIDE, false, 1, 0}), log(a + b + c) - 0.3, 1e-7,
        "L_out of two positives");
    set(s, 1, n), set(positive, 2, p);
    NEAR(step(1, 2, (struct anchor_rule){ANCHOR_INSIDE, false, 1, 0}),
        log(a + b + c) - log((a + b) / 2), 1e-7, "L_in of two positives");
    NEAR(positive[0], a / (a + b + c) - a / (a + b), 1e-7, "its gradient");
}

/* Who is mined: farther than the positive, by less than the margin, the nearest, the first of equals. */
static void mining(void)
{
    static const float n[] = {0.6F, 0.5F, 0.25F, 0.375F, SIMROW_GONE, 0.375F, 0.0F};
    static const float p[] = {0.5F, 0.25F, 0.625F, -0.5F};
    const struct anchor_rule triplet = {ANCHOR_TRIPLET, true, 0, 0.25};
    set(s, 7, n), set(positive, 4, p);
    const double loss = step(7, 4, triplet);
    /* 0.5: the first 0.375. 0.25: 0 is at the margin, not within. 0.625: 0.6. -0.5: none. */
    NEAR(loss, (0.125 + 0 + (0.25 - 0.025) + 0) / 4, 1e-7, "mined triplets");
    OK(s[3] == 0.25F && s[5] == 0 && s[0] == 0.25F && s[1] == 0 && s[2] == 0 && s[6] == 0,
        "the nearest farther negative, the first of two");
    OK(positive[0] == -0.25F && positive[1] == 0 && positive[2] == -0.25F && positive[3] == 0,
        "a positive without one has no gradient");
    set(s, 7, n), set(positive, 4, p);
    NEAR(step(7, 4, (struct anchor_rule){ANCHOR_LOGISTIC, true, 1, 0.25}),
        (softplus(-0.5) + softplus(0.375) + softplus(-0.25) + softplus(-0.625) + softplus(0.6F) +
            softplus(0.5)) /
            4,
        1e-7, "mined logistic: a positive without one is pulled all the same");
    set(s, 1, n), set(positive, 1, n);
    NEAR(step(1, 1, triplet), 0, 0, "a negative as near as the positive is not farther");
}

/* Many positives, many of them equal: all triplets, and mining, one after another. */
static void triplets(void)
{
    for (int positives = 1; positives < 100; positives += 14) {
        const int negatives = 90;
        static float n[MOST], p[MOST];
        static double grad_n[MOST], grad_p[MOST];
        double want = 0;
        memset(grad_n, 0, sizeof grad_n);
        memset(grad_p, 0, sizeof grad_p);
        for (int k = 0; k < negatives; k++)
            n[k] = (float)floor(8 * noise(1, (uint32_t)k)) / 8;
        for (int k = 0; k < positives; k++)
            p[k] = (float)floor(8 * noise(2, (uint32_t)k)) / 8;
        for (int i = 0; i < positives; i++)
            for (int k = 0; k < negatives; k++)
                if (n[k] - p[i] + 0.5 > 0) {
                    want += (n[k] - p[i] + 0.5) / negatives / positives;
                    grad_n[k] += 1.0 / negatives / positives;
                    grad_p[i] -= 1.0 / negatives / positives;
                }
        set(s, negatives, n), set(positive, positives, p);
        NEAR(step(negatives, positives, (struct anchor_rule){ANCHOR_TRIPLET, false, 0, 0.5}), want,
            1e-7, "%d positives: all triplets", positives);
        NEAR(tap_error(s, grad_n, (size_t)negatives) +
                 tap_error(positive, grad_p, (size_t)positives),
            0, 1e-6, "%d positives: their gradient", positives);
    }
}

/* Positives at 1, negatives at -1, T 0.05: a loss of e^-40 is not lost in the rounding of 20. */
static void small(void)
{
    for (int k = 0; k < 10; k++)
        s[k] = -1;
    positive[0] = 1;
    const double want = 10 * exp(-40);
    const double loss = step(10, 1, (struct anchor_rule){ANCHOR_INSIDE, false, 0.05, 0});
    NEAR(loss / want, 1, 1e-5, "a loss of %.3g inside the logarithm", want);
    NEAR(positive[0] / (-20 * want), 1, 1e-5, "and its gradient at the positive");
    NEAR(s[3] / (2 * want), 1, 1e-5, "and at a negative");
    for (int k = 0; k < 10; k++)
        s[k] = -1;
    positive[0] = 1;
    step(10, 1, (struct anchor_rule){ANCHOR_OUTSIDE, false, 0.05, 0});
    NEAR(positive[0] / (-20 * want), 1, 1e-5, "the same outside, for one positive");
}

static void alone(void)
{
    static const enum anchor_loss losses[] = {
        ANCHOR_OUTSIDE, ANCHOR_INSIDE, ANCHOR_DECOUPLED, ANCHOR_LOGISTIC, ANCHOR_TRIPLET};
    static const double want[] = {0.6931471805599453, 0.6931471805599453, 0, 0.474076984, 0};
    for (int i = 0; i < 5; i++)
        for (int hard = 0; hard <= (i >= 3); hard++) {
            const struct anchor_rule rule = {losses[i], hard, 1, 0.5};
            s[0] = s[1] = s[2] = SIMROW_GONE;
            positive[0] = positive[1] = 0.5F;
            NEAR(step(3, 2, rule), want[i], 1e-8, "loss %d without a negative", i);
            OK(s[0] == 0 && s[1] == 0 && s[2] == 0 && isfinite(positive[0]),
                "and a gradient at positives alone");
            OK(isfinite(anchor_baseline(&rule, 2, 0)) && isfinite(anchor_floor(&rule, 2, 0, 1)),
                "baseline and floor are finite");
        }
}

static void bounds(void)
{
    const struct anchor_rule xent = {ANCHOR_OUTSIDE, false, 0.5, 0};
    NEAR(anchor_baseline(&xent, 1, 62), log(63), 1e-12, "baseline of NT-Xent: ln(2N-1)");
    NEAR(anchor_floor(&xent, 1, 62, 32), 2.182, 5e-4, "floor of 32 pictures at T 0.5");
    const struct anchor_rule dcl = {ANCHOR_DECOUPLED, false, 0.5, 0};
    NEAR(anchor_baseline(&dcl, 1, 62), log(62), 1e-12, "baseline of DCL: ln(2N-2)");
    NEAR(anchor_floor(&dcl, 1, 62, 32), log(62) - (2 + 2.0 / 31), 1e-12, "its floor");
    const struct anchor_rule logistic = {ANCHOR_LOGISTIC, false, 0.5, 0};
    NEAR(anchor_baseline(&logistic, 1, 62), 2 * log(2), 1e-12, "baseline of NT-Logistic: 2 ln 2");
    const struct anchor_rule wide = {ANCHOR_TRIPLET, false, 0, 1.6},
                             narrow = {ANCHOR_TRIPLET, true, 0, 0.4};
    NEAR(anchor_floor(&wide, 1, 62, 32), 1.6 - 1 - 1.0 / 31, 1e-12,
        "floor of triplets whose margin no simplex has");
    NEAR(anchor_floor(&narrow, 1, 62, 32), 0, 0, "and of those that it has");
    NEAR(anchor_baseline(&narrow, 1, 62), 0.4, 0, "baseline of triplets: the margin");
}

int main(void)
{
    struct arena arena = {0};
    struct err err = {0};
    anchor_layout(&arena, MOST);
    OK(arena_alloc(&arena, "a test", &err) == 0, "room for %d positives", MOST);
    scratch = anchor_layout(&arena, MOST);
    by_hand();
    inside();
    mining();
    triplets();
    small();
    alone();
    bounds();
    arena_free(&arena);
    return tap_done();
}
