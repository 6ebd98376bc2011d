/* conv2d -- convolutions of every engine against the plain twins, the twins against finite differences,
 * and the same bits from any number of threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/conv2d.h"

#include "tests/unit/digest.h"

struct run {
    struct conv2d_shape shape;
    int n;
    size_t in, out, weights;
    float *x, *y, *weight, *dx, *dy, *dweight;
};

static float *floats(size_t n, int64_t seed, const char *name)
{
    char key[40];
    snprintf(key, sizeof key, "%s%lld", name, (long long)seed);
    return digest_draw(key, n, 1, 0);
}

static struct run run_new(const struct conv2d_shape *p, int n, int64_t seed)
{
    struct run run = {.shape = *p,
        .n = n,
        .in = (size_t)n * (size_t)(p->h * p->w * p->c),
        .out = (size_t)n * (size_t)(conv2d_y(p) * conv2d_x(p) * p->k),
        .weights = (size_t)(p->k * p->c * p->r * p->s)};
    run.x = floats(run.in, seed, "x");
    run.y = floats(run.out, seed, "garbage");
    run.weight = floats(run.weights, seed, "weight");
    run.dx = floats(run.in, seed, "garbage");
    run.dy = floats(run.out, seed, "dy");
    run.dweight = floats(run.weights, seed, "dweight"); /* gradients are added to what is there */
    return run;
}

static void run_free(struct run *run)
{
    free(run->x);
    free(run->y);
    free(run->weight);
    free(run->dx);
    free(run->dy);
    free(run->dweight);
}

static void naive(struct run *run)
{
    conv2d_naive_forward(run->y, run->x, run->weight, &run->shape, run->n);
    conv2d_naive_backward(run->dx, run->dweight, run->dy, run->x, run->weight, &run->shape, run->n);
}

/* Forward and backward; the weight arrives by refresh, as it does after an optimiser's step. */
static void fast(struct run *run, int threads)
{
    struct err err = {0};
    struct parallel *parallel = parallel_new(threads, &err);
    struct conv2d_context *context = conv2d_context_new(parallel, PRECISION_F32, &err);
    float *weight = calloc(run->weights, sizeof *weight);
    struct conv2d *conv = conv2d_new(context, &run->shape, weight, &err);
    if (conv == NULL || conv2d_train(conv, true, &err) != 0 || conv2d_reserve(context, &err) != 0) {
        OK(0, "a convolution is made: %s", err.text);
        return;
    }
    memcpy(weight, run->weight, run->weights * sizeof *weight);
    conv2d_refresh(conv, threads - 1);
    conv2d_forward(conv, run->y, run->x, run->n);
    conv2d_backward(conv, run->dx, run->dweight, run->dy, run->x, run->n);
    conv2d_free(conv);
    conv2d_context_free(context);
    parallel_free(parallel);
    free(weight);
}

static double distance(const float *a, const float *b, size_t n)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

/* h w c, k r s, stride pad, pictures: kernels of every kind, odd extents, channels that are no
 * multiple of 8, and batches that need blocks of 32, of 8 and of 1. */
