/* cosine -- lengths at the edges of f32, and what rounding may do to a product.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/cosine.h"

#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

static void test_unit(void)
{
    float row[6][2] = {{3, 4}, {0, 0}, {3e38F, 3e38F}, {1e-30F, 0}, {-2, 0}, {1e-45F, 0}};
    for (int i = 0; i < 6; i++)
        cosine_unit(row[i], row[i], 2);
    OK(row[0][0] == 0.6F && row[0][1] == 0.8F, "a row is divided by its length");
    OK(row[1][0] == 0 && row[1][1] == 0, "zeros stay zeros");
    NEAR((double)row[2][0], sqrt(0.5), 1e-7, "the largest numbers do not overflow");
    OK(row[3][0] == 1 && row[4][0] == -1 && row[5][0] == 1, "nor do the smallest vanish");
    OK(cosine_tile(512, 128) == 512 && cosine_tile(512, 3072) == 341 &&
            cosine_tile(99, 1 << 28) == 16,
        "tiles grow with narrow rows");
}

/* Rows of a width against a plain sum in double, against BLAS, and against a sum in f32 from the
 * first number to the last, which loses most. */
static void test_product(int width)
{
    enum { ROWS = 40 };
    float *const x = malloc((size_t)ROWS * (size_t)width * sizeof *x);
    static float blas[ROWS * ROWS];
    struct rng rng = rng_key(width, 0, 0, 0, "cosine");
    for (int i = 0; i < ROWS; i++) {
        for (int d = 0; d < width; d++) /* rows point the same way, or the sums hardly round */
            x[i * width + d] = (float)(0.2 * rng_normal(&rng) + 1);
        cosine_unit(x + i * width, x + i * width, width);
    }
    gemm_block(blas, x, x, ROWS, ROWS, width, false, true, 1, 0, ROWS, width, width);
    double worst = 0, lost = 0, serial = 0;
    int same = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            double sum = 0;
            volatile float in_order = 0;
            const float cosine = cosine_of(x + i * width, x + j * width, width);
            for (int d = 0; d < width; d++) {
                sum += (double)x[i * width + d] * x[j * width + d];
                in_order += x[i * width + d] * x[j * width + d];
            }
            worst = fmax(worst, fabs(sum - (double)cosine));
            lost = fmax(lost, fabs((double)blas[i * ROWS + j] - (double)cosine));
            serial = fmax(serial, fabs((double)in_order - (double)cosine));
            same += cosine == cosine_of(x + j * width, x + i * width, width);
        }
    OK(worst <= 0x1p-24, "width %d: the sum in double, rounded once: %.2g", width, worst);
    OK(lost <= (double)cosine_margin(width) && serial <= (double)cosine_margin(width),
        "BLAS is within the margin of %.2g: %.2g; and the worst order: %.2g",
        (double)cosine_margin(width), lost, serial);
    OK(same == ROWS * ROWS, "whichever of the two comes first");
    free(x);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    test_unit();
    test_product(1);
    test_product(15);
    test_product(128);
    test_product(2053);
    return tap_done();
}
