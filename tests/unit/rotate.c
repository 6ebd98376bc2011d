/* rotate -- torchvision's rotation, and quarter turns that are exact.
 * SPDX-License-Identifier: MIT */
#include "lib/image/rotate.h"

#include "tests/unit/golden.h"
#include "tests/unit/noise.h"

#include <stdbool.h>

static struct arena make_scratch(struct rotate *scratch, int y, int x)
{
    struct arena arena = {0};
    struct err err = {0};
    rotate_layout(scratch, &arena, y, x);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    rotate_layout(scratch, &arena, y, x);
    return arena;
}

static void test_golden(const char *name)
{
    char key[40];
    int64_t shape[3], count;
    struct rotate scratch;
    snprintf(key, sizeof key, "picture.%s", name);
    unsigned char *const picture = golden_get(key, DTYPE_U8, 3, shape);
    double *const degrees = golden_get("rotate.degrees", DTYPE_F64, 1, &count);
    const int y = (int)shape[0], x = (int)shape[1];
    struct arena arena = make_scratch(&scratch, y, x);
    float *const plane = malloc((size_t)y * x * sizeof *plane);
    for (int k = 0; k < count; k++) {
        snprintf(key, sizeof key, "rotate.%s.%d", name, k);
        float *const wanted = golden_get(key, DTYPE_F32, 2, NULL);
        double worst = 0;
        for (int i = 0; i < y * x; i++)
            plane[i] = (float)picture[3 * i] / 255.0F;
        rotate_planes(plane, 1, y, x, degrees[k], &scratch);
        for (int i = 0; i < y * x; i++)
            worst = fmax(worst, fabs((double)plane[i] - (double)wanted[i]));
        OK(worst < 1e-5, "%dx%d by %g degrees: off by %.1e", x, y, degrees[k], worst);
        free(wanted);
    }
    free(picture);
    free(degrees);
    free(plane);
    arena_free(&arena);
}

/* 90 degrees counter-clockwise: what was on the right is at the top. */
static void test_quarters(int n)
{
    struct rotate scratch;
    struct arena arena = make_scratch(&scratch, n, n);
    float *const old = malloc((size_t)n * n * 6 * sizeof *old), *const new = old + 3 * n *n;
    bool quarter = true;
    for (int i = 0; i < 3 * n * n; i++)
        old[i] = new[i] = (float)(0.5 + 0.5 * noise(1, (uint32_t)i));
    rotate_planes(new, 3, n, n, 90, &scratch);
    for (int c = 0; c < 3; c++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++)
                quarter &= new[(c * n + j) * n + i] == old[(c * n + i) * n + n - 1 - j];
    OK(quarter, "a quarter of a turn of %d pixels is exact", n);
    rotate_planes(new, 3, n, n, -450 + 720, &scratch);
    OK(memcmp(old, new, (size_t)n * n * 3 * sizeof *old) == 0, "and so is the rest of the turn");
    free(old);
    arena_free(&arena);
}

int main(void)
{
    golden_open("tests/golden/kernels.safetensors");
    test_golden("a");
    test_golden("c");
    test_quarters(12);
    test_quarters(7);
    test_quarters(1);
    safetensors_free(&golden);
    return tap_done();
}
