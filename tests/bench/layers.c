/* layers -- the convolutions of an encoder, one shape at a time: GFLOP/s of each direction, and how
 * the time of a step is shared among them.
 *
 *     layers MODEL SIZE STEM [PICTURES [THREADS [ROUNDS [PRECISION]]]]
 *
 * MODEL is resnet18, 34, 50 or 20; STEM cifar or imagenet; PRECISION f32 or bf16.
 *
 * First line: multiply-adds of a picture forward, and forward and backward together, in millions
 * (the stem has no data gradient); with 0 PICTURES that is all. Then a line for each shape, measured
 * by lib/nn/conv2d as a step of so many pictures runs it: GFLOP/s of a core, by processor time, the
 * median over the rounds. The data gradient is what a backward pass with it takes longer than one
 * without. The last line has the sum, and beside it the rate of all threads by the clock, which is
 * less than theirs together where some have nothing to do.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/conv2d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = 64, ROUNDS = 100, DIRECTIONS = 3 };

static const struct variant {
    const char *name;
    bool bottleneck, small;
    int depth[4];
} variants[] = {{"resnet18", false, false, {2, 2, 2, 2}}, {"resnet34", false, false, {3, 4, 6, 3}},
    {"resnet50", true, false, {3, 4, 6, 3}}, {"resnet20", false, true, {3, 3, 3, 0}}};

static struct layer {
    struct conv2d_shape shape;
    int count;
    bool stem;
    double seconds[DIRECTIONS]; /* of processor time, of one picture, all of its kind */
    double clock;               /* likewise by the clock, forward and backward */
    char kernels[200];
} layer[LAYERS];
static int layers;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "layers: %s\n", what);
    exit(2);
}

/* ---- the shapes ------------------------------------------------------------------------------- */

/* Add a convolution; returns the side of its output. */
static int add(int side, int c, int k, int r, int stride)
{
    const struct conv2d_shape shape = {side, side, c, k, r, r, stride, r / 2};
    int i = 0;
    while (i < layers && memcmp(&layer[i].shape, &shape, sizeof shape) != 0)
        i++;
    layers += i == layers;
    layer[i].shape = shape;
    layer[i].count++;
    return conv2d_y(&shape);
}

static void list(const struct variant *variant, int side, bool imagenet)
{
    const int width = variant->small ? 16 : 64;
    int c = width;
    side = imagenet ? add(side, 3, c, 7, 2) : add(side, 3, c, 3, 1);
    layer[0].stem = true;
    side = imagenet ? (side - 1) / 2 + 1 : side;
    for (int group = 0; group < 4; group++)
        for (int i = 0; i < variant->depth[group]; i++) {
            const int inner = width << group, k = variant->bottleneck ? 4 * inner : inner;
            const int stride = group > 0 && i == 0 ? 2 : 1;
            if ((stride != 1 || c != k) && !variant->small)
                add(side, c, k, 1, stride);
            if (variant->bottleneck)
                add(side, c, inner, 1, 1);
            side = add(side, variant->bottleneck ? inner : c, inner, 3, stride);
            add(side, inner, k, variant->bottleneck ? 1 : 3, 1);
            c = k;
        }
}

/* Multiply-adds of a picture, in one direction. */
static double work_of(const struct layer *l)
{
    const struct conv2d_shape *const p = &l->shape;
    return (double)l->count * conv2d_y(p) * conv2d_x(p) * p->k * p->c * p->r * p->s;
}

/* ---- the time they take ----------------------------------------------------------------------- */

static double seconds(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double *const x = a, *const y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *time, int rounds)
{
    qsort(time, (size_t)rounds, sizeof *time, by_value);
    return (time[(rounds - 1) / 2] + time[rounds / 2]) / 2;
}

static float *noise(size_t n)
{
    float *const x = malloc(n * sizeof *x);
    if (x == NULL)
        fail("out of memory");
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 2654435761u) >> 8 & 1023) / 1024 - 0.5f;
    return x;
}

/* A map of it. */
static void *noise_map(size_t n, enum precision precision)
{
    float *const map = noise(n);
    if (precision == PRECISION_BF16)
        for (size_t i = 0; i < n;
             i++) /* from the front: what is read next is not yet overwritten */
            ((uint16_t *)map)[i] = precision_narrow(map[i]);
    return map;
}

