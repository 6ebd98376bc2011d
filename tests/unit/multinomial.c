/* multinomial -- against a plain twin in double, and finite differences of that twin.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/multinomial.h"

#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 700, D = 5, L = 4 };

static struct features make(bool bytes, int *index)
{
    struct features f = {.source = "test", .rows = ROWS, .width = D};
    struct rng rng = rng_key(1, 0, 0, 0, "multinomial");
    f.value = malloc(ROWS * D * sizeof *f.value);
    f.byte = malloc(ROWS * D);
    for (int i = 0; i < ROWS * D; i++) {
        f.value[i] = (float)(rng_normal(&rng) * (1 + i % D) + 3 * (i % D));
        f.byte[i] = (uint8_t)rng_below(&rng, 256);
    }
    for (int i = 0; i < ROWS; i++) {
        f.value[i * D + 2] = 7; /* a feature that does not vary */
        index[i] = (int)rng_below(&rng, L);
    }
    free(bytes ? (void *)f.value : (void *)f.byte);
    if (bytes)
        f.value = NULL;
    else
        f.byte = NULL;
    return f;
}

/* The objective over the rows from, from+step, ... as its definition says. */
static double twin(const struct features *f, const int *index, const double *x, double l2, int from,
    int step, int *right)
{
    double mean[D], deviation[D], loss = 0, square = 0;
    int rows = 0;
    *right = 0;
#define FEATURE(i, d) (f->value != NULL ? f->value[(i)*D + (d)] : f->byte[(i)*D + (d)] / 255.0)
    for (int d = 0; d < D; d++) {
        mean[d] = deviation[d] = 0;
        for (int i = 0; i < ROWS; i++)
            mean[d] += FEATURE(i, d) / ROWS;
        for (int i = 0; i < ROWS; i++)
            deviation[d] += (FEATURE(i, d) - mean[d]) * (FEATURE(i, d) - mean[d]) / ROWS;
        deviation[d] = sqrt(deviation[d]);
    }
    for (int i = from; i < ROWS; i += step, rows++) {
        double logit[L], sum = 0;
        int best = 0;
        for (int l = 0; l < L; l++) {
            logit[l] = x[L * D + l];
            for (int d = 0; d < D; d++)
                logit[l] += deviation[d] > 1e-9
                                ? x[l * D + d] * (FEATURE(i, d) - mean[d]) / deviation[d]
                                : 0;
            sum += exp(logit[l]);
            best = logit[l] > logit[best] ? l : best;
        }
        loss += log(sum) - logit[index[i]];
        *right += best == index[i];
    }
#undef FEATURE
    for (int i = 0; i < L * D; i++)
        square += x[i] * x[i];
    return loss / rows + l2 / 2 * square;
}

static void test(bool bytes, bool subset)
{
    struct err err = {0};
    struct multinomial m;
    static int index[ROWS], row[ROWS];
    struct features f = make(bytes, index);
    double x[L * (D + 1)], g[L * (D + 1)], again[L * (D + 1)];
    struct rng rng = rng_key(2, 0, 0, 0, "x");
    const char *const what = bytes ? "bytes" : "floats";
    for (int i = 0; i < L * (D + 1); i++)
        x[i] = rng_normal(&rng);
    OK(multinomial_init(&m, &f, index, L, NULL, &err) == 0, "prepares for %s", what);
    OK(multinomial_size(&m) == L * (D + 1), "counts its parameters");
    m.l2 = 0.3;
    if (subset) {
        m.row = row;
        m.rows = 0;
        for (int i = 1; i < ROWS; i += 3)
            row[m.rows++] = i;
    }
    const int from = subset, step = subset ? 3 : 1;
    int right, wanted;
    const double value = multinomial_value(&m, g, x);
    NEAR(value, twin(&f, index, x, 0.3, from, step, &wanted), 1e-6, "the value is the twin's");
    double error = 0;
    for (int i = 0; i < L * (D + 1); i++) {
        int unused;
        const double at = x[i], h = 1e-5;
        x[i] = at + h;
        const double high = twin(&f, index, x, 0.3, from, step, &unused);
        x[i] = at - h;
        const double low = twin(&f, index, x, 0.3, from, step, &unused);
        x[i] = at;
        error = fmax(error, fabs((high - low) / (2 * h) - g[i]));
    }
    NEAR(error, 0, 1e-6, "the gradient is that of finite differences");
    NEAR(multinomial_judge(&m, &right, x), twin(&f, index, x, 0, from, step, &wanted), 1e-6,
        "the loss without the penalty");
    OK(right == wanted, "%d right answers", right);
    multinomial_free(&m);

    struct parallel *const parallel = parallel_new(3, &err);
    multinomial_init(&m, &f, index, L, parallel, &err);
    m.l2 = 0.3;
    m.row = subset ? row : NULL;
    m.rows = subset ? (ROWS + 1) / 3 : ROWS;
    OK(multinomial_value(&m, again, x) == value && memcmp(g, again, sizeof g) == 0,
        "three threads: the same bits");
    multinomial_free(&m);
    parallel_free(parallel);
    free(f.value);
    free(f.byte);
}

