/* resample -- Pillow's bytes in both filters and both orders, and what must hold for any picture.
 * SPDX-License-Identifier: MIT */
#include "lib/image/resample.h"

#include "tests/unit/golden.h"

static struct arena make_scratch(struct resample *scratch, int y, int x)
{
    struct arena arena = {0};
    struct err err = {0};
    resample_layout(scratch, &arena, y, x);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    resample_layout(scratch, &arena, y, x);
    return arena;
}

static int largest_difference(const unsigned char *a, const unsigned char *b, int n)
{
    int most = 0;
    for (int i = 0; i < n; i++)
        most = abs(a[i] - b[i]) > most ? abs(a[i] - b[i]) : most;
    return most;
}

static void test_golden(const unsigned char *picture, int h, int w, const int64_t *c, int number)
{
    char name[40];
    struct resample scratch;
    const struct crop crop = {(int)c[0], (int)c[1], (int)c[2], (int)c[3]};
    const int y = (int)c[4], x = (int)c[5], channels = (int)c[7];
    unsigned char *const pixels = malloc((size_t)h * w * 3);
    for (int i = 0; i < h * w * channels; i++)
        pixels[i] = channels == 3 ? picture[i] : picture[3 * i + 1];
    snprintf(name, sizeof name, "resample.%d", number);
    unsigned char *const wanted = golden_get(name, DTYPE_U8, 3, NULL);
    struct arena arena = make_scratch(&scratch, y + 1, x + 1); /* scratch is for "at most" */
    unsigned char *const out = malloc((size_t)y * x * 3);
    const struct picture in = {h, w, channels, pixels, 0, 0, 1};
    resample_bytes(out, &in, crop, y, x, c[6] ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR, &scratch);
    OK(largest_difference(out, wanted, channels * y * x) == 0, "%dx%d to %dx%d, %s, %d channels",
        crop.w, crop.h, x, y, c[6] ? "bicubic" : "bilinear", channels);
    free(pixels);
    free(wanted);
    free(out);
    arena_free(&arena);
}

/* Pillow keeps the edges of a rectangle in float; a weight may be one unit off, a byte hardly. */
static void test_reduced(void)
{
    int64_t shape[3];
    struct resample scratch;
    unsigned char out[3 * 6 * 9];
    unsigned char *const half = golden_get("resample.half", DTYPE_U8, 3, shape);
    unsigned char *const wanted = golden_get("resample.half.out", DTYPE_U8, 3, NULL);
    struct arena arena = make_scratch(&scratch, 6, 9);
    const struct picture in = {(int)shape[0], (int)shape[1], 3, half, 0, 0, 2};
    resample_bytes(out, &in, (struct crop){0, 0, 27, 19}, 6, 9, RESAMPLE_BILINEAR, &scratch);
    OK(largest_difference(out, wanted, 3 * 6 * 9) <= 1, "27x19 of a picture reduced to half");
    free(half);
    free(wanted);
    arena_free(&arena);
}

/* The part of a picture gives what the whole gives, reduced or not. */
static void test_part(const unsigned char *picture, int h, int w)
{
    struct resample scratch;
    struct arena arena = make_scratch(&scratch, 8, 8);
    unsigned char whole[3 * 64], part[3 * 64], *const pixels = malloc((size_t)h * w * 3);
    const int px = 5, py = 3, pw = 14, ph = 12;
    for (int j = 0; j < ph; j++)
        memcpy(
            pixels + (size_t)j * pw * 3, picture + ((size_t)(py + j) * w + px) * 3, (size_t)pw * 3);
    for (int reduce = 1; reduce <= 4; reduce *= 2) {
        const struct crop crop = {6 * reduce + (reduce > 1), 4 * reduce, 12 * reduce, 10 * reduce};
        const struct picture in = {h, w, 3, (unsigned char *)picture, 0, 0, reduce};
        const struct picture cut = {ph, pw, 3, pixels, px, py, reduce};
        resample_bytes(whole, &in, crop, 8, 8, RESAMPLE_BICUBIC, &scratch);
        resample_bytes(part, &cut, crop, 8, 8, RESAMPLE_BICUBIC, &scratch);
        OK(memcmp(whole, part, sizeof whole) == 0, "a part gives what the whole gives (1/%d)",
            reduce);
    }
    free(pixels);
    arena_free(&arena);
}

/* Too wide for kept weights: a ramp stays a ramp, and grey stays grey. */
static void test_wide(void)
{
    enum { W = 3 * RESAMPLE_WIDE, H = 3, X = 6 };
    struct resample scratch;
    struct arena arena = make_scratch(&scratch, 2, X);
    unsigned char *const pixels = malloc((size_t)W * H * 3), out[3 * 2 * X];
    for (int i = 0; i < W * H; i++) {
        pixels[3 * i] = (unsigned char)((int64_t)(i % W) * 256 / W);
        pixels[3 * i + 1] = 200;
        pixels[3 * i + 2] = (unsigned char)(255 - pixels[3 * i]);
    }
    const struct picture in = {H, W, 3, pixels, 0, 0, 1};
    resample_bytes(out, &in, (struct crop){0, 0, W, H}, 2, X, RESAMPLE_BILINEAR, &scratch);
    for (int i = 1; i < X - 1; i++) {
        NEAR(out[i], (i + 0.5) * 256 / X - 0.5, 1, "sample %d of a wide ramp", i);
        OK(out[2 * X + i] == 200 && abs(out[i] + out[4 * X + i] - 255) <= 1, "its other channels");
    }
    free(pixels);
    arena_free(&arena);
}

int main(void)
{
    int64_t size[3], shape[2];
    golden_open("tests/golden/kernels.safetensors");
    unsigned char *const picture = golden_get("picture.a", DTYPE_U8, 3, size);
    int64_t *const cases = golden_get("resample.cases", DTYPE_I64, 2, shape);
    for (int i = 0; i < shape[0]; i++)
        test_golden(picture, (int)size[0], (int)size[1], cases + 8 * i, i);
    test_reduced();
    test_part(picture, (int)size[0], (int)size[1]);
    test_wide();
    free(picture);
    free(cases);
    safetensors_free(&golden);
    return tap_done();
}
