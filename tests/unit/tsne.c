/* tsne -- the gradient against finite differences and scikit-learn, trees against all pairs, and whether
 * neighbourhoods stay.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/tsne.h"

#include "lib/base/rng.h"
#include "lib/eval/distance.h"
#include "lib/eval/pca.h"
#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

static struct affinity affinity_of(float *x, int rows, int width, double perplexity)
{
    struct err err = {0};
    struct affinity a = {0};
    if (pca_center(x, rows, width, &err) < 0 ||
        affinity_find(&a, x, rows, width, perplexity, affinity_neighbors(rows, perplexity), NULL,
            NULL, &err) < 0)
        OK(0, "%s", err.text);
    return a;
}

static float *draw(int rows, int width)
{
    float *const x = malloc((size_t)rows * (size_t)width * sizeof *x);
    struct rng rng = rng_key(3, 0, rows, 0, "tsne");
    for (int i = 0; i < rows * width; i++)
        x[i] = (float)(rng_normal(&rng) + 4 * (i / width % 5 == i % width));
    return x;
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

/* The twin's gradient is that of its divergence. */
static void test_differences(void)
{
    enum { N = 40 };
    const double h = 1e-5;
    float *const x = draw(N, 6);
    struct affinity a = affinity_of(x, N, 6, 5);
    double y[2 * N], gradient[2 * N], unused[2 * N], difference[2 * N];
    struct rng rng = rng_key(4, 0, 0, 0, "tsne");
    for (int i = 0; i < 2 * N; i++)
        y[i] = rng_normal(&rng);
    tsne_naive(gradient, y, &a, 1);
    for (int i = 0; i < 2 * N; i++) {
        const double before = y[i];
        y[i] = before + h;
        const double above = tsne_naive(unused, y, &a, 1);
        y[i] = before - h;
        difference[i] = (above - tsne_naive(unused, y, &a, 1)) / (2 * h);
        y[i] = before;
    }
    /* The sum of P, of f32, is 1 to about 1e-8. */
    NEAR(worst(gradient, difference, 2 * N), 0, 1e-6, "the twin against finite differences");
    affinity_free(&a);
    free(x);
}

static void test_golden(void)
{
    int64_t shape[2];
    float *const x = golden_get("x", DTYPE_F32, 2, shape);
    double *const y = golden_get("y", DTYPE_F64, 2, NULL);
    double *const wanted = golden_get("gradient", DTYPE_F64, 2, NULL);
    double *const divergence = golden_get("divergence", DTYPE_F64, 1, NULL);
    const int n = (int)shape[0];
    double *const gradient = malloc(2 * (size_t)n * sizeof *gradient);
    struct affinity a = affinity_of(x, n, (int)shape[1], 20);
    NEAR(tsne_naive(gradient, y, &a, 1), *divergence, 1e-4 * *divergence,
        "the twin has scikit-learn's divergence");
    NEAR(worst(gradient, wanted, 2 * n), 0, 1e-4, "and its gradient");
    affinity_free(&a);
    free(x);
    free(y);
    free(wanted);
    free(divergence);
    free(gradient);
}

/* The fast ways against the twin, at clouds of several sizes; the same bits with three threads. */
static void test_ways(int n, double size, double theta, double tolerance)
{
    struct err err = {0};
    float *const x = draw(n, 8);
    struct affinity a = affinity_of(x, n, 8, 10);
    struct parallel *const parallel = parallel_new(3, &err);
    struct tsne *const one = tsne_new(&a, theta, NULL, &err);
    struct tsne *const three = tsne_new(&a, theta, parallel, &err);
    const size_t bytes = 2 * (size_t)n * sizeof(double);
    double *const y = malloc(bytes), *const g = malloc(bytes), *const h = malloc(bytes);
    double *const twin = malloc(bytes);
    struct rng rng = rng_key(5, 0, n, 0, "tsne");
    for (int i = 0; i < 2 * n; i++) /* five heaps */
        y[i] = size * (rng_normal(&rng) + (i / 2 % 5 == 3 - i % 2) * 6);
    memcpy(y + 2, y, 2 * sizeof *y); /* a copy */
    for (int exaggeration = 1; exaggeration <= 12; exaggeration += 11) {
        tsne_naive(twin, y, &a, exaggeration);
        const double z = tsne_gradient(g, y, one, exaggeration);
        NEAR(worst(g, twin, 2 * n), 0, tolerance, "%d points over %g, theta %g, exaggeration %d", n,
            size, theta, exaggeration);
        OK(z == tsne_gradient(h, y, three, exaggeration) && memcmp(g, h, bytes) == 0,
            "the same bits with three threads");
    }
    tsne_free(one);
    tsne_free(three);
    parallel_free(parallel);
    affinity_free(&a);
    free(x);
    free(y);
    free(g);
    free(h);
    free(twin);
}

/* Of how many rows [N] is j nearer to i than `to` is? Ties by number. */
static int rank_of(const float *x, int n, int width, int i, int to)
{
    const float far = distance_of(x + i * width, x + to * width, width);
    int rank = 1;
    for (int j = 0; j < n; j++) {
        const float d = distance_of(x + i * width, x + j * width, width);
        rank += j != i && (d < far || (d == far && j < to));
    }
    return rank;
}

