/* classifier -- scores of a model made by hand; its file, and files that are none.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lib/eval/classifier.h"

#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/classifier-XXXXXX";
static char path[64];

/* Classes 2, 5, 9 of two features: x, y, and a constant 0.5. */
static struct classifier make(void)
{
    struct classifier m = {0};
    struct err err = {0};
    classifier_make(&m, 3, 2, "h", &err);
    memcpy(m.label, (int[]){2, 5, 9}, 3 * sizeof(int));
    memcpy(m.weight, (float[]){1, 0, 0, 1, 0, 0}, 6 * sizeof(float));
    m.bias[2] = 0.5F;
    m.names = json_pack("[s,s,s]", "a", "b", "c");
    return m;
}

static void test_score(struct classifier *m)
{
    float value[] = {3, 1, 1, 3, 0, 0, 2, 2, 1, 0};
    int label[] = {2, 2, 9, 5, 7}, rank[5], predicted[5];
    float probability[5];
    struct err err = {0};
    const struct features f = {.rows = 5, .width = 2, .value = value, .label = label};
    OK(classifier_score(rank, predicted, probability, m, &f, NULL, &err) == 0, "scores five rows");
    OK(predicted[0] == 2 && predicted[1] == 5 && predicted[2] == 9 && predicted[4] == 2,
        "labels, not places");
    OK(predicted[3] == 2 && rank[3] == 1, "among equals the lower label wins");
    OK(rank[0] == 0 && rank[1] == 1 && rank[2] == 0 && rank[4] == TALLY_UNKNOWN,
        "ranks; a class it does not know");
    NEAR(probability[0], 1 / (1 + exp(-2) + exp(-2.5)), 1e-6, "a probability");
    value[0] = 3e38F;
    m->weight[0] = 10;
    OK(classifier_score(rank, NULL, NULL, m, &f, NULL, &err) == -1 && err.status == ERR_FAILED,
        "a logit beyond f32 is an error");
    m->weight[0] = 1;
}

static void test_file(const struct classifier *m)
{
    struct classifier back;
    struct err err = {0};
    char a[65], b[65];
    json_t *const run = json_pack("[{s:s}]", "tool", "test");
    OK(classifier_save(m, path, run, &err) == 0 && classifier_load(&back, path, &err) == 0,
        "saved and loaded");
    OK(back.classes == 3 && back.width == 2 && memcmp(back.label, m->label, 3 * sizeof(int)) == 0 &&
            memcmp(back.weight, m->weight, 6 * sizeof(float)) == 0 && back.bias[2] == 0.5F &&
            strcmp(back.column, "h") == 0 && json_equal(back.names, m->names),
        "it is what it was");
    classifier_digest(a, m);
    classifier_digest(b, &back);
    OK(strcmp(a, b) == 0, "and so is its digest");
    classifier_free(&back);
    OK(classifier_save(m, "/nonexistent/x", run, &err) == -1 && err.status == ERR_FAILED,
        "no such folder");
    json_decref(run);
}

/* A file of two tensors and one key of metadata, and whether it loads. */
static void test_odd(const char *what, enum err_status wanted, int64_t rows, int64_t biases,
    enum dtype dtype, float last, const char *key, const char *text)
{
    float data[40] = {0};
    struct classifier m;
    struct err err = {0};
    data[3] = last;
    struct tensor tensor[] = {{.name = (char *)"linear.weight",
                                  .dtype = dtype,
                                  .rank = 2,
                                  .shape = {rows, 2},
                                  .data = data,
                                  .bytes = (size_t)rows * 8},
        {.name = (char *)"linear.bias",
            .dtype = DTYPE_F32,
            .rank = 1,
            .shape = {biases},
            .data = data,
            .bytes = (size_t)biases * 4}};
    json_t *const metadata = json_object();
    if (key != NULL)
        json_object_set_new(metadata, key, json_string(text));
    safetensors_save(path, metadata, 2, tensor, &err);
    json_decref(metadata);
    classifier_load(&m, path, &err);
    OK(err.status == wanted, "%s%s%s", what, *err.text ? ": " : "", err.text);
    if (err.status == ERR_NONE)
        OK(m.label[1] == 1 && m.classes == 3, "its classes are 0, 1, 2");
    classifier_free(&m);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0 && mkdtemp(folder) != NULL, "ready");
    snprintf(path, sizeof path, "%s/m.safetensors", folder);
    struct classifier m = make();
    test_score(&m);
    test_file(&m);
    classifier_free(&m);
    test_odd("a file from elsewhere", ERR_NONE, 3, 3, DTYPE_F32, 1, NULL, NULL);
    test_odd("another number of biases", ERR_INPUT, 3, 4, DTYPE_F32, 1, NULL, NULL);
    test_odd("another dtype", ERR_INPUT, 3, 3, DTYPE_I32, 1, NULL, NULL);
    test_odd("no classes at all", ERR_INPUT, 0, 0, DTYPE_F32, 1, NULL, NULL);
    test_odd("a weight that is not a number", ERR_INPUT, 3, 3, DTYPE_F32, NAN, NULL, NULL);
    test_odd("too few labels", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[0,1]");
    test_odd("labels that do not rise", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[0,2,1]");
    test_odd("a label below 0", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[-1,0,1]");
    test_odd("a label too large", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[0,1,100000]");
    test_odd("labels that are no numbers", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[0,\"1\",2]");
    test_odd("labels that are no JSON", ERR_INPUT, 3, 3, DTYPE_F32, 1, "classes", "[0,");
    test_odd("names that are none", ERR_INPUT, 3, 3, DTYPE_F32, 1, "class_names", "[1,2,3]");
    unlink(path);
    err = (struct err){0};
    OK(classifier_load(&m, path, &err) == -1 && err.status == ERR_MISUSE, "no such file: %s",
        err.text);
    rmdir(folder);
    return tap_done();
}
