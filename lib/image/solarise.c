/* solarise -- what is bright is inverted.
 * SPDX-License-Identifier: MIT */
#include "lib/image/solarise.h"

#include "lib/base/cpu.h"

#include <math.h>

/* |v - 1| is 1 - v and |v - 0| is v: the subtrahend is chosen, by arithmetic, not the result. */
CPU_CLONES void solarise_invert(float *x, size_t n, int level)
{
    const float least = (float)level - 0.5f; /* what is rounded, half up, to `level` */
    for (size_t i = 0; i < n; i++)
        x[i] = fabsf(x[i] - (float)(x[i] * 255.0f >= least));
}
