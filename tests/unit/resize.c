/* resize -- bicubic resampling, larger, smaller and equal, against values computed in double.
 * SPDX-License-Identifier: MIT */
#include "lib/image/resize.h"

#include "tests/unit/golden.h"

/* Larger than needed by one in each direction: scratch is for "at most". */
static struct arena make_scratch(struct resize *scratch, int y, int x)
{
    struct arena arena = {0};
    struct err err = {0};
    resize_layout(scratch, &arena, y + 1, x + 1);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    resize_layout(scratch, &arena, y + 1, x + 1);
    return arena;
}

static void test_golden(unsigned char *picture, int h, int w, const int64_t *c, int i)
{
    char name[40];
    int64_t shape[3];
    struct resize scratch;
    const struct crop crop = {(int)c[0], (int)c[1], (int)c[2], (int)c[3]};
    const int y = (int)c[4], x = (int)c[5];
    snprintf(name, sizeof name, "resize.%d", i);
    double *const wanted = golden_get(name, DTYPE_F64, 3, shape);
    struct arena arena = make_scratch(&scratch, y, x);
    float *const out = malloc((size_t)y * x * 3 * sizeof *out);
    const struct picture in = {h, w, 3, picture, 0, 0, 1};
    resize_bicubic(out, &in, crop, y, x, 1.0f / 255, &scratch);
    const double error = tap_error(out, wanted, (size_t)y * x * 3);
    OK(error < 5e-7, "%dx%d to %dx%d: error %.1e", crop.w, crop.h, x, y, error);
    free(out);
    free(wanted);
    arena_free(&arena);
}

/* One channel gives the plane that it gives among three. */
static void test_grey(unsigned char *picture, int h, int w)
{
    struct resize scratch;
    struct arena arena = make_scratch(&scratch, 30, 30);
    unsigned char *const green = malloc((size_t)h * w);
    static float colour[3 * 30 * 30], grey[30 * 30];
    for (int i = 0; i < h * w; i++)
        green[i] = picture[3 * i + 1];
    for (int same = 0; same < 2; same++) {
        const struct crop crop = {4, 2, same ? 30 : 33, same ? 30 : 21};
        const struct picture in = {h, w, 3, picture, 0, 0, 1}, one = {h, w, 1, green, 0, 0, 1};
        resize_bicubic(colour, &in, crop, 30, 30, 1, &scratch);
        resize_bicubic(grey, &one, crop, 30, 30, 1, &scratch);
        OK(memcmp(grey, colour + 30 * 30, sizeof grey) == 0, "grey is one plane (%s)",
            same ? "copied" : "resampled");
    }
    free(green);
    arena_free(&arena);
}

int main(void)
{
    int64_t size[3], shape[2];
    golden_open("tests/golden/augment.safetensors");
    unsigned char *const picture = golden_get("picture", DTYPE_U8, 3, size);
    int64_t *const cases = golden_get("resize.cases", DTYPE_I64, 2, shape);
    for (int i = 0; i < shape[0]; i++)
        test_golden(picture, (int)size[0], (int)size[1], cases + 6 * i, i);
    test_grey(picture, (int)size[0], (int)size[1]);
    free(picture);
    free(cases);
    safetensors_free(&golden);
    return tap_done();
}
