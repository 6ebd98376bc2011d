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
    pool_maximum_forward(parallel, y, index, x, N, H, W, C);
    pool_maximum_backward(parallel, dx, dy, index, N, H, W, C);
    check(&file, "pool.y", y, N * Y * X * C);
    check(&file, "pool.dx", dx, N * H * W * C);
    free(dy);
    dy = digest_draw("subdy", N * Y * X * K, 1, 0);
    memset(dx, 0, sizeof *dx * N * H * W * C);
    pool_subsample_forward(parallel, y, x, N, H, W, C, K);
    pool_subsample_backward(parallel, dx, dy, N, H, W, C, K);
    check(&file, "sub.y", y, N * Y * X * K);
    check(&file, "sub.dx", dx, N * H * W * C);
    const float before = dx[0];
    pool_subsample_backward(parallel, dx, dy, N, H, W, C, K);
    OK(dx[0] == 2 * before && before != 0, "the gradient of a shortcut is added to what is there");
    free(dy);
    dy = digest_draw("avgdy", N * C, 1, 0);
    pool_average_forward(parallel, y, x, N, H * W, C);
    pool_average_backward(parallel, dx, dy, N, H * W, C);
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
    pool_maximum_forward(NULL, y, index, x, 1, 3, 3, 1);
    pool_maximum_backward(NULL, dx, dy, index, 1, 3, 3, 1);
    OK(y[0] == 2 && y[1] == 2 && y[2] == 2 && y[3] == 2, "the largest of a window");
    OK(dx[1] == 11 && dx[2] == 0 && dx[4] == 1100, "of equals the first has the gradient");
    const float holes[4] = {1, NAN, 3, 4};
    pool_maximum_forward(NULL, y, index, holes, 1, 2, 2, 1);
    OK(isnan(y[0]), "NaN is larger than anything");
    pool_maximum_forward(NULL, y, index, x + 8, 1, 1, 1, 1);
    pool_maximum_backward(NULL, dx, dy, index, 1, 1, 1, 1);
    OK(y[0] == -3 && dx[0] == 1, "padding is not larger than what is below zero");
}

int main(void)
{
    struct err err = {0};
    struct parallel *parallel = parallel_new(3, &err);
    against_goldens(NULL);
    against_goldens(parallel);
    corners();
    parallel_free(parallel);
    return tap_done();
}
