/* pool -- maximum, average and subsampling against goldens; ties, NaN, threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/pool.h"

#include "tests/unit/digest.h"

static void check(const struct safetensors *file, const char *name, const float *x, size_t n)
{
    const double error = digest_error(file, name, x, n);
    OK(error < 1e-6, "golden %s: %.1e", name, error);
}

static void against_goldens(struct parallel *parallel)
{
    enum { N = 2, H = 7, W = 6, C = 5, Y = 4, X = 3, K = 9 };
    struct err err = {0};
    struct safetensors file = {0};
    if (safetensors_load(&file, "tests/golden/encoder.safetensors", 1 << 24, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    float *x = digest_draw("poolx", N * H * W * C, 1, 0);
    float *dx = digest_draw("garbage", N * H * W * C, 1, 0);
    float *y = digest_draw("garbage", N * Y * X * K, 1, 0);
    float *dy = digest_draw("pooldy", N * Y * X * C, 1, 0);
    uint8_t index[N * Y * X * C];
    pool_maximum_forward(parallel, y, index, x, PRECISION_F32, N, H, W, C);
    pool_maximum_backward(parallel, dx, dy, index, PRECISION_F32, N, H, W, C);
    check(&file, "pool.y", y, N * Y * X * C);
    check(&file, "pool.dx", dx, N * H * W * C);
    free(dy);
    dy = digest_draw("subdy", N * Y * X * K, 1, 0);
    memset(dx, 0, sizeof *dx * N * H * W * C);
    pool_subsample_forward(parallel, y, x, PRECISION_F32, N, H, W, C, K);
    pool_subsample_backward(parallel, dx, dy, PRECISION_F32, N, H, W, C, K);
    check(&file, "sub.y", y, N * Y * X * K);
    check(&file, "sub.dx", dx, N * H * W * C);
    const float before = dx[0];
    pool_subsample_backward(parallel, dx, dy, PRECISION_F32, N, H, W, C, K);
    OK(dx[0] == 2 * before && before != 0, "the gradient of a shortcut is added to what is there");
    free(dy);
    dy = digest_draw("avgdy", N * C, 1, 0);
    pool_average_forward(parallel, y, x, PRECISION_F32, N, H * W, C);
    pool_average_backward(parallel, dx, dy, PRECISION_F32, N, H * W, C);
    check(&file, "avg.y", y, N * C);
    check(&file, "avg.dx", dx, N * H * W * C);
    free(x);
    free(dx);
    free(y);
    free(dy);
    safetensors_free(&file);
}

static void corners(void)
{
    const float x[9] = {0, 2, 2, 0, 2, 0, -1, -2, -3}, dy[4] = {1, 10, 100, 1000};
    float y[4], dx[9];
    uint8_t index[4];
    pool_maximum_forward(NULL, y, index, x, PRECISION_F32, 1, 3, 3, 1);
    pool_maximum_backward(NULL, dx, dy, index, PRECISION_F32, 1, 3, 3, 1);
    OK(y[0] == 2 && y[1] == 2 && y[2] == 2 && y[3] == 2, "the largest of a window");
    OK(dx[1] == 11 && dx[2] == 0 && dx[4] == 1100, "of equals the first has the gradient");
    const float holes[4] = {1, NAN, 3, 4};
    pool_maximum_forward(NULL, y, index, holes, PRECISION_F32, 1, 2, 2, 1);
    OK(isnan(y[0]), "NaN is larger than anything");
    pool_maximum_forward(NULL, y, index, x + 8, PRECISION_F32, 1, 1, 1, 1);
    pool_maximum_backward(NULL, dx, dy, index, PRECISION_F32, 1, 1, 1, 1);
    OK(y[0] == -3 && dx[0] == 1, "padding is not larger than what is below zero");
}

/* bf16 is f32 on the same numbers, each result rounded when it is written. */
static void half(void)
{
    enum {
        N = 3,
        H = 7,
        W = 6,
        C = 37,
        Y = 4,
        X = 3,
        K = 51,
        IN = N * H * W * C,
        OUT = N * Y * X * K
    };
    static float x[IN], dx[IN], y[OUT], dy[OUT], average[N * C], spread[IN];
    static uint16_t hx[IN], hdx[IN], hy[OUT], hdy[OUT], wanted[IN > OUT ? IN : OUT];
    static uint8_t index[OUT], hindex[OUT];
    float *const all[] = {x, dx, dy};
    uint16_t *const halves[] = {hx, hdx, hdy};
    const size_t count[] = {IN, IN, OUT};
    digest_fill(x, "halfx", IN, 1, 0);
    digest_fill(dx, "halfdx", IN, 1, 0);
    digest_fill(dy, "halfdy", OUT, 1, 0);
    for (int i = 0; i < 3; i++) {
        precision_write(halves[i], all[i], PRECISION_BF16, count[i]);
        precision_read(all[i], halves[i], PRECISION_BF16, count[i]);
    }
#define SAME(map, floats, n)                                                                       \
    (precision_write(wanted, floats, PRECISION_BF16, n), memcmp(map, wanted, 2 * (size_t)(n)) == 0)
    pool_subsample_forward(NULL, y, x, PRECISION_F32, N, H, W, C, K);
    pool_subsample_forward(NULL, hy, hx, PRECISION_BF16, N, H, W, C, K);
    pool_subsample_backward(NULL, dx, dy, PRECISION_F32, N, H, W, C, K);
    pool_subsample_backward(NULL, hdx, hdy, PRECISION_BF16, N, H, W, C, K);
    OK(SAME(hy, y, OUT) && SAME(hdx, dx, IN), "bf16: subsampling");
    pool_maximum_forward(NULL, y, index, x, PRECISION_F32, N, H, W, C);
    pool_maximum_forward(NULL, hy, hindex, hx, PRECISION_BF16, N, H, W, C);
    pool_maximum_backward(NULL, dx, dy, index, PRECISION_F32, N, H, W, C);
    pool_maximum_backward(NULL, hdx, hdy, hindex, PRECISION_BF16, N, H, W, C);
    OK(SAME(hy, y, N * Y * X * C) && SAME(hdx, dx, IN) && memcmp(index, hindex, N * Y * X * C) == 0,
        "bf16: maximum");
    pool_average_forward(NULL, y, x, PRECISION_F32, N, H * W, C);
    pool_average_forward(NULL, average, hx, PRECISION_BF16, N, H * W, C);
    OK(memcmp(average, y, sizeof average) == 0, "bf16: the average is f32");
    pool_average_backward(NULL, spread, average, PRECISION_F32, N, H * W, C);
    pool_average_backward(NULL, hdx, average, PRECISION_BF16, N, H * W, C);
    OK(SAME(hdx, spread, IN), "bf16: and its gradient bf16");
    precision_write(hdx, spread, PRECISION_BF16, IN);
    precision_read(spread, hdx, PRECISION_BF16, IN);
    pool_add(NULL, hx, hdx, PRECISION_BF16, IN);
    pool_add(NULL, x, spread, PRECISION_F32, IN);
    OK(SAME(hx, x, IN), "bf16: sums");
}

