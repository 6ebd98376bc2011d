/* adam -- adaptive moments, with decay in the gradient (Adam) or apart from it (AdamW).
 * SPDX-License-Identifier: MIT */
#include "lib/train/adam.h"

#include "lib/base/cpu.h"

#include <math.h>

#define BETA1   0.9
#define BETA2   0.999
#define EPSILON 1e-8

/* The loop, with everything that is the same for all elements worked out: keep = 1 - rate*decay of
 * AdamW, size = rate/(1-b1^t), deflate = 1/sqrt(1-b2^t). */
CPU_CLONES
static void update(float *restrict w, float *restrict m, float *restrict s, const float *restrict g,
    size_t n, float keep, float decay, float size, float deflate)
{
    for (size_t i = 0; i < n; i++) {
        const float x = g[i] + decay * w[i];
        m[i] = (float)BETA1 * m[i] + (float)(1 - BETA1) * x;
        s[i] = (float)BETA2 * s[i] + (float)(1 - BETA2) * x * x;
        w[i] = keep * w[i] - size * m[i] / (sqrtf(s[i]) * deflate + (float)EPSILON);
    }
}

void adam_update(float *restrict w, float *restrict m, float *restrict s, const float *restrict g,
    size_t n, double rate, int64_t step, double decay, bool apart)
{
    const double t = (double)step + 1;
    update(w, m, s, g, n, apart ? (float)(1 - rate * decay) : 1, apart ? 0 : (float)decay,
        (float)(rate / (1 - pow(BETA1, t))), (float)(1 / sqrt(1 - pow(BETA2, t))));
}
