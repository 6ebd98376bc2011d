/* solarise -- what is bright is inverted.
 * SPDX-License-Identifier: MIT */
#include "lib/image/solarise.h"

#include "lib/base/cpu.h"

CPU_CLONES void solarise_invert(float *x, size_t n, int level)
{
    const float least = (float)level - 0.5f; /* what is rounded, half up, to `level` */
    for (size_t i = 0; i < n; i++) {
        const float v = x[i], inverted = 1.0f - v;
        x[i] = v * 255.0f >= least ? inverted : v;
    }
}
