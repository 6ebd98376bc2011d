/* logistic -- against scikit-learn (tests/golden/make_eval.py), and the choice of the strength.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/logistic.h"

#include "lib/base/rng.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct safetensors golden;

static const struct tensor *get(const char *name)
{
    const struct tensor *const t = safetensors_find(&golden, name);
    if (t == NULL)
        printf("Bail out! no tensor %s\n", name), exit(1);
    return t;
}

/* A set of the golden file, on the heap; label i counts as 10 + 2*i. */
static struct features set(const char *x, const char *y)
{
    const struct tensor *const values = get(x), *const labels = get(y);
    struct features f = {
        .source = "golden", .rows = (int)values->shape[0], .width = (int)values->shape[1]};
    f.value = malloc(values->bytes);
    f.label = malloc((size_t)f.rows * sizeof *f.label);
    f.id = malloc((size_t)f.rows * sizeof *f.id);
    memcpy(f.value, values->data, values->bytes);
    for (int i = 0; i < f.rows; i++) {
        int64_t label;
        memcpy(&label, (char *)labels->data + i * 8, 8);
        f.label[i] = 10 + 2 * (int)label;
        f.id[i] = i;
    }
    return f;
}

static double error_of(const float *a, const char *name)
{
    const struct tensor *const t = get(name);
    double *const wanted = malloc(t->bytes);
    memcpy(wanted, t->data, t->bytes);
    const double error = tap_error(a, wanted, t->bytes / sizeof *wanted);
    free(wanted);
    return error;
}

static void test_golden(const char *name, double l2)
{
    struct features train = set("x", "y"), test = set("test.x", "test.y");
    const struct logistic_options options = {.l2 = l2};
    struct logistic_report report;
    struct classifier model;
    struct err err = {0};
    char key[40];
    OK(logistic_fit(&model, &report, &train, &options, NULL, &err) == 0 && model.classes == 3 &&
            model.label[0] == 10 && model.label[2] == 14,
        "%s: a fit for labels 10, 12, 14", name);
    snprintf(key, sizeof key, "%s.loss", name);
    double loss;
    memcpy(&loss, get(key)->data, sizeof loss);
    NEAR(report.loss, loss, 1e-6, "the objective is scikit-learn's");
    snprintf(key, sizeof key, "%s.weight", name);
    double error = error_of(model.weight, key);
    OK(error < 1e-3, "weights to 1e-3: %.1e", error);
    snprintf(key, sizeof key, "%s.bias", name);
    error = error_of(model.bias, key);
    OK(error < 1e-3, "biases to 1e-3: %.1e", error);

    int rank[100], predicted[100];
    float probability[100], worst = 0;
    int agree = 0;
    snprintf(key, sizeof key, "%s.probability", name);
    const struct tensor *const wanted = get(key);
    OK(classifier_score(rank, predicted, probability, &model, &test, NULL, &err) == 0, "scores");
    for (int i = 0; i < 100; i++) {
        double p[3];
        memcpy(p, (char *)wanted->data + (size_t)i * sizeof p, sizeof p);
        const int best = p[1] > p[0] ? (p[2] > p[1] ? 2 : 1) : p[2] > p[0] ? 2 : 0;
        agree += predicted[i] == 10 + 2 * best && (rank[i] == 0) == (test.label[i] == predicted[i]);
        worst = fmaxf(worst, fabsf(probability[i] - (float)p[best]));
    }
    OK(agree == 100, "every verdict is scikit-learn's: %d of 100", agree);
    NEAR(worst, 0, 1e-3, "and so is every probability");
    classifier_free(&model);
    features_free(&train);
    features_free(&test);
}

/* Two classes, the first feature tells them apart, the other 39 are noise. */
static struct features noisy(int rows, int64_t first)
{
    enum { D = 40 };
    struct features f = {.source = "noisy", .rows = rows, .width = D};
    f.value = malloc((size_t)rows * D * sizeof *f.value);
    f.label = malloc((size_t)rows * sizeof *f.label);
    f.id = malloc((size_t)rows * sizeof *f.id);
    for (int i = 0; i < rows; i++) {
        struct rng rng = rng_key(3, 0, first + i, 0, "noisy");
        f.label[i] = i % 2;
        f.id[i] = first + i;
        for (int d = 0; d < D; d++)
            f.value[i * D + d] = (float)(rng_normal(&rng) + (d == 0 ? 2 * f.label[i] : 0));
    }
    return f;
}

static void test_choice(void)
{
    struct features train = noisy(80, 0), test = noisy(4000, 1000);
    struct logistic_options options = {.l2 = NAN, .seed = 1};
    struct logistic_report report, other;
    struct classifier model, twin;
    struct err err = {0};
    static int rank[4000];
    OK(logistic_fit(&model, &report, &train, &options, NULL, &err) == 0 && report.choice >= 0 &&
            report.held == 80,
        "few rows: every one is held out once");
    int best = 0;
    for (int i = 0; i < report.tried; i++)
        best = report.grid[i].right > report.grid[best].right ? i : best;
    OK(report.grid[report.choice].right == report.grid[best].right &&
            report.l2 == report.grid[report.choice].l2 && report.l2 > 0.03,
        "noise asks for a strong penalty: %g", report.l2);
    classifier_score(rank, NULL, NULL, &model, &test, NULL, &err);
    const int chosen = tally_count(rank, 4000).top1;
    struct parallel *const parallel = parallel_new(3, &err);
    OK(logistic_fit(&twin, &other, &train, &options, parallel, &err) == 0 &&
            memcmp(twin.weight, model.weight, 2 * 40 * sizeof(float)) == 0 &&
            other.loss == report.loss && other.evaluations == report.evaluations,
        "three threads: the same bits");
    parallel_free(parallel);
    classifier_free(&twin);
    options.l2 = 1e-6;
    logistic_fit(&twin, &other, &train, &options, NULL, &err);
    classifier_score(rank, NULL, NULL, &twin, &test, NULL, &err);
    OK(chosen > tally_count(rank, 4000).top1 + 50, "and is right to: %d of 4000 against %d", chosen,
        tally_count(rank, 4000).top1);
    classifier_free(&twin);
    classifier_free(&model);
    features_free(&train);
    features_free(&test);
}

static void test_edges(void)
{
    struct features few = noisy(2, 0), one = noisy(9, 0), many = noisy(6000, 0);
    const struct logistic_options options = {.l2 = NAN};
    struct logistic_report report;
    struct classifier model;
    struct err err = {0};
    OK(logistic_fit(&model, &report, &few, &options, NULL, &err) == 0 && report.choice == -1 &&
            report.tried == 0 && report.l2 == 1e-2,
        "one row a class: nothing can be held out");
    classifier_free(&model);
    for (int i = 0; i < 9; i++)
        one.label[i] = 4;
    OK(logistic_fit(&model, &report, &one, &options, NULL, &err) == -1 && err.status == ERR_INPUT,
        "a single class is refused: %s", err.text);
    err = (struct err){0};
    OK(logistic_fit(&model, &report, &many, &options, NULL, &err) == 0 && report.held == 1200,
        "many rows: a fifth is held out");
    classifier_free(&model);
    features_free(&few);
    features_free(&one);
    features_free(&many);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    if (safetensors_load(&golden, "tests/golden/eval.safetensors", 1 << 20, &err) < 0)
        printf("Bail out! %s\n", err.text), exit(1);
    test_golden("strong", 0.1);
    test_golden("weak", 0.001);
    test_choice();
    test_edges();
    safetensors_free(&golden);
    return tap_done();
}
