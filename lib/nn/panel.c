/* panel -- choice of the kernels, and the twins that they are held against.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/panel.h"

#include "lib/base/cpu.h"

#include <math.h>

static void rows(float *restrict out, const int32_t *out_at, const float *restrict in,
    const int32_t *in_at, int count, size_t step, int runs, int length,
    const float *restrict weight, bool add)
{
    for (int q = 0; q < count; q++)
        for (int j = 0; j < PANEL; j++) {
            float *const to = &out[out_at[q] + j];
            const float *w = weight + j;
            float sum = 0;
            for (int r = 0; r < runs; r++)
                for (int i = 0; i < length; i++, w += PANEL)
                    sum = fmaf(in[in_at[q] + (ptrdiff_t)((size_t)r * step) + i], *w, sum);
            *to = add ? *to + sum : sum;
        }
}

static void outer(float *restrict out, const float *restrict in, const int32_t *at, int pitch,
    int count, const float *restrict right, int n, bool add)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < PANEL; j++) {
            float *const to = &out[i * PANEL + j], sum = 0;
            for (int q = 0; q < count; q++)
                sum = fmaf(in[(ptrdiff_t)at[q] * pitch + i], right[q * PANEL + j], sum);
            *to = add ? *to + sum : sum;
        }
}

const struct panel_kernels *panel_plain(void)
{
    static const struct panel_kernels kernels = {"plain C", 5, rows, outer};
    return &kernels;
}

const struct panel_kernels *panel_kernels(int level)
{
    return level >= CPU_AVX512 ? panel_avx512() : level >= CPU_AVX2 ? panel_avx2() : NULL;
}
