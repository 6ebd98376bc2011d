/* crop -- random crops against the exact moments of their distribution, and the central one.
 * SPDX-License-Identifier: MIT */
#include "lib/image/crop.h"

#include "tests/unit/golden.h"

#include <stdbool.h>

enum { DRAWS = 40000, MOMENTS = 6 };

static const struct crop_range reference = {0.08, 1, 3.0 / 4, 4.0 / 3, 0.1};
static const struct crop_range large = {0.2, 1, 3.0 / 4, 4.0 / 3, 0};

typedef struct crop draw(struct rng *rng, const struct crop_range *range, int h, int w);

/* Mean and deviation of x, y, w, h, area, aspect over many draws. The last offset, which would touch
 * the right or lower border, is drawn by area only. */
static void test_moments(draw *function, const struct crop_range *range, int h, int w)
{
    static const char *const what[MOMENTS] = {"x", "y", "width", "height", "area", "aspect"};
    char name[40];
    snprintf(name, sizeof name, "crop.%d.%d", h, w);
    double *const wanted = golden_get(name, DTYPE_F64, 2, NULL);
    double sum[MOMENTS] = {0}, square[MOMENTS] = {0};
    bool inside = true, last = false;
    for (int i = 0; i < DRAWS; i++) {
        struct rng rng = rng_key(7, 0, i, 0, "crop");
        const struct crop c = function(&rng, range, h, w);
        const double value[MOMENTS] = {
            c.x, c.y, c.w, c.h, (double)c.w * c.h / (h * w), (double)c.w / c.h};
        for (int k = 0; k < MOMENTS; k++) {
            sum[k] += value[k];
            square[k] += value[k] * value[k];
        }
        inside &= c.x >= 0 && c.y >= 0 && c.w > 0 && c.h > 0 && c.x + c.w <= w && c.y + c.h <= h;
        last |= (c.w < w && c.x + c.w == w) || (c.h < h && c.y + c.h == h);
    }
    OK(inside, "%dx%d: every crop lies inside", h, w);
    OK(last == (function == crop_random_area), "%dx%d: the last offset is %s drawn", h, w,
        last ? "" : "never");
    for (int k = 0; k < MOMENTS; k++) {
        const double mean = sum[k] / DRAWS, deviation = sqrt(square[k] / DRAWS - mean * mean);
        NEAR(mean, wanted[k], 5 * wanted[MOMENTS + k] / sqrt(DRAWS),
            "%dx%d: mean %s within five standard errors", h, w, what[k]);
        NEAR(deviation / wanted[MOMENTS + k], 1, 0.03, "%dx%d: spread of %s", h, w, what[k]);
    }
    free(wanted);
}

static void test_range(void)
{
    const struct crop_range narrow = {0.2, 0.3, 1.9, 2.1, 0};
    const struct crop_range never = {0.9, 1, 2, 2, 0};
    bool fits = true;
    for (int i = 0; i < 1000; i++) {
        struct rng rng = rng_key(1, 0, i, 0, "crop");
        const struct crop c = crop_random(&rng, &narrow, 200, 300);
        const double area = (double)c.w * c.h / (200 * 300), aspect = (double)c.w / c.h;
        fits &= area >= 0.2 && area <= 0.3 && aspect > 1.87 && aspect < 2.13;
    }
    OK(fits, "area and aspect stay in a narrow range");
    struct rng rng = rng_key(1, 0, 0, 0, "crop");
    struct crop c = crop_random(&rng, &never, 50, 50);
    OK(c.x == 0 && c.y == 0 && c.w == 50 && c.h == 50, "what cannot be had is the whole picture");
    c = crop_random(&rng, &reference, 1, 1);
    OK(c.w == 1 && c.h == 1, "a picture of one pixel has one crop");
    c = crop_random(&rng, &reference, 1, 100000);
    OK(c.h == 1 && c.w >= 1 && c.w <= 100000, "a line of pixels");
}

static void test_fallback(void)
{
    const struct crop_range wide = {1, 1, 3.9, 4.1, 0}, tall = {1, 1, 0.2, 0.21, 0};
    const struct crop_range even = {4, 5, 0.5, 2, 0};
    struct rng rng = rng_key(1, 0, 0, 0, "crop");
    struct crop c = crop_random_area(&rng, &wide, 50, 101);
    OK(c.x == 0 && c.w == 101 && c.h == 26 && c.y == 12, "too wide an aspect: the middle rows");
    c = crop_random_area(&rng, &tall, 50, 101);
    OK(c.y == 0 && c.h == 50 && c.w == 10 && c.x == 45, "too tall an aspect: the middle columns");
    c = crop_random_area(&rng, &even, 50, 60);
    OK(c.x == 0 && c.y == 0 && c.w == 60 && c.h == 50, "too large an area: the whole picture");
    c = crop_random_area(&rng, &reference, 1, 1000);
    OK(c.h == 1 && c.w >= 1 && c.y == 0 && c.x + c.w <= 1000, "a line of pixels, by area");
}

static void test_central(void)
{
    int64_t shape[2];
    int64_t *const wanted = golden_get("central", DTYPE_I64, 2, shape);
    for (int i = 0; i < shape[0]; i++) {
        const int64_t *const row = wanted + 6 * i; /* h, w; x, y, w, h */
        const struct crop c = crop_central((int)row[0], (int)row[1], 0.875);
        OK(c.x == row[2] && c.y == row[3] && c.w == row[4] && c.h == row[5], "the centre of %dx%d",
            (int)row[0], (int)row[1]);
    }
    struct crop c = crop_central(32, 32, 1);
    OK(c.x == 0 && c.y == 0 && c.w == 32 && c.h == 32, "all of a square picture");
    c = crop_central(3, 1000, 0.1);
    OK(c.w == 1 && c.h == 1 && c.y == 1, "never less than a pixel");
    free(wanted);
}

int main(void)
{
    golden_open("tests/golden/augment.safetensors");
    test_moments(crop_random, &reference, 32, 32);
    test_moments(crop_random, &reference, 60, 45);
    test_moments(crop_random, &reference, 20, 90);
    test_range();
    test_central();
    safetensors_free(&golden);
    golden_open("tests/golden/kernels.safetensors");
    test_moments(crop_random_area, &reference, 32, 32);
    test_moments(crop_random_area, &reference, 60, 45);
    test_moments(crop_random_area, &large, 20, 90);
    test_fallback();
    safetensors_free(&golden);
    return tap_done();
}