static void test_few(void)
{
    struct err err = {0};
    struct multinomial m;
    float value[] = {1, 2, 4};
    const int index[] = {0, 1, 1};
    struct features f = {.source = "few", .rows = 3, .width = 1, .value = value};
    double x[4] = {0}, g[4];
    OK(multinomial_init(&m, &f, index, 2, NULL, &err) == 0, "fewer rows than chunks");
    NEAR(multinomial_value(&m, g, x), log(2), 1e-7, "a loss of ln 2 at 0");
    NEAR(g[2], -1 / 3.0 + 0.5, 1e-7, "the gradient of a bias is mean probability minus share");
    multinomial_free(&m);
    value[1] = 1e38F;
    value[2] = -3e38F;
    OK(multinomial_init(&m, &f, index, 2, NULL, &err) == -1 && err.status == ERR_FAILED,
        "features too large for f32 are refused");
    multinomial_free(&m);
}

/* Batches as they are: two windows add up to what the definition says. */
static void test_batches(void)
{
    enum { FEW = 100, SIZE = L * (D + 1) };
    struct err err = {0};
    struct multinomial m;
    float value[FEW * D];
    int index[FEW], right = 0, wanted = 0;
    double x[SIZE], g[SIZE] = {0}, loss = 0, sum = 0, error = 0;
    struct rng rng = rng_key(4, 0, 0, 0, "batches");
    for (int i = 0; i < FEW * D; i++)
        value[i] = (float)rng_normal(&rng);
    for (int i = 0; i < FEW; i++)
        index[i] = (int)rng_below(&rng, L);
    for (int i = 0; i < SIZE; i++)
        x[i] = rng_normal(&rng);
    struct features window = {.source = "window", .width = D};
    OK(multinomial_batches(&m, &window, L, 60, NULL, &err) == 0, "takes batches");
    for (int from = 0; from < FEW; from += 60) { /* the second is shorter */
        window.value = value + from * D;
        m.index = index + from;
        window.rows = m.rows = from == 0 ? 60 : FEW - 60;
        loss += multinomial_add(&m, g, &right, x);
    }
    double probability[FEW][L];
    for (int i = 0; i < FEW; i++) {
        double total = 0;
        int best = 0;
        for (int l = 0; l < L; l++) {
            probability[i][l] = x[L * D + l];
            for (int d = 0; d < D; d++)
                probability[i][l] += x[l * D + d] * value[i * D + d];
            best = probability[i][l] > probability[i][best] ? l : best;
        }
        wanted += best == index[i];
        sum -= probability[i][index[i]];
        for (int l = 0; l < L; l++)
            total += probability[i][l] = exp(probability[i][l]);
        sum += log(total);
        for (int l = 0; l < L; l++)
            probability[i][l] /= total;
    }
    for (int l = 0; l < L; l++)
        for (int d = 0; d <= D; d++) {
            double slope = 0;
            for (int i = 0; i < FEW; i++)
                slope += (probability[i][l] - (index[i] == l)) * (d < D ? value[i * D + d] : 1);
            error = fmax(error, fabs(slope - g[d < D ? l * D + d : L * D + l]));
        }
    NEAR(loss, sum, 1e-4, "losses add up");
    NEAR(error, 0, 1e-4, "and so do gradients");
    OK(right == wanted, "and right answers: %d", right);
    multinomial_free(&m);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    test(false, false);
    test(true, false);
    test(false, true);
    test_few();
    test_batches();
    return tap_done();
}
