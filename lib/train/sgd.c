/* sgd -- stochastic gradient descent with momentum, the rate inside the velocity.
 * SPDX-License-Identifier: MIT */
#include "lib/train/sgd.h"

#include "lib/base/cpu.h"

CPU_CLONES
void sgd_update(float *restrict w, float *restrict v, const float *restrict g, size_t n,
    double rate, double momentum, double decay, bool nesterov)
{
    const float r = (float)rate, m = (float)momentum, d = (float)decay;
    if (nesterov) {
        for (size_t i = 0; i < n; i++) {
            const float step = r * (g[i] + d * w[i]);
            v[i] = m * v[i] + step;
            w[i] -= m * v[i] + step;
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            v[i] = m * v[i] + r * (g[i] + d * w[i]);
            w[i] -= v[i];
        }
    }
}
