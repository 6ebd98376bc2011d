/* knn -- against scikit-learn, and against all similarities sorted by a plain twin.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/knn.h"

#include "lib/base/rng.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static struct features set(int rows, int width, int classes, int64_t seed)
{
    struct features f = {.source = "set", .rows = rows, .width = width};
    f.value = malloc((size_t)rows * (size_t)width * sizeof *f.value);
    f.label = malloc((size_t)rows * sizeof *f.label);
    f.id = malloc((size_t)rows * sizeof *f.id);
    struct rng rng = rng_key(seed, 0, 0, 0, "knn");
    for (int i = 0; i < rows; i++) {
        f.label[i] = (int)rng_below(&rng, classes);
        f.id[i] = i;
        for (int d = 0; d < width; d++)
            f.value[i * width + d] = (float)(rng_normal(&rng) + (d == f.label[i]));
    }
    return f;
}

static double cosine(const struct features *a, int i, const struct features *b, int j)
{
    double ab = 0, aa = 0, bb = 0;
    for (int d = 0; d < a->width; d++) {
        const double x = a->value[i * a->width + d], y = b->value[j * b->width + d];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* The rank of the true class, and whether the verdict hangs on less than rounding. */
static int twin(bool *close, const struct features *train, const struct features *test, int row,
    int k, double temperature, int classes)
{
    double *const s = malloc((size_t)train->rows * sizeof *s), votes[100] = {0};
    double last = INFINITY;
    for (int j = 0; j < train->rows; j++)
        s[j] = cosine(test, row, train, j);
    for (int n = 0; n < k; n++) {
        int best = 0;
        for (int j = 1; j < train->rows; j++)
            best = s[j] > s[best] ? j : best;
        last = s[best];
        votes[train->label[best]] += exp(s[best] / temperature);
        s[best] = -INFINITY;
    }
    *close = false;
    for (int j = 0; j < train->rows; j++)
        *close |= fabs(s[j] - last) < 1e-6;
    int rank = 0;
    const int own = test->label[row];
    for (int l = 0; l < classes; l++) {
        rank += votes[l] > votes[own];
        *close |= l != own && votes[own] > 0 && fabs(votes[l] / votes[own] - 1) < 1e-5;
    }
    free(s);
    return votes[own] > 0 ? rank : rank > 5 ? rank : 5;
}

static void test_twin(int rows, int width, int k, double temperature)
{
    struct features train = set(rows, width, 20, 1), test = set(300, width, 20, 2);
    const struct knn_options options = {.neighbors = k, .temperature = temperature};
    struct err err = {0};
    int rank[300], again[300], predicted[300], good = 0, close = 0, consistent = 0;
    OK(knn_score(rank, predicted, &train, &test, &options, NULL, &err) == 0, "%d of %d neighbours",
        k, rows);
    for (int i = 0; i < 300; i++) {
        bool unsure;
        const int wanted = twin(&unsure, &train, &test, i, k, temperature, 20);
        const bool same = rank[i] == wanted || (rank[i] >= 5 && wanted >= 5);
        good += same;
        close += unsure && !same;
        consistent += (predicted[i] == test.label[i]) == (rank[i] == 0);
    }
    OK(good + close == 300 && close < 10, "ranks are the twin's: %d, and %d within rounding", good,
        close);
    OK(consistent == 300, "rank 0 is the prediction");
    struct parallel *const parallel = parallel_new(3, &err);
    knn_score(again, NULL, &train, &test, &options, parallel, &err);
    OK(memcmp(rank, again, sizeof rank) == 0, "three threads: the same");
    parallel_free(parallel);
    features_free(&train);
    features_free(&test);
}

static void copy(void *out, const struct safetensors *doc, const char *name, struct features *f)
{
    const struct tensor *const t = safetensors_find(doc, name);
    if (f != NULL) {
        f->rows = (int)t->shape[0];
        f->width = (int)t->shape[1];
    }
    memcpy(out, t->data, t->bytes);
}

static void test_golden(void)
{
    static float x[200 * 8], xt[100 * 8];
    static int64_t y[200], id[200], wanted[100];
    static int label[200], rank[100], predicted[100];
    const struct {
        const char *name;
        struct knn_options options;
    } cases[] = {{"knn.5", {.neighbors = 5, .temperature = 0.1}},
        {"knn.50", {.neighbors = 50, .temperature = 0.07}},
        {"knn.200", {.neighbors = 200, .temperature = 0.5}}};
    struct features train = {.value = x, .label = label, .id = id};
    struct features test = {.value = xt, .label = label, .id = id};
    struct safetensors golden;
    struct err err = {0};
    if (safetensors_load(&golden, "tests/golden/eval.safetensors", 1 << 20, &err) < 0)
        printf("Bail out! %s\n", err.text), exit(1);
    copy(x, &golden, "knn.x", &train);
    copy(xt, &golden, "knn.test.x", &test);
    copy(y, &golden, "y", NULL);
    for (int i = 0; i < 200; i++) {
        label[i] = (int)y[i];
        id[i] = i;
    }
    for (int c = 0; c < 3; c++) {
        int agree = 0;
        copy(wanted, &golden, cases[c].name, NULL);
        knn_score(rank, predicted, &train, &test, &cases[c].options, NULL, &err);
        for (int i = 0; i < 100; i++)
            agree += predicted[i] == wanted[i];
        OK(agree == 100, "%s: every verdict is scikit-learn's: %d of 100", cases[c].name, agree);
    }
    safetensors_free(&golden);
}

static void test_edges(void)
{
    float value[] = {1, 0, 1, 0, 0, 1, 0, 0}, tiny[] = {1e-30F, 0, 3e38F, 3e38F};
    int label[] = {3, 1, 7, 1}, test_label[] = {1, 4}, rank[2], predicted[2];
    int64_t id[] = {9, 5, 1, 2};
    struct features train = {.rows = 4, .width = 2, .value = value, .label = label, .id = id};
    struct features test = {.rows = 2, .width = 2, .value = tiny, .label = test_label, .id = id};
    struct knn_options options = {.neighbors = 1, .temperature = 0.1};
    struct err err = {0};
    knn_score(rank, predicted, &train, &test, &options, NULL, &err);
    OK(predicted[0] == 1, "among equally similar rows the lower id votes");
    OK(rank[0] == 0 && rank[1] == TALLY_UNKNOWN, "a class without training rows is unknown");
    label[1] = 2;
    knn_score(rank, predicted, &train, &test, &options, NULL, &err);
    OK(predicted[0] == 2 && rank[0] >= 5, "a class without votes is not among the first five");
    tiny[0] = 0;
    options.neighbors = 4;
    knn_score(rank, predicted, &train, &test, &options, NULL, &err);
    OK(rank[0] >= 0 && predicted[0] == 1, "a row of zeros is equally far from all: lower label");
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    test_golden();
    test_twin(1300, 24, 1, 0.1);
    test_twin(1300, 24, 40, 0.1);
    test_twin(1300, 24, 1300, 0.5);
    test_twin(60, 24, 7, 0.001);
    test_edges();
    return tap_done();
}
