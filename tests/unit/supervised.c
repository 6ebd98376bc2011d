/* supervised -- the layer that ends a supervised run: its gradients, how it begins, what it refuses.
 * Ten steps of it against PyTorch are in steps.c.
 * SPDX-License-Identifier: MIT */
#include "lib/train/supervised.h"

#include "lib/nn/gemm.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

enum { N = 9, D = 11, L = 4 };

static float h[N * D];
static const int64_t label[N] = {0, 1, 2, 3, -1, 1, 0, 3, 3};

static void fill(void)
{
    const uint32_t key = noise_key("h");
    for (int i = 0; i < N * D; i++)
        h[i] = (float)noise(key, (uint32_t)i);
}

/* The mean loss of weights w [L,D] and biases b [L], in double. */
static double naive(const double *x, const double *w, const double *b)
{
    double loss = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0, own = 0;
        for (int l = 0; l < L && label[i] >= 0; l++) {
            double logit = b[l];
            for (int d = 0; d < D; d++)
                logit += w[l * D + d] * x[i * D + d];
            sum += exp(logit);
            own = l == label[i] ? logit : own;
        }
        loss += label[i] >= 0 ? log(sum) - own : 0;
    }
    return loss / (N - 1);
}

/* One number in h, w or b, to both sides. */
static double slope(double *number, const double *x, const double *w, const double *b)
{
    double value[2];
    for (int side = 0; side < 2; side++) {
        *number += side ? 2e-4 : -1e-4;
        value[side] = naive(x, w, b);
    }
    *number -= 1e-4;
    return (value[1] - value[0]) / 2e-4;
}

static void gradients(void)
{
    struct err err = {0};
    struct softmax_result r;
    float grad[N * D];
    double x[N * D], w[L * D], b[L];
    struct supervised *const s = supervised_new(D, L, NULL, &err);
    const struct param *const p = supervised_params(s)->param;
    fill();
    supervised_init(s, 1, false);
    for (int i = 0; i < L * D; i++)
        w[i] = p[0].value[i] *= 50;
    for (int l = 0; l < L; l++)
        b[l] = p[1].value[l] = (float)l / 8;
    for (int i = 0; i < N * D; i++)
        x[i] = h[i];
    for (int again = 0; again < 2; again++) /* gradients are overwritten, not added up */
        OK(supervised_step(s, &r, grad, h, label, N, &err) == 0, "a step %s", err.text);
    OK(r.rows == N - 1, "rows with a label");
    NEAR(r.loss, naive(x, w, b), 1e-6, "the loss");
    for (int i = 0; i < N * D; i += 7)
        NEAR(grad[i], slope(&x[i], x, w, b), 1e-6, "slope of h %d", i);
    for (int i = 0; i < L * D; i += 5)
        NEAR(p[0].grad[i], slope(&w[i], x, w, b), 1e-6, "slope of weight %d", i);
    for (int l = 0; l < L; l++)
        NEAR(p[1].grad[l], slope(&b[l], x, w, b), 1e-6, "slope of bias %d", l);
    supervised_free(s);
}

static void beginnings(void)
{
    struct err err = {0};
    struct supervised *const s = supervised_new(500, 20, NULL, &err);
    const struct param *const p = supervised_params(s)->param;
    double square = 0;
    supervised_init(s, 1, false);
    for (size_t i = 0; i < p[0].count; i++)
        square += (double)p[0].value[i] * p[0].value[i];
    NEAR(sqrt(square / (double)p[0].count), 0.01, 3e-4, "fresh weights have deviation 0.01");
    OK(strcmp(p[0].name, "fc.weight") == 0 && p[0].shape[0] == 20 && p[0].shape[1] == 500 &&
            strcmp(p[1].name, "fc.bias") == 0 && p[1].count == 20 && p[1].value[19] == 0,
        "names and shapes are torchvision's");
    const float first = p[0].value[0];
    supervised_init(s, 2, false);
    OK(p[0].value[0] != first, "another seed, other weights");
    supervised_init(s, 1, true);
    OK(p[0].value[0] == 0 && p[0].value[9999] == 0, "or zeros");
    supervised_free(s);
}

static void refusals(void)
{
    struct err err = {0};
    struct softmax_result r;
    float grad[N * D];
    int64_t wrong[N] = {0};
    struct supervised *const s = supervised_new(D, L, NULL, &err);
    fill();
    supervised_init(s, 1, false);
    wrong[2] = L;
    OK(supervised_step(s, &r, grad, h, wrong, N, &err) == -1 && err.status == ERR_INPUT &&
            strstr(err.text, "label 4 of row 2 is not within 0 .. 3, nor -1") != NULL,
        "a label beyond the classes");
    err = (struct err){0};
    wrong[2] = -2;
    OK(supervised_step(s, &r, grad, h, wrong, N, &err) == -1 && err.status == ERR_INPUT,
        "a label below -1");
    err = (struct err){0};
    h[5 * D] = NAN;
    OK(supervised_step(s, &r, grad, h, label, N, &err) == -1 && err.status == ERR_FAILED &&
            strstr(err.text, "row 5") != NULL,
        "a feature that is not a number");
    err = (struct err){0};
    OK(supervised_new(1 << 20, 100, NULL, &err) == NULL && err.status == ERR_INPUT,
        "more weights than a header may ask for");
    supervised_free(s);
    supervised_free(NULL);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS is sound");
    gradients();
    beginnings();
    refusals();
    return tap_done();
}
