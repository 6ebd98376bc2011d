/* distance -- squared Euclidean distances.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/distance.h"

#include "lib/base/cpu.h"

enum { LANES = 16 };

CPU_CLONES
float distance_of(const float *a, const float *b, int width)
{
    double lane[LANES] = {0}, rest = 0;
    int d = 0;
    for (; d + LANES <= width; d += LANES)
        for (int l = 0; l < LANES; l++) {
            const double difference = (double)a[d + l] - b[d + l];
            lane[l] += difference * difference;
        }
    for (; d < width; d++) {
        const double difference = (double)a[d] - b[d];
        rest += difference * difference;
    }
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return (float)(lane[0] + rest);
}

CPU_CLONES
void distance_square(float *out, const float *row, int rows, int width)
{
    for (int i = 0; i < rows; i++, row += width) {
        double lane[LANES] = {0}, rest = 0;
        int d = 0;
        for (; d + LANES <= width; d += LANES)
            for (int l = 0; l < LANES; l++)
                lane[l] += (double)row[d + l] * row[d + l];
        for (; d < width; d++)
            rest += (double)row[d] * row[d];
        for (int l = 0; l < LANES; l++)
            rest += lane[l];
        out[i] = (float)rest;
    }
}

CPU_CLONES
void distance_bound(float *product, const float *square, int rows, float own, int width)
{
    /* The error of 2ab is at most 2 width u |a||b| <= width u (a^2 + b^2); 16 for the rest. */
    const float share = 1 - (float)(width + 16) * 0x1p-24F;
    for (int i = 0; i < rows; i++)
        product[i] = 2 * product[i] - (square[i] + own) * share;
}
