/* linear -- dense layers against plain loops.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/linear.h"

#include "lib/nn/gemm.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

enum { N = 37, D = 19, K = 70 };

static float x[N * D], y[N * K], w[K * D], bias[K], dx[N * D], dw[K * D], dbias[K];
static double y_want[N * K], dx_want[N * D], dw_want[K * D], dbias_want[K];

static void fill(float *out, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        out[i] = (float)noise(noise_key(name), (uint32_t)i);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS is sound");
    fill(x, N * D, "x");
    fill(w, K * D, "w");
    fill(bias, K, "bias");
    for (int i = 0; i < N * K; i++)
        y_want[i] = bias[i % K];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < K; k++)
            for (int d = 0; d < D; d++)
                y_want[i * K + k] += (double)x[i * D + d] * w[k * D + d];
    linear_forward(NULL, y, x, w, bias, N, D, K);
    NEAR(tap_error(y, y_want, N * K), 0, 1e-6, "forward, with a bias");
    for (int i = 0; i < N * K; i++) {
        y_want[i] -= bias[i % K];
        y[i] = NAN;
    }
    linear_forward(NULL, y, x, w, NULL, N, D, K);
    NEAR(tap_error(y, y_want, N * K), 0, 1e-6, "forward, without; y is overwritten");

    /* y is now the gradient of the output */
    for (int i = 0; i < K * D; i++)
        dw_want[i] = dw[i] = 3;
    for (int i = 0; i < K; i++)
        dbias_want[i] = dbias[i] = 5;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < K; k++) {
            dbias_want[k] += y[i * K + k];
            for (int d = 0; d < D; d++) {
                dx_want[i * D + d] += (double)y[i * K + k] * w[k * D + d];
                dw_want[k * D + d] += (double)y[i * K + k] * x[i * D + d];
            }
        }
    linear_backward(NULL, dx, dw, dbias, y, x, w, N, D, K);
    NEAR(tap_error(dx, dx_want, N * D), 0, 1e-6, "gradient of the input");
    NEAR(tap_error(dw, dw_want, K * D), 0, 1e-6, "gradient of the weight, accumulated");
    NEAR(tap_error(dbias, dbias_want, K), 0, 1e-6, "gradient of the bias, accumulated");

    float again[K * D], sum[K];
    struct parallel *const pool = parallel_new(3, &err);
    for (int i = 0; i < K * D; i++)
        again[i] = 3;
    for (int i = 0; i < K; i++)
        sum[i] = 5;
    linear_backward(pool, NULL, again, sum, y, x, w, N, D, K);
    OK(memcmp(again, dw, sizeof dw) == 0 && memcmp(sum, dbias, sizeof dbias) == 0,
        "three threads, and no gradient of the input: the same bits");
    parallel_free(pool);
    return tap_done();
}
