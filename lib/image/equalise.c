/* equalise -- each channel's histogram made even.
 * SPDX-License-Identifier: MIT */
#include "lib/image/equalise.h"

#include <stdint.h>

enum { LEVELS = 256, TABLES = 4 };

static inline unsigned byte(float x)
{
    return (unsigned)(int)(x * 255.0f + 0.5f);
}

/* Equal neighbours would wait for each other's count, so four tables take turns. */
static void count(uint32_t histogram[LEVELS], const float *x, size_t n)
{
    uint32_t part[TABLES][LEVELS] = {{0}};
    size_t i = 0;
    for (; i + TABLES <= n; i += TABLES)
        for (size_t j = 0; j < TABLES; j++)
            part[j][byte(x[i + j])]++;
    for (; i < n; i++)
        part[0][byte(x[i])]++;
    for (int v = 0; v < LEVELS; v++)
        histogram[v] = part[0][v] + part[1][v] + part[2][v] + part[3][v];
}

/* What each byte becomes, as a sample in [0,1]. */
static void make_table(float table[LEVELS], const uint32_t histogram[LEVELS], size_t n)
{
    int last = LEVELS - 1;
    while (last > 0 && histogram[last] == 0)
        last--;
    const uint32_t step = ((uint32_t)n - histogram[last]) / 255; /* 0 if there is one value */
    uint32_t below = step / 2;
    for (int v = 0; v < LEVELS; v++) {
        const uint32_t level = step == 0 ? (uint32_t)v : below / step;
        table[v] = (float)(level < 255 ? level : 255) * (1.0f / 255);
        below += histogram[v];
    }
}

void equalise_planes(float *planes, int channels, size_t n)
{
    for (int c = 0; c < channels; c++) {
        float *const x = planes + (size_t)c * n;
        uint32_t histogram[LEVELS];
        float table[LEVELS];
        count(histogram, x, n);
        make_table(table, histogram, n);
        for (size_t i = 0; i < n; i++)
            x[i] = table[byte(x[i])];
    }
}
