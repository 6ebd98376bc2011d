/* grain -- the words of the keyed sequence, the normal distribution, and the sum.
 * SPDX-License-Identifier: MIT */
#include "lib/image/grain.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <string.h>

enum { N = 400064, LANES = 16 };

static float out[N];

/* Sample i by its definition, from the public sequence, in double. */
static void test_twin(void)
{
    enum { BLOCKS = 64 };
    double worst = 0;
    uint32_t word[BLOCKS][4];
    struct rng rng = rng_key(5, 1, 77, 1, "noise");
    for (int i = 0; i < BLOCKS; i++)
        for (int k = 0; k < 4; k++)
            word[i][k] = rng_u32(&rng);
    for (int i = 0; i < 4 * BLOCKS; i++) {
        const int run = i / 64, part = i % 64 / LANES;
        const uint32_t *const w = word[LANES * run + i % LANES] + (part < 2 ? 0 : 2);
        const double u = ((w[0] >> 8) + 1.0) / (1 << 24);
        const double angle = 6.283185307179586 * (double)(int32_t)w[1] / 4294967296.0;
        const double wanted = sqrt(-2 * log(u)) * (part % 2 == 0 ? cos(angle) : sin(angle));
        worst = fmax(worst, fabs((double)out[i] - wanted));
    }
    OK(worst < 3e-6, "samples are those of Box and Muller: off by %.1e", worst);
}

static void test_distribution(void)
{
    double moment[5] = {0}, neighbour = 0, pair = 0, most = 0;
    int beyond = 0;
    for (int i = 0; i < N; i++) {
        double power = 1;
        for (int k = 1; k < 5; k++)
            moment[k] += (power *= (double)out[i]) / N;
        most = fmax(most, fabs((double)out[i]));
        beyond += fabs((double)out[i]) > 1.959964;
        neighbour += i > 0 ? (double)out[i] * (double)out[i - 1] / N : 0;
        pair += i >= LANES ? (double)out[i] * (double)out[i - LANES] / N : 0;
    }
    const double error = 1 / sqrt(N);
    NEAR(moment[1], 0, 5 * error, "mean");
    NEAR(moment[2], 1, 5 * sqrt(2) * error, "variance");
    NEAR(moment[3], 0, 5 * sqrt(15) * error, "skewness");
    NEAR(moment[4], 3, 5 * sqrt(96) * error, "fourth moment");
    NEAR((double)beyond / N, 0.05, 5 * sqrt(0.05 * 0.95) * error, "one in twenty is beyond 1.96");
    NEAR(neighbour, 0, 5 * error, "neighbours do not depend on each other");
    NEAR(pair, 0, 5 * error, "nor do the two of a pair");
    OK(most < 5.9 && most > 4.2, "the largest is %.2f", most);
}

int main(void)
{
    struct rng rng = rng_key(5, 1, 77, 1, "noise"), other = rng_key(5, 1, 77, 0, "noise");
    static float x[301], y[301];
    bool prefix = true, clipped = true;
    grain_normal(out, N, &rng);
    test_twin();
    test_distribution();
    for (size_t n = 1; n <= 300; n += 13) {
        x[n] = 9;
        grain_normal(x, n, &rng);
        prefix &= memcmp(x, out, n * sizeof *x) == 0 && x[n] == 9;
    }
    OK(prefix, "fewer samples are the first of more, and nothing is written behind them");
    for (int i = 0; i < 301; i++)
        x[i] = y[i] = (float)i / 300;
    grain_add(x, 300, 0.5F, &rng);
    for (int i = 0; i < 300; i++) {
        const float sum = y[i] + 0.5F * out[i];
        clipped &= x[i] == (sum < 0 ? 0 : sum > 1 ? 1 : sum);
    }
    OK(clipped && x[300] == y[300], "noise is added and clipped");
    grain_normal(y, 300, &other);
    OK(memcmp(y, out, sizeof *y * 300) != 0, "another view has other noise");
    return tap_done();
}