static void measure(
    struct layer *l, struct parallel *parallel, enum precision precision, int n, int rounds)
{
    static double time[DIRECTIONS + 1][ROUNDS];
    const struct conv2d_shape *const p = &l->shape;
    struct err err = {0};
    void *const x = noise_map((size_t)n * (size_t)(p->h * p->w * p->c), precision);
    void *const dx = noise_map((size_t)n * (size_t)(p->h * p->w * p->c), precision);
    void *const y = noise_map((size_t)n * (size_t)(conv2d_y(p) * conv2d_x(p) * p->k), precision);
    float *const weight = noise((size_t)(p->k * p->c * p->r * p->s));
    float *const dweight = noise((size_t)(p->k * p->c * p->r * p->s));
    struct conv2d_context *const context = conv2d_context_new(parallel, precision, &err);
    struct conv2d *const conv = context == NULL ? NULL : conv2d_new(context, p, weight, &err);
    if (conv == NULL || conv2d_train(conv, !l->stem, &err) != 0 ||
        conv2d_reserve(context, &err) != 0)
        fail(err.text);
    for (int round = -1; round < rounds; round++) { /* the first is not counted */
        const double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        conv2d_backward(conv, NULL, dweight, y, x, n);
        const double weights = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
        const double clock = seconds(CLOCK_MONOTONIC);
        const double middle = seconds(CLOCK_PROCESS_CPUTIME_ID);
        conv2d_forward(conv, y, x, n);
        const double late = seconds(CLOCK_PROCESS_CPUTIME_ID);
        conv2d_backward(conv, l->stem ? NULL : dx, dweight, y, x, n);
        const double end = seconds(CLOCK_PROCESS_CPUTIME_ID);
        if (round < 0)
            continue;
        time[0][round] = late - middle;
        time[1][round] = l->stem ? 0 : end - late - weights;
        time[2][round] = weights;
        time[3][round] = seconds(CLOCK_MONOTONIC) - clock;
    }
    for (int d = 0; d < DIRECTIONS; d++)
        l->seconds[d] = l->count * median(time[d], rounds) / n;
    l->clock = l->count * median(time[DIRECTIONS], rounds) / n;
    conv2d_kernels(conv, l->kernels, sizeof l->kernels);
    conv2d_free(conv);
    conv2d_context_free(context);
    free(x);
    free(dx);
    free(y);
    free(weight);
    free(dweight);
}

/* ---- what is printed -------------------------------------------------------------------------- */

static void print(void)
{
    double total[DIRECTIONS] = {0}, work[DIRECTIONS] = {0}, clock = 0;
    for (int i = 0; i < layers; i++) {
        clock += layer[i].clock;
        for (int d = 0; d < DIRECTIONS; d++) {
            total[d] += layer[i].seconds[d];
            work[d] += layer[i].seconds[d] > 0 ? work_of(&layer[i]) : 0;
        }
    }
    const double all = total[0] + total[1] + total[2];
    printf("%-33s %4s  %20s  %18s\n", "", "", "GFLOP/s of a core", "share of the time");
    printf("%-33s %4s  %6s %6s %6s  %6s %5s %5s  %s\n", "convolution", "n", "fwd", "data", "weight",
        "fwd", "data", "wght", "kernels");
    for (int i = 0; i < layers; i++) {
        const struct layer *const l = &layer[i];
        const struct conv2d_shape *const p = &l->shape;
        char name[64];
        snprintf(name, sizeof name, "%dx%d %d->%d at %dx%d%s", p->r, p->s, p->c, p->k, p->h, p->w,
            p->stride > 1 ? " stride 2" : "");
        printf("%-33s %4d ", name, l->count);
        for (int d = 0; d < DIRECTIONS; d++)
            printf(" %6.1f", l->seconds[d] > 0 ? 2e-9 * work_of(l) / l->seconds[d] : 0);
        printf(" ");
        for (int d = 0; d < DIRECTIONS; d++)
            printf(" %4.1f%%", 100 * l->seconds[d] / all);
        printf("  %s\n", l->kernels);
    }
    printf("%-33s %4s ", "all convolutions", "");
    for (int d = 0; d < DIRECTIONS; d++)
        printf(" %6.1f", 2e-9 * work[d] / total[d]);
    printf(" ");
    for (int d = 0; d < DIRECTIONS; d++)
        printf(" %4.1f%%", 100 * total[d] / all);
    const double flops = 2e-9 * (work[0] + work[1] + work[2]);
    printf("\nforward and backward: %.1f GFLOP/s of a core, %.1f of all threads by the clock\n",
        flops / all, flops / clock);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        fail("usage: layers MODEL SIZE STEM [PICTURES [THREADS [ROUNDS [PRECISION]]]]");
    const int size = atoi(argv[2]), pictures = argc > 4 ? atoi(argv[4]) : 32;
    const int threads = argc > 5 ? atoi(argv[5]) : 1, rounds = argc > 6 ? atoi(argv[6]) : 5;
    const bool bf16 = argc > 7 && strcmp(argv[7], "bf16") == 0;
    const enum precision precision = bf16 ? PRECISION_BF16 : PRECISION_F32;
    size_t which = 0;
    while (which < sizeof variants / sizeof *variants && strcmp(variants[which].name, argv[1]) != 0)
        which++;
    if (which == sizeof variants / sizeof *variants || size < 32 || size > 512 || pictures < 0 ||
        pictures > 4096 || threads < 0 || rounds < 1 || rounds > ROUNDS)
        fail("MODEL is resnet18, 34 or 50; SIZE 32 to 512; PICTURES up to 4096; ROUNDS 1 to 100");
    list(&variants[which], size, strcmp(argv[3], "imagenet") == 0);
    double forward = 0, both = 0;
    for (int i = 0; i < layers; i++) {
        forward += work_of(&layer[i]);
        both += (layer[i].stem ? 2 : 3) * work_of(&layer[i]);
    }
    printf("%.1f %.1f\n", 1e-6 * forward, 1e-6 * both);
    if (pictures == 0)
        return 0;
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    if (parallel == NULL)
        fail(err.text);
    for (int i = 0; i < layers; i++)
        measure(&layer[i], parallel, precision, pictures, rounds);
    print();
    parallel_free(parallel);
    return 0;
}
