/* descent -- against PyTorch in double (tests/golden/make_verdict.py); parts, threads, refusals.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lib/eval/descent.h"

#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 12, B = 40, D = 7, L = 3 };

static char folder[] = "/tmp/descent-XXXXXX", path[64];
static float *x;
static int64_t *y;
static double *settings;

/* What the stream has. */
struct plot {
    int classes, parts;
    int plan, steps, skip; /* steps promised, sent, and the number of the first */
    int copies;
    int64_t label; /* of the last row of the last step; -1: all rows; -2: as they are */
    float first;   /* that of row 1 of step 5, where it is not 0 */
};
static const struct plot plain = {L, 1, STEPS, STEPS, 0, 1, -2, 0};

static void write_stream(struct channel *out, const struct plot *p, struct err *err)
{
    const int width = D;
    struct header *const header = header_new("features", err);
    header_add(header, "h", DTYPE_F32, 1, &width, err);
    header_add(header, "label", DTYPE_I64, 0, NULL, err);
    if (p->classes > 0) {
        json_t *const dataset = json_pack("{s:i}", "classes", p->classes);
        header_set(header, "dataset", dataset, err);
        json_decref(dataset);
    }
    const struct plan plan = {
        .batch = B, .views = 1, .epochs = 3, .steps = p->plan, .steps_per_epoch = p->plan / 3};
    if (p->plan > 0)
        header_set_plan(header, &plan, err);
    struct writer *const writer = writer_new(out, 1, header, err);
    for (int step = 0; step < p->steps; step++)
        for (int part = 0; part < p->parts; part++) {
            const int from = B * part / p->parts, end = B * (part + 1) / p->parts;
            float value[B * D];
            int64_t label[B];
            memcpy(value, x + (step * B + from) * D, sizeof *value * (size_t)((end - from) * D));
            memcpy(label, y + step * B + from, sizeof *label * (size_t)(end - from));
            if (p->label >= -1 && step == p->steps - 1 && part == p->parts - 1)
                label[end - from - 1] = p->label;
            for (int i = 0; i < B && p->label == -1; i++)
                label[i] = -1;
            if (p->first != 0 && step == 5 && part == 0)
                value[D] = p->first;
            struct field field[] = {{.data = value}, {.data = label}};
            const struct record record = {.step = step + p->skip,
                .epoch = (step + p->skip) / 4,
                .part = part,
                .parts = p->parts,
                .rows = end - from,
                .field = field,
                .fields = 2};
            writer_record(writer, &record, err);
        }
    writer_end(writer, err);
    writer_free(writer);
    header_free(header);
}

static struct descent_epoch epochs[4];
static int ended;

static void note_epoch(const struct descent_epoch *epoch)
{
    if (ended < 4)
        epochs[ended++] = *epoch;
}

static int fit(struct classifier *model, const struct plot *p, double rate, int threads,
    int64_t *unlabelled, struct err *err)
{
    struct err wrong = {0};
    struct channel *const out = channel_create(path, &wrong);
    for (int i = 0; i < p->copies; i++)
        write_stream(out, p, &wrong);
    channel_finish(out, &wrong);
    if (wrong.status != ERR_NONE)
        printf("Bail out! %s\n", wrong.text), exit(1);

    struct channel *const in = channel_open(path, err);
    struct parallel *const parallel = threads > 1 ? parallel_new(threads, err) : NULL;
    const struct descent_options options = {.rate = rate, .l2 = settings[1], .epoch = note_epoch};
    struct descent_report report;
    struct features train = {0};
    ended = 0;
    int status = features_open(&train, in, NULL, err);
    if (status == 0)
        status = descent_fit(model, &report, &train, &options, parallel, err);
    if (status == 0)
        OK(report.steps == STEPS && report.last.epoch == 2, "all steps were made");
    *unlabelled = train.unlabelled;
    features_free(&train);
    parallel_free(parallel);
    channel_finish(in, &wrong);
    return status;
}

