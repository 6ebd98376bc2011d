/* cosine -- rows of length 1.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/cosine.h"

#include "lib/base/cpu.h"

#include <math.h>

enum { TILE_FLOATS = 1 << 20, LANES = 16 };

/* The sum of products, in double and in LANES pieces, which become vectors. */
static inline double product(const float *a, const float *b, int width)
{
    double lane[LANES] = {0}, rest = 0;
    int d = 0;
    for (; d + LANES <= width; d += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (double)a[d + l] * b[d + l];
    for (; d < width; d++)
        rest += (double)a[d] * b[d];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0] + rest;
}

CPU_CLONES
void cosine_unit(float *out, const float *row, int width)
{
    const double square = product(row, row, width);
    const double inverse = square > 0 ? 1 / sqrt(square) : 0;
    for (int d = 0; d < width; d++)
        out[d] = (float)(row[d] * inverse);
}

int cosine_tile(int most, int width)
{
    const int fit = TILE_FLOATS / width;
    return fit > most ? most : fit < 16 ? 16 : fit;
}

CPU_CLONES
float cosine_of(const float *a, const float *b, int width)
{
    return (float)product(a, b, width);
}

float cosine_margin(int width)
{
    return (float)(width + 16) * 0x1p-24F; /* 16: for lengths that are not quite 1 */
}
