/* flip -- left and right, or top and bottom, exchanged, and the rest kept.
 * SPDX-License-Identifier: MIT */
#include "lib/image/flip.h"

#include "tests/unit/tap.h"

#include <stdbool.h>

static void test_size(int channels, int y, int x)
{
    static float planes[3 * 40 * 40];
    bool good = true;
    for (int i = 0; i < channels * y * x; i++)
        planes[i] = (float)i;
    flip_horizontal(planes, channels, y, x);
    for (int row = 0; row < channels * y; row++)
        for (int i = 0; i < x; i++)
            good &= planes[row * x + i] == (float)(row * x + x - 1 - i);
    OK(good, "%d planes of %dx%d", channels, x, y);
    flip_horizontal(planes, channels, y, x);
    flip_vertical(planes, channels, y, x);
    for (int c = 0; c < channels; c++)
        for (int j = 0; j < y; j++)
            for (int i = 0; i < x; i++)
                good &= planes[(c * y + j) * x + i] == (float)((c * y + y - 1 - j) * x + i);
    OK(good, "upside down");
}

int main(void)
{
    test_size(3, 4, 7);
    test_size(1, 33, 40);
    test_size(3, 2, 1);
    return tap_done();
}
