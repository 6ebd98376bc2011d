/* lars -- layer-wise adaptive rate scaling: the trust ratio of a tensor.
 * SPDX-License-Identifier: MIT */
#include "lib/train/lars.h"

#include "lib/base/cpu.h"

#include <math.h>

#define EETA 0.001

enum { LANES = 8 };

static double sum(const double *lane)
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

CPU_CLONES
void lars_squares(double *weight, double *gradient, const float *restrict w,
    const float *restrict g, size_t n, double decay)
{
    double ww[LANES] = {0}, gg[LANES] = {0};
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            const double x = w[i + j], y = g[i + j] + decay * x;
            ww[j] += x * x;
            gg[j] += y * y;
        }
    }
    for (size_t i = whole; i < n; i++) {
        const double x = w[i], y = g[i] + decay * x;
        ww[i - whole] += x * x;
        gg[i - whole] += y * y;
    }
    *weight = sum(ww);
    *gradient = sum(gg);
}

double lars_trust(double weight, double gradient)
{
    return weight > 0 && gradient > 0 ? EETA * sqrt(weight) / sqrt(gradient) : 1;
}
