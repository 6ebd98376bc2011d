/* tiled -- bf16 convolutions against the plain f32 twins on the same rounded operands, and the same bits
 * from every kernel of this CPU and any number of threads.
 *
 *     tiled [LEVEL]     one level of cpu.h instead of all
 * SPDX-License-Identifier: MIT */
#include "lib/nn/tiled.h"

#include "lib/base/cpu.h"
#include "lib/nn/precision.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

struct run {
    struct conv2d_shape shape;
    int n;
    size_t in, out, weights;
    uint16_t *x, *y, *dx, *dy;
    float *weight, *dweight;
};

/* Sanitizers make loops of intrinsics ten times slower: then small maps only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LARGE = 0 };
#else
enum { LARGE = 1 };
#endif

static uint32_t state;

static float draw(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(int)((state >> 8) % 2001 - 1000) * 1e-3f;
}

/* From a line of the cache on, as activations lie. */
static uint16_t *room(size_t n)
{
    enum { LINE = 64 };
    return aligned_alloc(LINE, (n * sizeof(uint16_t) + LINE - 1) / LINE * LINE);
}

static uint16_t *maps(size_t n)
{
    uint16_t *const x = room(n);
    for (size_t i = 0; i < n; i++)
        x[i] = precision_narrow(draw());
    return x;
}

static struct run run_new(const struct conv2d_shape *p, int n)
{
    struct run run = {.shape = *p,
        .n = n,
        .in = (size_t)n * (size_t)(p->h * p->w * p->c),
        .out = (size_t)n * (size_t)(conv2d_y(p) * conv2d_x(p) * p->k),
        .weights = (size_t)(p->k * p->c * p->r * p->s)};
    state = 11;
    run.x = maps(run.in);
    run.dy = maps(run.out);
    run.y = room(run.out);
    run.dx = room(run.in);
    memset(run.y, 0xFF, run.out * sizeof *run.y);
    memset(run.dx, 0xFF, run.in * sizeof *run.dx);
    run.weight = malloc(run.weights * sizeof(float));
    run.dweight = malloc(run.weights * sizeof(float));
    for (size_t i = 0; i < run.weights; i++) {
        run.weight[i] = draw();
        run.dweight[i] = draw(); /* gradients are added to what is there */
    }
    return run;
}

static void run_free(struct run *run)
{
    free(run->x);
    free(run->y);
    free(run->dx);
    free(run->dy);
    free(run->weight);
    free(run->dweight);
}

/* All directions; the weight arrives by refresh, as it does after an optimiser's step. */
static void fast(struct run *run, int level, int threads)
{
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    struct tiled_context *const context = tiled_context_new(parallel, level, &err);
    float *const weight = calloc(run->weights, sizeof *weight);
    struct tiled *const conv = tiled_new(context, &run->shape, weight, &err);
    bool good = conv != NULL;
    for (int d = 0; d < CONV2D_DIRECTIONS; d++)
        good = good && tiled_add(conv, (enum conv2d_direction)d, &err) == 0;
    if (!good || tiled_reserve(context, &err) != 0) {
        OK(0, "a convolution is made: %s", err.text);
        return;
    }
    memcpy(weight, run->weight, run->weights * sizeof *weight);
    tiled_refresh(conv, 0);
    tiled_forward(conv, run->y, run->x, run->n);
    tiled_weight(conv, run->dweight, run->dy, run->x, run->n);
    tiled_data(conv, run->dx, run->dy, run->n);
    tiled_free(conv);
    tiled_context_free(context);
    parallel_free(parallel);
    free(weight);
}

static float *widened(const uint16_t *x, size_t n)
{
    float *const out = malloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = precision_widen(x[i]);
    return out;
}

/* The largest error in units of half a bit of bf16 (1 is what rounding may do), beside what sums in f32 may
 * be wrong by: `small` of the length of the vector a sum is of. */
static double rounding(const uint16_t *got, const float *want, size_t n, double small)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const double error = fabs((double)precision_widen(got[i]) - want[i]);
        const double one = ldexp(fabs(want[i]), -8) + small;
        worst = error <= one && worst <= 1 ? fmax(worst, error / one) : fmax(worst, 99);
    }
    return worst;
}