static const struct {
    struct conv2d_shape shape;
    int n;
} cases[] = {{{8, 8, 3, 16, 3, 3, 1, 1}, 33}, {{8, 8, 16, 16, 3, 3, 1, 1}, 42},
    {{9, 7, 16, 32, 3, 3, 2, 1}, 9}, {{8, 8, 32, 64, 3, 3, 2, 1}, 1},
    {{4, 4, 64, 64, 3, 3, 1, 1}, 33}, {{16, 16, 3, 64, 7, 7, 2, 3}, 2},
    {{15, 13, 3, 8, 7, 7, 2, 3}, 3}, {{8, 8, 32, 64, 1, 1, 2, 0}, 33},
    {{7, 5, 16, 24, 1, 1, 2, 0}, 8}, {{4, 4, 64, 32, 1, 1, 1, 0}, 41},
    {{5, 5, 5, 7, 3, 3, 1, 1}, 33}, {{6, 3, 12, 20, 3, 3, 2, 1}, 4}, {{3, 3, 9, 5, 1, 1, 1, 0}, 2},
    {{1, 1, 16, 16, 3, 3, 1, 1}, 9}, {{2, 2, 8, 8, 3, 3, 2, 1}, 1},
    /* Channels in several slices and tasks; maps in several strips; tiles beyond the border. */
    {{7, 7, 32, 48, 3, 3, 1, 1}, 9}, {{5, 4, 272, 144, 3, 3, 1, 1}, 3},
    {{1, 1, 64, 32, 3, 3, 1, 1}, 2}, {{40, 38, 32, 32, 3, 3, 1, 1}, 2},
    {{3, 5, 528, 80, 3, 3, 2, 1}, 3}, {{6, 6, 528, 24, 1, 1, 1, 0}, 2},
    {{9, 9, 40, 136, 1, 1, 2, 0}, 3}, {{41, 30, 18, 30, 3, 3, 1, 1}, 2}};

static void against_twins(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct conv2d_shape *p = &cases[i].shape;
        struct run a = run_new(p, cases[i].n, 7), b = run_new(p, cases[i].n, 7);
        fast(&a, 2);
        naive(&b);
        const double errors[3] = {distance(a.y, b.y, a.out), distance(a.dx, b.dx, a.in),
            distance(a.dweight, b.dweight, a.weights)};
        OK(errors[0] < 1e-6 && errors[1] < 1e-6 && errors[2] < 1e-6,
            "%d x %dx%dx%d, %d filters %dx%d, stride %d: %.1e %.1e %.1e", cases[i].n, p->h, p->w,
            p->c, p->k, p->r, p->s, p->stride, errors[0], errors[1], errors[2]);
        run_free(&a);
        run_free(&b);
    }
}

/* <y, dy> as a function of x or weight; the twin is linear in each, so that a step of any size
 * gives the exact derivative. */
static double objective(struct run *run)
{
    double sum = 0;
    conv2d_naive_forward(run->y, run->x, run->weight, &run->shape, run->n);
    for (size_t i = 0; i < run->out; i++)
        sum += (double)run->y[i] * run->dy[i];
    return sum;
}

static double difference_error(struct run *run, float *variable, const float *gradient, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const float before = variable[i];
        variable[i] = before + 1;
        const double up = objective(run);
        variable[i] = before - 1;
        const double slope = (up - objective(run)) / 2;
        variable[i] = before;
        worst = fmax(worst, fabs(slope - gradient[i]) / (1 + fabs(slope)));
    }
    return worst;
}

static void finite_differences(void)
{
    static const struct conv2d_shape shapes[] = {{5, 4, 2, 3, 3, 3, 1, 1}, {5, 6, 3, 2, 3, 3, 2, 1},
        {4, 5, 2, 3, 1, 1, 2, 0}, {7, 6, 1, 2, 7, 7, 2, 3}, {4, 5, 2, 2, 3, 1, 1, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct run run = run_new(&shapes[i], 2, 3);
        memset(run.dweight, 0, run.weights * sizeof *run.dweight);
        naive(&run);
        const double x = difference_error(&run, run.x, run.dx, run.in);
        const double weight = difference_error(&run, run.weight, run.dweight, run.weights);
        OK(x < 1e-5 && weight < 1e-5, "the twin's gradients are finite differences: %.1e %.1e", x,
            weight);
        run_free(&run);
    }
}

static void against_goldens(void)
{
    static const struct {
        struct conv2d_shape shape;
        int n;
    } goldens[] = {{{5, 7, 8, 12, 3, 3, 1, 1}, 2}, {{6, 6, 8, 16, 3, 3, 2, 1}, 2},
        {{10, 11, 3, 8, 7, 7, 2, 3}, 2}, {{5, 4, 12, 16, 1, 1, 1, 0}, 3},
        {{5, 6, 8, 16, 1, 1, 2, 0}, 3}};
    struct err err = {0};
    struct safetensors file = {0};
    if (safetensors_load(&file, "tests/golden/encoder.safetensors", 1 << 24, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        const struct conv2d_shape *p = &goldens[i].shape;
        struct run run = run_new(p, goldens[i].n, 1);
        char key[80], name[100];
        snprintf(key, sizeof key, "conv%d_%d_%d_%d_%d_%d_%d_%d_%d", p->h, p->w, p->c, p->k, p->r,
            p->s, p->stride, p->pad, run.n);
        const char *drawn[3] = {"x", "w", "dy"}, *wanted[3] = {"y", "dx", "dw"};
        float *in[3] = {run.x, run.weight, run.dy}, *out[3] = {run.y, run.dx, run.dweight};
        const size_t ins[3] = {run.in, run.weights, run.out};
        const size_t outs[3] = {run.out, run.in, run.weights};
        for (int j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "%s%s", key, drawn[j]);
            digest_fill(in[j], name, ins[j], 1, 0);
        }
        memset(run.dweight, 0, run.weights * sizeof *run.dweight);
        fast(&run, 2);
        for (int j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "%s.%s", key, wanted[j]);
            const double error = digest_error(&file, name, out[j], outs[j]);
            OK(error < 1e-5, "golden %s: %.1e", name, error);
        }
        run_free(&run);
    }
    safetensors_free(&file);
}

