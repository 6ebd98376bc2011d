/* pca -- against scikit-learn, and one way against the other.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/pca.h"

#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

enum { K = 3 };

struct result {
    double *score, *axis, deviation[K], share[K], scale;
};

static struct result run(const float *x, int rows, int width, int dense, int threads)
{
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    const size_t numbers = (size_t)rows * (size_t)width;
    float *const value = malloc(numbers * sizeof *value);
    struct result r = {.score = malloc((size_t)rows * K * sizeof *r.score),
        .axis = malloc((size_t)width * K * sizeof *r.axis)};
    memcpy(value, x, numbers * sizeof *value);
    r.scale = pca_center(value, rows, width, &err);
    struct pca pca = {.components = K,
        .dense = dense,
        .score = r.score,
        .axis = r.axis,
        .deviation = r.deviation,
        .share = r.share};
    if (pca_fit(&pca, value, rows, width, r.scale, parallel, &err) < 0)
        OK(0, "%s", err.text);
    free(value);
    parallel_free(parallel);
    return r;
}

static void release(struct result *r)
{
    free(r->score);
    free(r->axis);
}

static double worst(const double *a, const double *b, int n)
{
    double most = 0, size = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(a[i] - b[i]));
        size = fmax(size, fabs(b[i]));
    }
    return most / size;
}

static void test_golden(const char *name, int dense)
{
    char path[40];
    int64_t shape[2];
    float *const x = golden_get(name, DTYPE_F32, 2, shape);
    snprintf(path, sizeof path, "%s.score", name);
    double *const score = golden_get(path, DTYPE_F64, 2, NULL);
    snprintf(path, sizeof path, "%s.axis", name);
    double *const axis = golden_get(path, DTYPE_F64, 2, NULL);
    snprintf(path, sizeof path, "%s.share", name);
    double *const share = golden_get(path, DTYPE_F64, 1, NULL);
    const int rows = (int)shape[0], width = (int)shape[1];
    struct result r = run(x, rows, width, dense, 2);
    NEAR(worst(r.score, score, rows * K), 0, 1e-5, "%s: scikit-learn's coordinates, signs included",
        name);
    NEAR(worst(r.axis, axis, width * K), 0, 1e-5, "%s: its axes", name);
    NEAR(worst(r.share, share, K), 0, 1e-6, "%s: its shares of the variance", name);
    double square = 0;
    for (int i = 0; i < rows; i++)
        square += r.score[i * K + 1] * r.score[i * K + 1];
    NEAR(r.deviation[1], sqrt(square / rows), 1e-9 * r.deviation[1], "%s: and deviations", name);
    release(&r);
    free(x);
    free(score);
    free(axis);
    free(share);
}

static float *draw(int rows, int width, double first, double second)
{
    float *const x = malloc((size_t)rows * (size_t)width * sizeof *x);
    float *const axis = malloc(2 * (size_t)width * sizeof *axis);
    struct rng rng = rng_key(rows, 0, width, 0, "pca");
    for (int d = 0; d < 2 * width; d++)
        axis[d] = (float)rng_normal(&rng);
    for (int i = 0; i < rows; i++) {
        const double a = first * rng_normal(&rng), b = second * rng_normal(&rng);
        for (int d = 0; d < width; d++)
            x[i * width + d] = (float)(a * axis[d] + b * axis[width + d] + rng_normal(&rng));
    }
    free(axis);
    return x;
}

static void test_ways(int rows, int width)
{
    float *const x = draw(rows, width, 3, 2);
    struct result dense = run(x, rows, width, PCA_DENSE, 1), other = run(x, rows, width, 1, 1);
    struct result more = run(x, rows, width, 1, 3), again = run(x, rows, width, PCA_DENSE, 3);
    for (int j = 0; j < 2; j++) {
        double most = 0;
        for (int i = 0; i < rows; i++)
            most = fmax(most, fabs(dense.score[i * K + j] - other.score[i * K + j]));
        OK(most < 1e-4 * dense.deviation[j], "%d x %d: component %d both ways: %.2g of %.2g", rows,
            width, j, most, dense.deviation[j]);
    }
    const size_t bytes = (size_t)rows * K * sizeof *dense.score;
    OK(memcmp(dense.score, again.score, bytes) == 0 && memcmp(other.score, more.score, bytes) == 0,
        "the same bits with three threads");
    release(&dense);
    release(&other);
    release(&more);
    release(&again);
    free(x);
}

/* Rows of few directions: what is left is exactly 0. */
static void test_rank(void)
{
    const float line[] = {1, 2, 3, 2, 4, 6, -1, -2, -3, 5, 10, 15};
    const float one[] = {4, 8, 3, 1, 0};
    const float equal[] = {0.1F, 1e30F, 0.1F, 1e30F, 0.1F, 1e30F};
    const float large[] = {3e38F, 0, -3e38F, 1e38F, 3e38F, -1e38F, 0, 0};
    const float small[] = {1e-44F, 0, 0, 1e-44F, 0, 0, 3e-44F, 3e-44F};
    struct result r = run(line, 4, 3, PCA_DENSE, 1);
    OK(r.score[1] == 0 && r.score[2] == 0 && r.share[1] == 0 && fabs(r.share[0] - 1) < 1e-6 &&
            fabs(r.score[9] - r.score[0] - 4 * sqrt(14)) < 1e-5,
        "a line has one component");
    release(&r);
    r = run(one, 5, 1, PCA_DENSE, 1);
    OK(fabs(r.score[0] - 0.8) < 1e-6 && r.score[1] == 0 && r.axis[0] == 1, "so have numbers");
    release(&r);
    r = run(equal, 3, 2, PCA_DENSE, 1);
    OK(r.scale == 0 && r.score[0] == 0 && r.score[5] == 0 && r.share[0] == 0,
        "equal rows have none");
    release(&r);
    r = run(one, 1, 5, PCA_DENSE, 1);
    OK(r.scale == 0 && r.score[0] == 0 && r.score[1] == 0, "nor has one row");
    release(&r);
    r = run(large, 4, 2, PCA_DENSE, 1);
    OK(isfinite(r.score[0]) && fabs(r.share[0] + r.share[1] - 1) < 1e-6,
        "numbers near the largest");
    release(&r);
    r = run(small, 4, 2, PCA_DENSE, 1);
    OK(r.score[0] != 0 && fabs(r.share[0] + r.share[1] - 1) < 1e-6, "and near the smallest");
    release(&r);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    golden_open("tests/golden/map.safetensors");
    test_golden("tall", PCA_DENSE);
    test_golden("wide", PCA_DENSE);
    test_golden("tall", 1);
    test_golden("wide", 1);
    safetensors_free(&golden);
    test_ways(1300, 40);
    test_ways(30, 1700);
    test_rank();
    return tap_done();
}