static void against_twin(const struct conv2d_shape *p, int n, int level)
{
    struct run a = run_new(p, n), b = run_new(p, n);
    fast(&a, level, 2);
    float *const x = widened(b.x, b.in), *const dy = widened(b.dy, b.out);
    float *const y = malloc(b.out * sizeof *y), *const dx = malloc(b.in * sizeof *dx);
    for (size_t i = 0; i < b.weights; i++)
        b.weight[i] = precision_widen(precision_narrow(b.weight[i]));
    conv2d_naive_forward(y, x, b.weight, p, n);
    conv2d_naive_backward(dx, b.dweight, dy, x, b.weight, p, n);
    const double forward = rounding(a.y, y, a.out, 2e-6 * sqrt(p->c * p->r * p->s));
    const double data = rounding(a.dx, dx, a.in, 2e-6 * sqrt(p->k * p->r * p->s));
    double difference = 0, norm = 0;
    for (size_t i = 0; i < a.weights; i++) {
        difference += pow((double)a.dweight[i] - b.dweight[i], 2);
        norm += pow(b.dweight[i], 2);
    }
    const double weight = sqrt(difference / norm);
    OK(forward <= 1 && data <= 1 && weight < 2e-6,
        "%s: %d x %dx%dx%d, %d filters %dx%d, stride %d, pad %d: %.3f %.3f %.1e", cpu_name(level),
        n, p->h, p->w, p->c, p->k, p->r, p->s, p->stride, p->pad, forward, data, weight);
    free(x);
    free(y);
    free(dx);
    free(dy);
    run_free(&a);
    run_free(&b);
}

struct example {
    struct conv2d_shape shape;
    int n;
};

/* Small maps, all kinds of channels, strides, pads, and numbers of pictures. */
static const struct example cases[] = {{{8, 8, 3, 16, 3, 3, 1, 1}, 33},
    {{8, 8, 16, 16, 3, 3, 1, 1}, 40}, {{9, 7, 16, 32, 3, 3, 2, 1}, 9},
    {{8, 8, 32, 64, 3, 3, 2, 1}, 1}, {{4, 4, 64, 64, 3, 3, 1, 1}, 33},
    {{16, 16, 3, 64, 7, 7, 2, 3}, 2}, {{15, 13, 3, 8, 7, 7, 2, 3}, 3},
    {{8, 8, 32, 64, 1, 1, 2, 0}, 33}, {{7, 5, 16, 24, 1, 1, 2, 0}, 8},
    {{4, 4, 64, 32, 1, 1, 1, 0}, 41}, {{5, 5, 5, 7, 3, 3, 1, 1}, 33},
    {{6, 3, 12, 20, 3, 3, 2, 1}, 4}, {{3, 3, 9, 5, 1, 1, 1, 0}, 2}, {{1, 1, 16, 16, 3, 3, 1, 1}, 9},
    {{2, 2, 8, 8, 3, 3, 2, 1}, 1}, {{7, 7, 48, 40, 3, 3, 1, 1}, 17},
    {{2, 2, 256, 32, 3, 3, 1, 1}, 19}, {{1, 1, 64, 96, 1, 1, 1, 0}, 35},
    {{6, 6, 24, 17, 5, 3, 1, 2}, 5}, {{7, 8, 33, 31, 2, 4, 3, 1}, 6},
    {{12, 12, 32, 33, 3, 3, 1, 0}, 3}, {{2, 2, 32, 272, 3, 3, 1, 1}, 5},
    {{3, 3, 150, 20, 1, 1, 1, 0}, 4}, {{3, 3, 32, 35, 1, 1, 1, 0}, 7},
    {{3, 3, 35, 32, 1, 1, 1, 0}, 7}};

