/* affinity -- against scikit-learn, and what must hold of any.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/affinity.h"

#include "lib/base/rng.h"
#include "lib/eval/pca.h"
#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

static double entry(const struct affinity *a, int i, int j)
{
    for (size_t e = a->begin[i]; e < a->begin[i + 1]; e++)
        if (a->column[e] == j)
            return a->p[e];
    return 0;
}

/* In order, symmetric, summing to 1. */
static void check(const struct affinity *a, const char *name)
{
    double sum = 0;
    int wrong = 0;
    for (int i = 0; i < a->rows; i++)
        for (size_t e = a->begin[i]; e < a->begin[i + 1]; e++) {
            sum += a->p[e];
            wrong += a->column[e] == i || (e > a->begin[i] && a->column[e] <= a->column[e - 1]) ||
                     (double)a->p[e] != entry(a, a->column[e], i);
        }
    OK(wrong == 0, "%s: in order and symmetric", name);
    NEAR(sum, 1, 1e-6, "%s: the sum is 1", name);
}

static void test_golden(void)
{
    struct err err = {0};
    int64_t shape[2], rows[2];
    float *const x = golden_get("x", DTYPE_F32, 2, shape);
    float *const p = golden_get("p", DTYPE_F32, 2, rows);
    const int n = (int)shape[0];
    struct affinity a = {0};
    double worst = 0, most = 0;
    const double scale = pca_center(x, n, (int)shape[1], &err);
    OK(scale > 0 && affinity_find(&a, x, n, (int)shape[1], 20, affinity_neighbors(n, 20), NULL,
                        NULL, &err) == 0,
        "affinities are found %s", err.text);
    for (int i = 0; i < rows[0]; i++)
        for (int j = 0; j < n; j++) {
            worst = fmax(worst, fabs(entry(&a, i, j) - p[i * n + j]));
            most = fmax(most, p[i * n + j]);
        }
    OK(worst < 1e-4 * most, "scikit-learn's, within %.2g of %.2g", worst, most);
    check(&a, "golden");
    affinity_free(&a);
    free(x);
    free(p);
}

static double perplexity_of(const float *p, int n)
{
    double entropy = 0;
    for (int i = 0; i < n; i++)
        entropy -= p[i] > 0 ? p[i] * log((double)p[i]) : 0;
    return exp(entropy);
}

static void test_row(void)
{
    double square[90];
    float p[90];
    struct rng rng = rng_key(1, 0, 0, 0, "affinity");
    for (int i = 0; i < 90; i++)
        square[i] = pow(rng_uniform(&rng) + i, 2);
    for (int e = -200; e <= 60; e += 65) {
        double scaled[90];
        for (int i = 0; i < 90; i++)
            scaled[i] = square[i] * pow(10, e);
        affinity_row(p, scaled, 90, 30);
        NEAR(perplexity_of(p, 90), 30, 1e-4, "perplexity 30 at scale 1e%d", e);
    }
    affinity_row(p, square, 90, 1);
    OK(p[0] > 0.999F && p[1] < 1e-3F, "perplexity 1 is the nearest alone");
    memset(square, 0, sizeof square);
    affinity_row(p, square, 90, 30);
    OK(p[0] == p[89] && fabsf(p[0] - 1 / 90.0F) < 1e-7F, "copies are all the same");
    square[89] = 1e30;
    affinity_row(p, square, 90, 30);
    OK(p[0] > 0.0112F && p[89] < 1e-6F, "and one far away does not change that");
}

static void test_few(void)
{
    struct err err = {0};
    const float x[] = {0, 0, 1, 0, 0, 1, 0, 0};
    OK(affinity_perplexity(4, 30) == 1 && affinity_perplexity(1, 30) == 1 &&
            affinity_perplexity(31, 30) == 10 && affinity_perplexity(1000, 30) == 30,
        "perplexity is at most a third of the others");
    OK(affinity_neighbors(1, 1) == 0 && affinity_neighbors(2, 1) == 1 &&
            affinity_neighbors(31, 10) == 30 && affinity_neighbors(1000, 30) == 91,
        "and neighbours are three times as many, and one");
    for (int n = 1; n <= 4; n++) {
        struct affinity a = {0};
        OK(affinity_find(&a, x, n, 2, 1, affinity_neighbors(n, 1), NULL, NULL, &err) == 0,
            "%d rows", n);
        if (n > 1)
            check(&a, "few");
        else
            OK(a.begin[1] == 0, "one has no neighbours");
        affinity_free(&a);
    }
}

static void test_threads(void)
{
    enum { ROWS = 700, WIDTH = 24 };
    static float x[ROWS * WIDTH];
    struct err err = {0};
    struct affinity a = {0}, b = {0};
    struct rng rng = rng_key(2, 0, 0, 0, "affinity");
    for (int i = 0; i < ROWS * WIDTH; i++)
        x[i] = (float)rng_normal(&rng) * (i < 100 * WIDTH ? 0 : 1); /* copies too */
    struct parallel *const parallel = parallel_new(3, &err);
    affinity_find(&a, x, ROWS, WIDTH, 30, 91, NULL, NULL, &err);
    affinity_find(&b, x, ROWS, WIDTH, 30, 91, NULL, parallel, &err);
    check(&a, "copies");
    OK(a.begin[ROWS] == b.begin[ROWS] && memcmp(a.p, b.p, a.begin[ROWS] * sizeof *a.p) == 0 &&
            memcmp(a.column, b.column, a.begin[ROWS] * sizeof *a.column) == 0,
        "one thread and three: the same bits");
    affinity_free(&a);
    affinity_free(&b);
    parallel_free(parallel);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    golden_open("tests/golden/map.safetensors");
    test_golden();
    safetensors_free(&golden);
    test_row();
    test_few();
    test_threads();
    return tap_done();
}
