/* cutout -- a square of a view is blotted out.
 * SPDX-License-Identifier: MIT */
#include "lib/image/cutout.h"

#include <math.h>
#include <stddef.h>

/* One axis: where the square begins, and how much of it lies inside n pixels. */
static void place(int *start, int *extent, struct rng *rng, int side, int n)
{
    const int from = (int)rng_below(rng, n) - side / 2, to = from + side;
    *start = from > 0 ? from : 0;
    *extent = (to < n ? to : n) - *start;
}

struct crop cutout_place(struct rng *rng, double area, int y, int x)
{
    const int side = (int)lrint(sqrt(area * y * x));
    struct crop hole;
    place(&hole.x, &hole.w, rng, side, x);
    place(&hole.y, &hole.h, rng, side, y);
    return hole;
}

void cutout_fill(float *planes, int channels, int y, int x, struct crop hole, float value)
{
    for (int c = 0; c < channels; c++)
        for (int j = hole.y; j < hole.y + hole.h; j++) {
            float *const row = planes + ((size_t)c * y + j) * x + hole.x;
            for (int i = 0; i < hole.w; i++)
                row[i] = value;
        }
}