/* Convolutions of ResNet-18, 34 and 50, at sizes of CIFAR and of ImageNet, one picture or few. */
static const struct example layers[] = {{{32, 32, 3, 64, 3, 3, 1, 1}, 2},
    {{32, 32, 64, 64, 3, 3, 1, 1}, 1}, {{32, 32, 64, 128, 3, 3, 2, 1}, 1},
    {{32, 32, 64, 128, 1, 1, 2, 0}, 2}, {{16, 16, 128, 128, 3, 3, 1, 1}, 2},
    {{8, 8, 256, 256, 3, 3, 1, 1}, 2}, {{8, 8, 256, 512, 3, 3, 2, 1}, 2},
    {{4, 4, 512, 512, 3, 3, 1, 1}, 3}, {{56, 56, 3, 64, 7, 7, 2, 3}, 1},
    {{56, 56, 64, 256, 1, 1, 1, 0}, 1}, {{28, 28, 256, 64, 1, 1, 1, 0}, 1},
    {{28, 28, 256, 512, 1, 1, 2, 0}, 1}, {{14, 14, 1024, 256, 1, 1, 1, 0}, 1},
    {{7, 7, 512, 2048, 1, 1, 1, 0}, 1}, {{7, 7, 2048, 512, 1, 1, 1, 0}, 1},
    {{7, 7, 512, 512, 3, 3, 1, 1}, 2}, {{14, 14, 512, 512, 3, 3, 2, 1}, 1},
    {{32, 32, 16, 16, 3, 3, 1, 1}, 3}, {{32, 32, 16, 32, 3, 3, 2, 1}, 2},
    {{8, 8, 64, 64, 3, 3, 1, 1}, 37}};

static bool same(const struct run *a, const struct run *b)
{
    return memcmp(a->y, b->y, a->out * sizeof *a->y) == 0 &&
           memcmp(a->dx, b->dx, a->in * sizeof *a->dx) == 0 &&
           memcmp(a->dweight, b->dweight, a->weights * sizeof *a->dweight) == 0;
}

static void same_bits(const struct example *example, int lowest, int highest)
{
    const struct conv2d_shape *const p = &example->shape;
    struct run one = run_new(p, example->n);
    fast(&one, lowest, 1);
    for (int level = lowest; level <= highest; level++)
        for (int threads = 1; threads <= 3; threads++) {
            struct run more = run_new(p, example->n);
            fast(&more, level, threads);
            OK(same(&one, &more), "%d x %dx%dx%d, %d filters, %s, %d threads: the bits of %s alone",
                example->n, p->h, p->w, p->c, p->k, cpu_name(level), threads, cpu_name(lowest));
            run_free(&more);
        }
    run_free(&one);
}

/* Each way through the kernels once; `large`: maps that are written past the caches, also where pixels of
 * dx have no tap, and weights of which some chunks at a time go over all strips. */
static const struct example ways[] = {{{6, 6, 24, 40, 3, 3, 1, 1}, 40},
    {{8, 8, 64, 64, 3, 3, 2, 1}, 40}, {{9, 9, 64, 96, 1, 1, 1, 0}, 40},
    {{20, 20, 3, 16, 3, 3, 1, 1}, 40}, {{2, 2, 32, 272, 3, 3, 1, 1}, 5}};
static const struct example large[] = {{{64, 64, 32, 32, 1, 1, 1, 0}, 16},
    {{128, 128, 32, 32, 1, 1, 2, 0}, 4}, {{16, 16, 128, 128, 3, 3, 1, 1}, 2}};

/* Weight gradients so large that they are added up in several rounds: one thread keeps fewer sums of
 * blocks than three. */
static void rounds(int level)
{
    const struct conv2d_shape shape = {1, 1, 1536, 1088, 3, 3, 1, 1};
    struct run one = run_new(&shape, 600);
    fast(&one, level, 1);
    for (int threads = 2; threads <= 3; threads++) {
        struct run more = run_new(&shape, 600);
        fast(&more, level, threads);
        OK(same(&one, &more), "three rounds of sums give the bits of those of %d threads", threads);
        run_free(&more);
    }
    run_free(&one);
}

int main(int argc, char **argv)
{
    const int highest = argc > 1 ? atoi(argv[1]) : cpu_level();
    const int lowest = argc > 1 ? highest : CPU_BASELINE;
    for (int level = lowest; level <= highest; level++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            against_twin(&cases[i].shape, cases[i].n, level);
    for (size_t i = 0; i < sizeof layers / sizeof *layers && LARGE && highest > 0; i++)
        against_twin(&layers[i].shape, layers[i].n, highest);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        same_bits(&ways[i], lowest, highest);
    for (size_t i = 0; i < sizeof large / sizeof *large && LARGE; i++)
        same_bits(&large[i], lowest, highest);
    if (LARGE && highest > CPU_BASELINE)
        rounds(highest);
    return tap_done();
}