/* Source: Venna & Kaski 2001, as in sklearn.manifold.trustworthiness. */
static double trust(const float *x, int width, const double *y, int n, int k)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            const double far = hypot(y[2 * i] - y[2 * j], y[2 * i + 1] - y[2 * j + 1]);
            int nearer = 0;
            for (int l = 0; l < n; l++)
                nearer += l != i && hypot(y[2 * i] - y[2 * l], y[2 * i + 1] - y[2 * l + 1]) < far;
            if (j != i && nearer < k)
                sum += fmax(0, rank_of(x, n, width, i, j) - k);
        }
    return 1 - 2 * sum / ((double)n * k * (2.0 * n - 3 * k - 1));
}

static void test_trust(void)
{
    int64_t shape[2];
    float *const x = golden_get("x", DTYPE_F32, 2, shape);
    double *const wanted = golden_get("trust", DTYPE_F64, 2, NULL);
    const int n = (int)shape[0], width = (int)shape[1];
    struct err err = {0};
    double *const at = malloc(2 * (size_t)n * sizeof *at), *const y =
                                                               malloc(2 * (size_t)n * sizeof *y);
    double *const axis = malloc(2 * (size_t)width * sizeof *axis), deviation[2], share[2];
    int64_t *const id = calloc((size_t)n, sizeof *id);
    struct affinity a = affinity_of(x, n, width, 20);
    struct pca pca = {2, PCA_DENSE, 0, at, axis, deviation, share};
    pca_fit(&pca, x, n, width, 1, NULL, &err);
    for (int way = 0; way < 2; way++) {
        struct tsne *const t = tsne_new(&a, way * 0.5, NULL, &err);
        memcpy(y, at, 2 * (size_t)n * sizeof *y);
        tsne_start(y, n, 0, id);
        const double divergence = tsne_descend(y, t, TSNE_ITERATIONS, NULL);
        double mean = 0;
        for (int i = 0; i < n; i++)
            mean += y[2 * i];
        OK(divergence > 0 && divergence < 3 && fabs(mean) < 1e-9, "divergence %.3f", divergence);
        for (int k = 0; k < 2; k++) {
            const double got = trust(x, width, y, n, k == 0 ? 5 : 12);
            OK(got > wanted[way * 2 + k] - 0.02,
                "theta %g: trustworthiness %.4f, scikit-learn %.4f", way * 0.5, got,
                wanted[way * 2 + k]);
        }
        tsne_free(t);
    }
    affinity_free(&a);
    free(x);
    free(wanted);
    free(at);
    free(y);
    free(axis);
    free(id);
}

static void test_start(void)
{
    double y[] = {3, 1, -3, 1, 0, -2}, line[] = {1, 0, 2, 0, -3, 0}, none[6] = {0};
    const int64_t id[] = {0, 1, 2};
    tsne_start(y, 3, 0, id);
    NEAR(hypot(y[0], y[2]), sqrt(3) * TSNE_START, 1e-12, "the first coordinate has its deviation");
    NEAR(y[1] / y[0], 1.0 / 3, 1e-12, "and the second is as it was to it");
    tsne_start(line, 3, 0, id);
    OK(line[1] != 0 && line[1] != line[3] && fabs(line[1]) < TSNE_START, "a line is no line");
    tsne_start(none, 3, 0, id);
    OK(none[0] == 0 && none[5] == 0, "one place stays one place");
}

static void test_few(void)
{
    struct err err = {0};
    for (int n = 1; n <= 3; n++)
        for (int way = 0; way < 2; way++) {
            float x[] = {0, 0, 1, 0, 0, 3};
            double y[] = {1, 0, -1, 0, 0, 2}, mean = 0;
            const int64_t id[] = {5, 6, 7};
            struct affinity a = affinity_of(x, n, 2, 1);
            struct tsne *const t = tsne_new(&a, way, NULL, &err);
            tsne_start(y, n, 0, id);
            const double divergence = tsne_descend(y, t, 300, NULL);
            for (int i = 0; i < 2 * n; i++)
                mean += fabs(y[i]);
            OK(isfinite(divergence) && isfinite(mean) && (n == 1) == (mean == 0), "%d points: %g",
                n, mean);
            tsne_free(t);
            affinity_free(&a);
        }
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    test_differences();
    golden_open("tests/golden/map.safetensors");
    test_golden();
    test_trust();
    safetensors_free(&golden);
    test_ways(90, 1, 0, 1e-5);
    test_ways(1203, 10, 0, 1e-5);
    test_ways(1203, 1e-4, 0, 1e-5);
    test_ways(1203, 10, 1e-3, 1e-5);
    test_ways(1203, 10, 0.5, 3e-2);
    test_ways(2000, 30, 0.5, 3e-2);
    test_ways(1203, 1e-4, 0.5, 3e-2);
    test_start();
    test_few();
    return tap_done();
}
