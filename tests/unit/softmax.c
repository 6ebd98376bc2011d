/* softmax -- against a naive twin in double and finite differences; unknown labels, ties, threads.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/softmax.h"

#include "lib/base/err.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

enum { N = 131, L = 17 };

static float logit[N * L];
static int64_t label[N];

static void fill(double scale)
{
    const uint32_t key = noise_key("logits");
    for (int i = 0; i < N * L; i++)
        logit[i] = (float)(scale * noise(key, (uint32_t)i));
    for (int i = 0; i < N; i++)
        label[i] = i % 5 == 3 ? -1 : (i * 7) % L;
}

/* The mean loss, in double; gradient [N,L] overwritten unless NULL. */
static double naive(double *gradient, const double *x, int *right)
{
    double loss = 0;
    int rows = 0;
    *right = 0;
    for (int i = 0; i < N; i++)
        rows += label[i] >= 0;
    for (int i = 0; i < N; i++) {
        const double *const row = x + i * L;
        double sum = 0, top = row[0];
        int best = 0;
        for (int l = 1; l < L; l++)
            if (row[l] > top)
                top = row[best = l];
        for (int l = 0; l < L; l++)
            sum += exp(row[l] - top);
        for (int l = 0; l < L && gradient != NULL; l++)
            gradient[i * L + l] =
                label[i] < 0 ? 0 : (exp(row[l] - top) / sum - (l == label[i])) / rows;
        if (label[i] < 0)
            continue;
        loss += log(sum) + top - row[label[i]];
        *right += best == label[i];
    }
    return loss / rows;
}

static void against_twin(double scale, double bound)
{
    static double x[N * L], gradient[N * L];
    static float got[N * L];
    struct softmax_row row[N];
    int right, rows = 0;
    fill(scale);
    for (int i = 0; i < N * L; i++)
        x[i] = got[i] = logit[i];
    for (int i = 0; i < N; i++)
        rows += label[i] >= 0;
    const double loss = naive(gradient, x, &right);
    const struct softmax_result r = softmax_mean(NULL, got, row, label, N, L);
    NEAR(r.loss, loss, bound * (1 + loss), "logits up to %g: loss", scale);
    NEAR(tap_error(got, gradient, N * L), 0, bound, "logits up to %g: gradient", scale);
    OK(r.right == right && r.rows == rows, "%d of %d rows right", right, rows);
    float zero = 0;
    for (int i = 0; i < N; i++)
        for (int l = 0; l < L && label[i] < 0; l++)
            zero += fabsf(got[i * L + l]);
    OK(zero == 0, "no gradient for an unknown label");
}

static void finite_differences(void)
{
    static double x[N * L];
    static float got[N * L];
    struct softmax_row row[N];
    int right;
    fill(2);
    memcpy(got, logit, sizeof got);
    softmax_mean(NULL, got, row, label, N, L);
    for (int at = 5; at < N * L; at += 401) {
        double value[2];
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < N * L; i++)
                x[i] = logit[i];
            x[at] += side ? 1e-4 : -1e-4;
            value[side] = naive(NULL, x, &right);
        }
        NEAR(got[at], (value[1] - value[0]) / 2e-4, 1e-8, "slope of logit %d", at);
    }
}

static void bits(void)
{
    static float one[N * L], other[N * L];
    struct softmax_row row[N];
    struct err err = {0};
    fill(3);
    memcpy(one, logit, sizeof one);
    const struct softmax_result a = softmax_mean(NULL, one, row, label, N, L);
    for (int threads = 1; threads <= 3; threads++) {
        struct parallel *const parallel = parallel_new(threads, &err);
        memcpy(other, logit, sizeof other);
        const struct softmax_result b = softmax_mean(parallel, other, row, label, N, L);
        OK(a.loss == b.loss && a.right == b.right && memcmp(one, other, sizeof one) == 0,
            "%d threads: the same bits", threads);
        parallel_free(parallel);
    }
}

static void edges(void)
{
    float two[] = {1, 1}, far[] = {3e38F, -3e38F}, some[] = {1, 2, 3, 4};
    struct softmax_row row = softmax_row(two, 2, 0), rows[2];
    OK(row.right && two[0] == -0.5F && two[1] == 0.5F, "among equals the first is the answer");
    NEAR(row.loss, log(2), 1e-9, "the loss of a tie is ln 2");
    two[0] = two[1] = 1;
    row = softmax_row(two, 2, 1);
    OK(!row.right, "and the second is not");
    row = softmax_row(far, 2, 1);
    OK(isfinite(row.loss) && far[0] == 1 && far[1] == -1, "logits as far apart as f32 goes");
    const struct softmax_result none = softmax_mean(NULL, some, rows, (int64_t[]){-1, -1}, 2, 2);
    OK(none.loss == 0 && none.rows == 0 && none.right == 0 && some[0] == 0 && some[3] == 0,
        "no label at all: no loss, no gradient");
}

int main(void)
{
    against_twin(1, 1e-6);
    against_twin(30, 1e-6);
    finite_differences();
    bits();
    edges();
    return tap_done();
}
