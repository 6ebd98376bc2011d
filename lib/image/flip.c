/* flip -- left and right exchanged.
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
