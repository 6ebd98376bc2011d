/* blur -- the Gaussian against values computed in double, and what must hold for any.
 * SPDX-License-Identifier: MIT */
#include "lib/image/blur.h"

#include "tests/unit/digest.h"
#include "tests/unit/golden.h"

static struct arena make_scratch(struct blur *scratch, int size)
{
    struct arena arena = {0};
    struct err err = {0};
    blur_layout(scratch, &arena, size);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    blur_layout(scratch, &arena, size);
    return arena;
}

static void test_golden(int size, const char *sigma)
{
    char name[40];
    int64_t shape[3];
    struct blur scratch;
    struct arena arena = make_scratch(&scratch, size);
    snprintf(name, sizeof name, "blur.%d.%s.in", size, sigma);
    float *const plane = golden_get(name, DTYPE_F32, 3, shape);
    snprintf(name, sizeof name, "blur.%d.%s", size, sigma);
    double *const wanted = golden_get(name, DTYPE_F64, 3, shape);
    blur_gaussian(plane, 1, size, atof(sigma), &scratch);
    const double error = tap_error(plane, wanted, (size_t)size * size);
    OK(error < 2e-7, "size %d, sigma %s: error %.1e", size, sigma, error);
    free(plane);
    free(wanted);
    arena_free(&arena);
}

/* One sample by the definition: all taps in both directions, black outside. */
static double naive(const float *in, int size, int radius, double sigma, int y, int x)
{
    double sum = 0, total = 0;
    for (int i = -radius; i <= radius; i++)
        total += exp(-0.5 * i * i / (sigma * sigma));
    for (int j = -radius; j <= radius; j++)
        for (int i = -radius; i <= radius; i++)
            if (y + j >= 0 && y + j < size && x + i >= 0 && x + i < size)
                sum += exp(-0.5 * (i * i + j * j) / (sigma * sigma)) *
                       (double)in[(y + j) * size + x + i];
    return sum / (total * total);
}

static void test_naive(int size, double sigma)
{
    struct blur scratch;
    struct arena arena = make_scratch(&scratch, size);
    const size_t n = (size_t)size * (size_t)size;
    float *const in = digest_draw("blur", n, 0.5, 0.5), *const out = malloc(n * sizeof *out);
    double worst = 0;
    memcpy(out, in, n * sizeof *out);
    blur_gaussian(out, 1, size, sigma, &scratch);
    for (int i = 0; i < (int)n; i += 7)
        worst = fmax(worst,
            fabs((double)out[i] - naive(in, size, blur_radius(size), sigma, i / size, i % size)));
    OK(worst < 1e-6, "size %d, sigma %g: off the definition by %.1e", size, sigma, worst);
    free(in);
    free(out);
    arena_free(&arena);
}

static void test_borders(void)
{
    enum { SIZE = 96 };
    struct blur scratch;
    struct arena arena = make_scratch(&scratch, SIZE);
    static float planes[3][SIZE][SIZE];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SIZE * SIZE; i++)
            planes[c][i / SIZE][i % SIZE] = 0.5f;
    blur_gaussian(&planes[0][0][0], 3, SIZE, 2, &scratch);
    NEAR(planes[2][40][50], 0.5, 1e-6, "an even plane stays as it is inside");
    OK(planes[0][0][50] < 0.4f && planes[0][0][0] < planes[0][0][50], "and darkens at the borders");
    OK(memcmp(planes[0], planes[2], sizeof planes[0]) == 0, "planes do not mix");
    arena_free(&arena);
}

int main(void)
{
    golden_open("tests/golden/augment.safetensors");
    OK(blur_radius(224) == 11 && blur_radius(96) == 4 && blur_radius(64) == 3 &&
            blur_radius(32) == 1 && blur_radius(19) == 0,
        "radii of the reference: 23, 9, 7, 3 taps");
    test_golden(20, "0.1");
    test_golden(20, "2.0");
    test_golden(47, "1.3");
    test_naive(1, 1);
    test_naive(33, 2);
    test_naive(96, 0.1);
    test_naive(96, 1.1);
    test_naive(224, 2);
    test_naive(225, 0.4);
    test_borders();
    safetensors_free(&golden);
    return tap_done();
}
