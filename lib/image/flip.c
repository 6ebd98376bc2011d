/* flip -- left and right, or top and bottom, exchanged.
 * SPDX-License-Identifier: MIT */
#include "lib/image/flip.h"

#include <stddef.h>

void flip_horizontal(float *planes, int channels, int y, int x)
{
    for (int j = 0; j < channels * y; j++) {
        float *const row = planes + (size_t)j * x;
        for (int i = 0; i < x / 2; i++) {
            const float left = row[i];
            row[i] = row[x - 1 - i];
            row[x - 1 - i] = left;
        }
    }
}

static void exchange(float *restrict a, float *restrict b, int n)
{
    for (int i = 0; i < n; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void flip_vertical(float *planes, int channels, int y, int x)
{
    for (int c = 0; c < channels; c++) {
        float *const plane = planes + (size_t)c * y * x;
        for (int j = 0; j < y / 2; j++)
            exchange(plane + (size_t)j * x, plane + (size_t)(y - 1 - j) * x, x);
    }
}