/* One shape for each method: products of whole taps, with stride, and tiles. */
static void same_bits(void)
{
    static const struct conv2d_shape shapes[] = {
        {6, 6, 24, 40, 3, 3, 1, 1}, {7, 6, 40, 150, 3, 3, 2, 1}, {6, 5, 144, 160, 3, 3, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct run one = run_new(&shapes[i], 109, 5);
        fast(&one, 1);
        for (int threads = 2; threads <= 4; threads++) {
            struct run more = run_new(&shapes[i], 109, 5);
            fast(&more, threads);
            OK(memcmp(one.y, more.y, one.out * sizeof(float)) == 0 &&
                    memcmp(one.dx, more.dx, one.in * sizeof(float)) == 0 &&
                    memcmp(one.dweight, more.dweight, one.weights * sizeof(float)) == 0,
                "%d -> %d, stride %d: %d threads give the bits of one", shapes[i].c, shapes[i].k,
                shapes[i].stride, threads);
            run_free(&more);
        }
        run_free(&one);
    }
}

/* Weight gradients so large that they are added up in several rounds: at least as many partial ones
 * are kept as two for each thread, so one thread and three have different rounds. */
static void rounds(void)
{
    const struct conv2d_shape shape = {1, 1, 1536, 1024, 3, 3, 1, 1};
    struct run a = run_new(&shape, 7, 5), b = run_new(&shape, 7, 5);
    fast(&a, 1);
    fast(&b, 3);
    OK(memcmp(a.dweight, b.dweight, a.weights * sizeof(float)) == 0,
        "several rounds of partial gradients give the bits of one round");
    /* Of a 3x3 filter only the centre meets a picture of one pixel. */
    float *before = floats(a.weights, 5, "dweight");
    double worst = 0;
    for (size_t k = 0; k < 1024; k += 97)
        for (size_t c = 0; c < 1536; c += 89) {
            const size_t centre = (k * 1536 + c) * 9 + 4;
            double sum = before[centre];
            for (size_t i = 0; i < 7; i++)
                sum += (double)a.dy[i * 1024 + k] * a.x[i * 1536 + c];
            worst = fmax(worst, fabs(a.dweight[centre] - sum));
            worst = fmax(worst, fabs(a.dweight[centre - 1] - before[centre - 1]));
        }
    NEAR(worst, 0, 1e-5, "and they are the right sums");
    free(before);
    run_free(&a);
    run_free(&b);
}

int main(void)
{
    char text[80];
    conv2d_version(text, sizeof text, PRECISION_F32);
    printf("# %s\n", text);
    against_twins();
    finite_differences();
    against_goldens();
    same_bits();
    rounds();
    return tap_done();
}
