/* cutout -- where the square lies, and what becomes of it.
 * SPDX-License-Identifier: MIT */
#include "lib/image/cutout.h"

#include "tests/unit/tap.h"

#include <stdbool.h>

enum { Y = 24, X = 32, DRAWS = 20000 };

static void test_place(double area, int side)
{
    bool inside = true;
    double covered = 0, centre = 0, wanted = 0;
    int whole = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct rng rng = rng_key(1, 0, i, 0, "cutout");
        const struct crop c = cutout_place(&rng, area, Y, X);
        inside &= c.x >= 0 && c.y >= 0 && c.w >= 0 && c.h >= 0 && c.x + c.w <= X &&
                  c.y + c.h <= Y && c.w <= side && c.h <= side;
        whole += c.w == side && c.h == side;
        covered += (double)c.w / DRAWS;
        centre += (c.x + 0.5 * c.w) / DRAWS;
    }
    for (int at = 0; at < X; at++) { /* the mean width, over all centres */
        const int from = at - side / 2, to = from + side;
        wanted += (double)((to < X ? to : X) - (from > 0 ? from : 0)) / X;
    }
    OK(inside, "a square of %d lies inside", side);
    OK(side > Y || whole > 0, "and is whole at times");
    NEAR(covered, wanted, 5.0 * side / sqrt(DRAWS), "mean width");
    NEAR(centre, 0.5 * X, 0.8, "it is anywhere");
}

int main(void)
{
    static float planes[3][Y][X];
    bool good = true;
    test_place(0.25, 14);
    test_place(0.02, 4);
    test_place(1, 28);
    struct rng rng = rng_key(1, 0, 0, 0, "cutout");
    const struct crop none = cutout_place(&rng, 0, Y, X);
    OK(none.w == 0 && none.h == 0, "no area, no square");
    float *const all = &planes[0][0][0];
    for (int i = 0; i < 3 * Y * X; i++)
        all[i] = 1;
    cutout_fill(all, 3, Y, X, (struct crop){5, 3, 7, 2}, 0.5F);
    cutout_fill(all, 3, Y, X, none, 0);
    for (int c = 0; c < 3; c++)
        for (int j = 0; j < Y; j++)
            for (int i = 0; i < X; i++)
                good &= planes[c][j][i] == (i >= 5 && i < 12 && j >= 3 && j < 5 ? 0.5F : 1.0F);
    OK(good, "what is inside is filled, and nothing else");
    return tap_done();
}
