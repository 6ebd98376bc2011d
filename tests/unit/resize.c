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

/* ---- reduced pictures, and parts of pictures -------------------------------------------------- */

enum { HEIGHT = 203, WIDTH = 187, LARGE = 1500 };

static unsigned char at_whole(int y, int x, int c)
{
    return (unsigned char)lrint(
        128 + 100 * sin(0.05 * x + c) * cos(0.04 * y) + 20 * sin(0.002 * x * y));
}

/* What a decoder makes of the smooth picture at [y,x]: [h,w] of its pixels, reduced. */
static struct picture make_reduced(int reduce, int y, int x, int h, int w)
{
    unsigned char *const pixels = malloc((size_t)h * w * 3);
    for (int i = 0; i < h * w * 3; i++) {
        const int top = (y + i / 3 / w) * reduce, left = (x + i / 3 % w) * reduce;
        int sum = 0, count = 0;
        for (int j = 0; j < reduce * reduce; j++) {
            if (top + j / reduce < HEIGHT && left + j % reduce < WIDTH) {
                sum += at_whole(top + j / reduce, left + j % reduce, i % 3);
                count++;
            }
        }
        pixels[i] = (unsigned char)((sum + count / 2) / count);
    }
    return (struct picture){h, w, 3, pixels, x, y, reduce};
}

static double keys(double t)
{
    t = fabs(t);
    return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* Weights of the pixels from `first` to `last` at position p, scaled to a sum of one. */
static void weigh(double *weight, int first, int last, double p)
{
    double sum = 0;
    for (int i = first; i <= last; i++)
        sum += weight[i - first] = keys(p - i);
    for (int i = first; i <= last; i++)
        weight[i - first] /= sum;
}

/* The definition, in double: every pixel that the crop touches has its weight. */
static double naive(const struct picture *in, struct crop crop, int n, int c, int j, int i)
{
    const int r = in->reduce, top = crop.y / r, left = crop.x / r;
    const int bottom = (crop.y + crop.h - 1) / r, right = (crop.x + crop.w - 1) / r;
    static double row[HEIGHT], column[LARGE];
    weigh(row, top, bottom, (crop.y + (j + 0.5) * crop.h / n) / r - 0.5);
    weigh(column, left, right, (crop.x + (i + 0.5) * crop.w / n) / r - 0.5);
    double sum = 0;
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++)
            sum += row[y - top] * column[x - left] *
                   in->pixels[((size_t)(y - in->y) * in->width + (x - in->x)) * 3 + c];
    return sum;
}

static void check_naive(const struct picture *in, struct crop crop, int n, const char *what)
{
    struct resize scratch;
    struct arena arena = make_scratch(&scratch, n, n);
    float *const out = malloc((size_t)n * n * 3 * sizeof *out);
    double worst = 0;
    resize_bicubic(out, in, crop, n, n, 1, &scratch);
    for (int i = 0; i < 3 * n * n; i++)
        worst = fmax(worst, fabs(out[i] - naive(in, crop, n, i / n / n, i / n % n, i % n)));
    OK(worst < 3e-4, "%s, reduced by %d: off the definition by %.1e of 255", what, in->reduce,
        worst);
    free(out);
    arena_free(&arena);
}

static void test_reduced(int reduce, struct crop crop, int n)
{
    static float wanted[3 * 32 * 32], got[3 * 32 * 32];
    struct resize scratch;
    struct arena arena = make_scratch(&scratch, n, n);
    struct picture whole = make_reduced(1, 0, 0, HEIGHT, WIDTH);
    struct picture all =
        make_reduced(reduce, 0, 0, (HEIGHT + reduce - 1) / reduce, (WIDTH + reduce - 1) / reduce);
    const int y = crop.y / reduce, x = crop.x / reduce;
    struct picture part = make_reduced(reduce, y, x, (crop.y + crop.h - 1) / reduce - y + 1,
        (crop.x + crop.w - 1) / reduce - x + 1);
    resize_bicubic(wanted, &whole, crop, n, n, 1, &scratch);
    resize_bicubic(got, &all, crop, n, n, 1, &scratch);
    double mean = 0;
    for (int i = 0; i < 3 * n * n; i++)
        mean += fabs((double)got[i] - wanted[i]) / (3 * n * n);
    OK(mean < 0.3 + 0.1 * reduce * reduce,
        "%d,%d %dx%d reduced by %d: off by %.2f of 255 in the mean", crop.x, crop.y, crop.w, crop.h,
        reduce, mean);
    check_naive(&part, crop, n, "a part");
    memcpy(wanted, got, sizeof got);
    resize_bicubic(got, &part, crop, n, n, 1, &scratch);
    OK(memcmp(got, wanted, (size_t)n * n * 3 * sizeof *got) == 0,
        "no more of the picture is needed than the crop touches");
    picture_free(&whole);
    picture_free(&all);
    picture_free(&part);
    arena_free(&arena);
}

/* Rows that do not fit at once, and fewer pixels than taps. */
static void test_extremes(void)
{
    struct picture wide = {2, LARGE, 3, malloc(2 * LARGE * 3), 0, 0, 1};
    for (int i = 0; i < 2 * LARGE * 3; i++)
        wide.pixels[i] = (unsigned char)(i * 37 % 251);
    check_naive(&wide, (struct crop){0, 0, LARGE, 2}, 5, "a row of 1500");
    check_naive(&wide, (struct crop){0, 1, LARGE, 1}, 1, "all of it in one sample");
    check_naive(&wide, (struct crop){7, 0, 1, 1}, 4, "one pixel");
    check_naive(&wide, (struct crop){LARGE - 3, 0, 3, 2}, 9, "three pixels by two");
    picture_free(&wide);
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
    test_reduced(1, (struct crop){13, 22, 101, 77}, 32);
    test_reduced(2, (struct crop){31, 0, 156, 150}, 32);
    test_reduced(2, (struct crop){0, 0, 64, 64}, 32);
    test_reduced(4, (struct crop){6, 9, 180, 191}, 32);
    test_reduced(8, (struct crop){0, 3, WIDTH, 200}, 20);
    test_extremes();
    free(picture);
    free(cases);
    safetensors_free(&golden);
    return tap_done();
}
