/* lars -- layer-wise adaptive rate scaling: the trust ratio of a tensor.
 * SPDX-License-Identifier: MIT */
#include "lib/train/lars.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

#define EETA 0.001

enum { LANES = 8, HALF = LANES / 2, AHEAD = 512 };

/* The compiler's vectors: it finds none of its own where floats become doubles. */
typedef float floats __attribute__((vector_size(HALF * sizeof(float))));
typedef double doubles __attribute__((vector_size(HALF * sizeof(double))));

static double sum(const double *lane)
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

CPU_CLONES
void lars_squares(double *weight, double *gradient, const float *restrict w,
    const float *restrict g, size_t n, double decay)
{
    doubles squares_w[2] = {{0}, {0}}, squares_g[2] = {{0}, {0}};
    double ww[LANES], gg[LANES];
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        __builtin_prefetch(w + i + AHEAD, 0, 2); /* g has just been looked at */
#pragma GCC unroll 2
        for (size_t j = 0; j < 2; j++) {
            floats value, gradient_of;
            memcpy(&value, w + i + j * HALF, sizeof value);
            memcpy(&gradient_of, g + i + j * HALF, sizeof gradient_of);
            const doubles x = __builtin_convertvector(value, doubles);
            const doubles y = __builtin_convertvector(gradient_of, doubles) + decay * x;
            squares_w[j] += x * x;
            squares_g[j] += y * y;
        }
    }
    memcpy(ww, squares_w, sizeof ww);
    memcpy(gg, squares_g, sizeof gg);
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