/* Channel `channel` of maps of C channels, in floats or halves. */
static void pick(
    void *out, const void *maps, enum precision precision, size_t pixels, size_t c, size_t channel)
{
    const size_t size = precision_size(precision);
    for (size_t i = 0; i < pixels; i++)
        memcpy((char *)out + i * size, precision_at(maps, precision, i * c + channel), size);
}

/* Channels side by side are what each is alone, with ties, zeros of both signs, and NaN. */
static void side_by_side(enum precision precision)
{
    enum { N = 2, H = 7, W = 6, C = 19, Y = 4, X = 3, IN = N * H * W, OUT = N * Y * X };
    static const float values[] = {-1, -0.0F, 0, 1, 2, 2, NAN};
    static float drawn[IN * C], x[IN * C], dx[IN * C], y[OUT * C], dy[OUT * C];
    float x1[IN], dx1[IN], y1[OUT], dy1[OUT], wanted[IN];
    uint8_t index[OUT * C], index1[OUT];
    int wrong = 0;
    digest_fill(drawn, "poollanes", IN * C, 1, 0);
    for (size_t i = 0; i < IN * C; i++)
        drawn[i] = values[(size_t)(fabsf(drawn[i]) * 1e4F) % 7];
    precision_write(x, drawn, precision, IN * C);
    digest_fill(drawn, "poollanesdy", OUT * C, 1, 0);
    precision_write(dy, drawn, precision, OUT * C);
    pool_maximum_forward(NULL, y, index, x, precision, N, H, W, C);
    pool_maximum_backward(NULL, dx, dy, index, precision, N, H, W, C);
    for (size_t c = 0; c < C; c++) {
        pick(x1, x, precision, IN, C, c);
        pick(dy1, dy, precision, OUT, C, c);
        pool_maximum_forward(NULL, y1, index1, x1, precision, N, H, W, 1);
        pool_maximum_backward(NULL, dx1, dy1, index1, precision, N, H, W, 1);
        pick(wanted, y, precision, OUT, C, c);
        wrong += memcmp(wanted, y1, OUT * precision_size(precision)) != 0;
        pick(wanted, dx, precision, IN, C, c);
        wrong += memcmp(wanted, dx1, IN * precision_size(precision)) != 0;
        for (size_t i = 0; i < OUT; i++)
            wrong += index[i * C + c] != index1[i];
    }
    OK(wrong == 0, "%s: maxima of %d channels are those of each alone: %d wrong",
        precision == PRECISION_BF16 ? "bf16" : "f32", C, wrong);
}

int main(void)
{
    struct err err = {0};
    half();
    struct parallel *parallel = parallel_new(3, &err);
    against_goldens(NULL);
    against_goldens(parallel);
    corners();
    side_by_side(PRECISION_F32);
    side_by_side(PRECISION_BF16);
    parallel_free(parallel);
    return tap_done();
}
