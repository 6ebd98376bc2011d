/* color -- each operation against the conversion to HSV and back, computed in double.
 * SPDX-License-Identifier: MIT */
#include "lib/image/color.h"

#include "tests/unit/golden.h"

#include <stdbool.h>

static float *colors;
static size_t n;

static void test_operation(const char *name, void (*operation)(float *, size_t, float))
{
    char key[40];
    int64_t count, shape[3];
    float *const rgb = malloc(3 * n * sizeof *rgb);
    snprintf(key, sizeof key, "%s.amounts", name);
    double *const amounts = golden_get(key, DTYPE_F64, 1, &count);
    double *const wanted = golden_get(name, DTYPE_F64, 3, shape);
    for (int i = 0; i < count; i++) {
        memcpy(rgb, colors, 3 * n * sizeof *rgb);
        operation(rgb, n, (float)amounts[i]);
        const double error = tap_error(rgb, wanted + 3 * n * (size_t)i, 3 * n);
        OK(error < 1e-6, "%s %g: error %.1e", name, amounts[i], error);
    }
    free(rgb);
    free(amounts);
    free(wanted);
}

/* The mean must hold for many pixels: 200 x 200 of 0.6 with a ramp around it. */
static void test_large_mean(void)
{
    const size_t m = 40003;
    float *const rgb = malloc(3 * m * sizeof *rgb);
    for (size_t i = 0; i < 3 * m; i++)
        rgb[i] = 0.6f + 0.2f * ((float)(i % m) / (float)(m - 1) - 0.5f);
    color_contrast(rgb, m, 0);
    double worst = 0;
    for (size_t i = 0; i < 3 * m; i++)
        worst = fmax(worst, fabs((double)rgb[i] - 0.6));
    OK(worst < 2e-7, "no contrast leaves the mean of %zu pixels: off by %.1e", m, worst);
    free(rgb);
}

int main(void)
{
    int64_t shape[2];
    bool clipped = true;
    golden_open("tests/golden/augment.safetensors");
    colors = golden_get("colors", DTYPE_F32, 2, shape);
    n = (size_t)shape[1];
    test_operation("brightness", color_brightness);
    test_operation("contrast", color_contrast);
    test_operation("saturation", color_saturation);
    test_operation("hue", color_hue);
    test_large_mean();

    float *const rgb = malloc(3 * n * sizeof *rgb);
    double *const wanted = golden_get("grey", DTYPE_F64, 2, shape);
    memcpy(rgb, colors, 3 * n * sizeof *rgb);
    color_grey(rgb, n);
    const double error = tap_error(rgb, wanted, 3 * n);
    OK(error < 2e-7, "grey: error %.1e", error);
    memcpy(rgb, colors, 3 * n * sizeof *rgb);
    color_clip(rgb, n);
    for (size_t i = 0; i < 3 * n; i++)
        clipped &= rgb[i] == (colors[i] < 0 ? 0 : colors[i] > 1 ? 1 : colors[i]);
    OK(clipped, "clip");
    free(rgb);
    free(wanted);
    free(colors);
    safetensors_free(&golden);
    return tap_done();
}