static void test_golden(void)
{
    struct classifier model = {0}, other = {0};
    struct err err = {0};
    struct plot parts = plain;
    int64_t unlabelled;
    double *const w = golden_get("sgd.weight", DTYPE_F64, 2, NULL);
    double *const b = golden_get("sgd.bias", DTYPE_F64, 1, NULL);
    OK(fit(&model, &plain, settings[0], 1, &unlabelled, &err) == 0 && model.classes == L &&
            model.width == D && strcmp(model.column, "h") == 0,
        "descends: %s", err.text);
    double error = tap_error(model.weight, w, L * D);
    OK(error < 1e-5, "weights are PyTorch's to 1e-5: %.1e", error);
    error = tap_error(model.bias, b, L);
    OK(error < 1e-5, "biases too: %.1e", error);
    OK(unlabelled == STEPS * 5, "rows without a label are left out");
    OK(ended == 3 && epochs[0].rows == 140 && epochs[2].loss < epochs[0].loss &&
            epochs[2].right > epochs[0].right,
        "each epoch is told of: loss %.3f, then %.3f", epochs[0].loss, epochs[2].loss);
    OK(fit(&other, &plain, settings[0], 3, &unlabelled, &err) == 0 &&
            memcmp(other.weight, model.weight, L * D * sizeof(float)) == 0 &&
            memcmp(other.bias, model.bias, L * sizeof(float)) == 0,
        "three threads: the same bits");
    classifier_free(&other);
    parts.parts = 3;
    OK(fit(&other, &parts, settings[0], 1, &unlabelled, &err) == 0, "a step in three parts");
    error = tap_error(other.weight, w, L * D);
    OK(error < 1e-5, "is one step: %.1e", error);
    classifier_free(&other);
    classifier_free(&model);
    free(w);
    free(b);
}

static void refused(struct plot p, double rate, enum err_status status, const char *what)
{
    struct classifier model = {0};
    struct err err = {0};
    int64_t unlabelled;
    OK(fit(&model, &p, rate, 1, &unlabelled, &err) == -1 && err.status == status &&
            strstr(err.text, what) != NULL && model.weight == NULL,
        "refused: %s", err.text);
}

static void test_refused(void)
{
    struct plot p = plain;
    p.plan = 0;
    refused(p, 1, ERR_INPUT, "no plan");
    p = plain;
    p.classes = 0;
    refused(p, 1, ERR_INPUT, "does not say how many classes");
    p.classes = 1;
    refused(p, 1, ERR_INPUT, "single class");
    p.classes = 100001;
    refused(p, 1, ERR_INPUT, "more than 100000");
    p = plain;
    p.label = L;
    refused(p, 1, ERR_INPUT, "label 3 in");
    p.label = INT64_MAX;
    refused(p, 1, ERR_INPUT, "is not within 0 .. 2, nor -1");
    p.label = -1;
    refused(p, 1, ERR_INPUT, "none of the 480 rows");
    p = plain;
    p.steps = 9;
    refused(p, 1, ERR_INPUT, "ends after 9 of 12 steps");
    p.skip = 3;
    refused(p, 1, ERR_INPUT, "step 3 of");
    p = plain;
    p.copies = 2;
    refused(p, 1, ERR_INPUT, "concatenated");
    p = plain;
    p.first = NAN;
    refused(p, 1, ERR_FAILED, "not a number (step 5, row 1)");
    p.first = 3e38F;
    refused(p, 1e6, ERR_FAILED, "loss of step");
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    golden_open("tests/golden/verdict.safetensors");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/stream", folder);
    x = golden_get("sgd.x", DTYPE_F32, 3, NULL);
    y = golden_get("sgd.y", DTYPE_I64, 2, NULL);
    settings = golden_get("sgd.settings", DTYPE_F64, 1, NULL);
    test_golden();
    test_refused();
    unlink(path);
    rmdir(folder);
    free(x);
    free(y);
    free(settings);
    safetensors_free(&golden);
    return tap_done();
}
