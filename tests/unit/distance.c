/* distance -- against plain sums, and the bound against the truth.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/distance.h"

#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static void test_width(int width, double shift)
{
    enum { ROWS = 60 };
    float *const x = malloc(ROWS * (size_t)width * sizeof *x);
    float square[ROWS], product[ROWS];
    struct rng rng = rng_key(width, 0, 0, 0, "distance");
    for (int i = 0; i < ROWS * width; i++)
        x[i] = (float)(rng_normal(&rng) + shift);
    memcpy(x + width, x, (size_t)width * sizeof *x); /* a copy */
    double worst = 0, slack = 0;
    int below = 0;
    distance_square(square, x, ROWS, width);
    for (int i = 0; i < ROWS; i++) {
        gemm_block(
            product, x + i * width, x, 1, ROWS, width, false, true, 1, 0, ROWS, width, width);
        distance_bound(product, square, ROWS, square[i], width);
        for (int j = 0; j < ROWS; j++) {
            double sum = 0;
            for (int d = 0; d < width; d++)
                sum += pow((double)x[i * width + d] - x[j * width + d], 2);
            const float got = distance_of(x + i * width, x + j * width, width);
            worst = fmax(worst, fabs(got - sum) / (sum + 1e-30));
            below += product[j] < -got;
            slack = fmax(slack, product[j] + got);
        }
    }
    OK(worst < 1e-7, "rows of %d around %g: right to %.2g", width, shift, worst);
    OK(below == 0, "no bound is below the truth");
    OK(slack <= 6 * (width + 16) * 0x1p-24 * square[2] * 2, "and none far above: %.2g", slack);
    OK(distance_of(x, x + width, width) == 0, "copies have distance 0");
    free(x);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    test_width(1, 0);
    test_width(16, 0);
    test_width(37, 5);
    test_width(700, 0);
    test_width(700, 100);
    return tap_done();
}
