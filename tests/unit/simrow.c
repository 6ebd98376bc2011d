/* simrow -- loops over a row against plain ones in double, for every rest that lanes leave.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/simrow.h"

#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

enum { MOST = 20000 };

static float x[MOST], y[MOST], square[MOST];

/* n cosines, one in nine of them gone. */
static void fill(int n)
{
    for (int k = 0; k < n; k++) {
        x[k] = k % 9 == 4 ? SIMROW_GONE : (float)noise(1, (uint32_t)(n + k));
        square[k] = (float)(2 - 0.1 * noise(2, (uint32_t)k));
    }
}

static double off(double got, double want)
{
    return fabs(got - want) / (fabs(want) > 1e-30 ? fabs(want) : 1);
}

/* The largest relative error of all loops over n numbers at temperature t. */
static double errors(int n, double t)
{
    const float scale = (float)(1 / t), top = simrow_max(x, n);
    double most = SIMROW_GONE, sum = 0, weighted = 0, logistic = 0, near = 0, got, worst = 0;
    for (int k = 0; k < n; k++)
        most = x[k] > most ? x[k] : most;
    for (int k = 0; k < n; k++) {
        const double below = scale * ((double)x[k] - most), e = exp(below);
        sum += e;
        weighted += x[k] == SIMROW_GONE ? 0 : e * below;
        logistic += x[k] > 0 ? scale * x[k] + log1p(exp(-scale * x[k])) : log1p(exp(scale * x[k]));
        near += exp(4.0 * x[k] - 2 - square[k]);
    }
    worst = fmax(worst, off(top, most));
    if (top == SIMROW_GONE) /* of nothing */
        return worst;
    worst = fmax(worst, off(simrow_sum(&got, x, n, scale, top), sum));
    worst = fmax(worst, off(got, weighted));
    worst = fmax(worst, off(simrow_sum(NULL, x, n, scale, top), sum));
    worst = fmax(worst, off(simrow_near(x, square, n, 2), near));
    memcpy(y, x, sizeof y);
    simrow_exp(y, n, scale, top, 0.5F);
    for (int k = 0; k < n; k++)
        worst = fmax(worst, fabs(y[k] - 0.5 * exp(scale * ((double)x[k] - most))));
    memcpy(y, x, sizeof y);
    worst = fmax(worst, off(simrow_logistic(y, n, scale, 0.5F), logistic));
    for (int k = 0; k < n; k++)
        worst = fmax(worst, fabs(y[k] - 0.5 / (1 + exp(-scale * (double)x[k]))));
    for (int k = n; k < n + 16 && k < MOST; k++)
        if (y[k] != x[k])
            return INFINITY; /* beyond the end */
    return worst;
}

/* Places among 1 to 40 numbers, of which some are the same. */
static void places(void)
{
    static int place[MOST];
    float sorted[40];
    int wrong = 0;
    for (int count = 1; count <= 40; count++)
        for (int n = 1; n < 50; n++) {
            for (int k = 0; k < count; k++)
                sorted[k] = (float)(k / 3) / 8 - 0.5F;
            for (int k = 0; k < n; k++)
                x[k] =
                    k % 9 == 4 ? SIMROW_GONE : (float)floor(16 * noise(3, (uint32_t)(k + n))) / 16;
            for (int same = 0; same < 2; same++) {
                simrow_places(place, sorted, count, x, n, 0.25, same);
                for (int k = 0; k < n; k++) {
                    int below = 0;
                    for (int j = 0; j < count; j++)
                        below += sorted[j] < x[k] + 0.25F || (same && sorted[j] == x[k] + 0.25F);
                    wrong += place[k] != below;
                }
            }
        }
    OK(wrong == 0, "places among numbers in a row");
}

int main(void)
{
    static const int sizes[] = {1000, 1024, 1040, 8191, 8192, 8193, MOST};
    static const double temperatures[] = {0.05, 0.5, 3};
    for (int t = 0; t < 3; t++) {
        double worst = 0;
        for (int n = 0; n < 70; n++) {
            fill(n);
            worst = fmax(worst, errors(n, temperatures[t]));
        }
        NEAR(worst, 0, 5e-6, "0 to 69 numbers, T %g: off by %.1e", temperatures[t], worst);
        worst = 0;
        for (int i = 0; i < 7; i++) {
            fill(sizes[i]);
            worst = fmax(worst, errors(sizes[i], temperatures[t]));
        }
        NEAR(worst, 0, 5e-6, "%d to %d numbers, T %g: off by %.1e", sizes[0], MOST, temperatures[t],
            worst);
    }
    for (int k = 0; k < 40; k++)
        x[k] = SIMROW_GONE;
    OK(simrow_max(x, 40) == SIMROW_GONE && simrow_max(x, 0) == SIMROW_GONE,
        "nothing has no largest");
    OK(simrow_logistic(x, 40, 1e6F, 1) == 0 && x[0] == 0 && x[39] == 0, "what is gone is 0");
    for (int k = 0; k < MOST; k++)
        x[k] = 1;
    NEAR(simrow_logistic(x, MOST, 1e6F, 1), 1e6 * MOST, 1, "no overflow at T 1e-6");
    OK(x[0] == 1 && x[MOST - 1] == 1, "and the sigmoid is 1");
    places();
    return tap_done();
}
