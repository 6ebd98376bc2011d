/* steps -- ten whole training steps against double: resnet20, a head of three layers, NT-Xent, and an
 * update, from the weights and pixels of tests/golden/make_train.py; and ten of fine-tuning: resnet20, a
 * linear layer, softmax cross entropy.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"
#include "lib/nn/gemm.h"
#include "lib/nn/mlp.h"
#include "lib/nn/resnet.h"
#include "lib/objective/ntxent.h"
#include "lib/train/joint.h"
#include "lib/train/optimizer.h"
#include "lib/train/schedule.h"
#include "lib/train/supervised.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum {
    PICTURES = 4,
    ROWS = 2 * PICTURES,
    SIDE = 16,
    PATCHES = 2, /* a side */
    FEATURES = 64,
    HIDDEN = 64,
    OUT = 32,
    STEPS = 10,
    WARMUP = 2,
    PARTS = 3,
    CLASSES = 3
};

/* The rows of a step that comes in parts. */
static const int part_rows[PARTS] = {2, 3, 3};

/* Coarse coloured patches, which the views of a picture share, and a grain of each view's own. */
static void make_pixels(unsigned char *pixels)
{
    for (int row = 0; row < ROWS; row++) {
        char name[40];
        snprintf(name, sizeof name, "picture%d", row % PICTURES);
        const uint32_t picture = noise_key(name);
        snprintf(name, sizeof name, "picture%dview%d", row % PICTURES, row / PICTURES);
        const uint32_t view = noise_key(name);
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                for (int c = 0; c < 3; c++) {
                    const int patch = (y * PATCHES / SIDE * PATCHES + x * PATCHES / SIDE) * 3 + c;
                    const int grain = (y * SIDE + x) * 3 + c;
                    const int own = (int)((noise(picture, (uint32_t)patch) + 1) * 128);
                    const int seen = (int)((noise(view, (uint32_t)grain) + 1) * 128);
                    *pixels++ = (unsigned char)((3 * own + seen) / 4);
                }
            }
        }
    }
}

static void make_weights(struct params *params)
{
    for (int i = 0; i < params->count; i++) {
        struct param *const param = &params->param[i];
        const uint32_t key = noise_key(param->name);
        const double scale = sqrt(3.0 / (double)(param->count / (size_t)param->shape[0]));
        if (param->kind == PARAM_BUFFER)
            continue;
        for (size_t j = 0; j < param->count; j++) {
            const double n = noise(key, (uint32_t)j);
            const bool kernel = param->kind == PARAM_KERNEL || param->kind == PARAM_LOGITS;
            param->value[j] = (float)(kernel                       ? n * scale
                                      : param->kind == PARAM_GAMMA ? n / 4 + 1
                                                                   : n / 4);
        }
    }
}

/* A stage: a model, its memory, its optimiser. */
struct stage {
    struct model model;
    void *tape;
    struct joint *joint; /* a step comes in parts, which run together; NULL: it is one batch */
    struct optimizer *optimizer;
    float out[ROWS * FEATURES], grad[ROWS * FEATURES];
};

static int stage_make(struct stage *stage, struct model model, const char *rule, bool parts,
    struct parallel *parallel, struct err *err)
{
    const struct joint_options joint = {&stage->model, SIZE_MAX, -1, 2, model.in_floats > 0};
    const struct optimizer_options options = {rule, 0.9, 1e-2, false};
    stage->model = model;
    make_weights(model.params);
    model.refresh(model.self);
    stage->tape = model.tape_new(model.self, 0, ROWS, true, NULL, err);
    stage->optimizer = optimizer_new(&options, model.params, parallel, err);
    stage->joint = parts ? joint_new(&joint, err) : NULL;
    return stage->tape == NULL || stage->optimizer == NULL ? -1 : 0;
}

static void stage_drop(struct stage *stage)
{
    stage->model.tape_free(stage->tape);
    joint_free(stage->joint);
    optimizer_free(stage->optimizer);
}

static void forward_parts(struct stage *stage, const void *in)
{
    struct err err = {0};
    const struct model *const model = &stage->model;
    const size_t row = model->in_floats > 0 ? FEATURES * sizeof(float) : SIDE * SIDE * 3;
    const size_t width = (size_t)model->out_width;
    joint_begin(stage->joint);
    for (int i = 0, first = 0; i < PARTS; first += part_rows[i++])
        joint_add(
            stage->joint, (const char *)in + (size_t)first * row, row, 0, part_rows[i], 0, &err);
    OK(joint_forward(stage->joint, 0, &err) == 0, "parts run together %s", err.text);
    for (int i = 0, first = 0; i < PARTS; first += part_rows[i++])
        memcpy(stage->out + (size_t)first * width, joint_rows(stage->joint, i),
            (size_t)part_rows[i] * width * sizeof(float));
}

static void backward_parts(struct stage *stage, float *grad_in)
{
    const size_t width = (size_t)stage->model.out_width;
    for (int i = 0, first = 0; i < PARTS; first += part_rows[i++])
        memcpy(joint_rows(stage->joint, i), stage->grad + (size_t)first * width,
            (size_t)part_rows[i] * width * sizeof(float));
    joint_backward(stage->joint);
    for (int i = 0, first = 0; i < PARTS && grad_in != NULL; first += part_rows[i++])
        memcpy(grad_in + first * FEATURES, joint_input_gradient(stage->joint, i),
            (size_t)(part_rows[i] * FEATURES) * sizeof(float));
}

static void forward(struct stage *stage, const void *in)
{
    params_zero_grad(stage->model.params);
    if (stage->joint != NULL) {
        forward_parts(stage, in);
        return;
    }
    stage->model.forward(stage->model.self, stage->tape, stage->out, in, ROWS, MODEL_TRAIN);
}

static void backward(struct stage *stage, float *grad_in, const void *in)
{
    if (stage->joint != NULL) {
        backward_parts(stage, grad_in);
        return;
    }
    stage->model.backward(stage->model.self, stage->tape, grad_in, stage->grad, in, ROWS);
}

static int update(struct stage *stage, double rate, int step, struct err *err)
{
    if (optimizer_step(stage->optimizer, rate, step, err) != 0)
        return -1;
    stage->model.refresh(stage->model.self);
    return 0;
}

static int run(double loss[STEPS], struct stage *encoder, struct stage *head,
    struct ntxent *objective, double peak, struct err *err)
{
    static unsigned char pixels[ROWS * SIDE * SIDE * 3];
    const struct schedule schedule = {peak, WARMUP, STEPS};
    int64_t id[ROWS], view[ROWS];
    for (int row = 0; row < ROWS; row++) {
        id[row] = row % PICTURES;
        view[row] = row / PICTURES;
    }
    make_pixels(pixels);
    for (int step = 0; step < STEPS; step++) {
        struct ntxent_result result;
        forward(encoder, pixels);
        forward(head, encoder->out);
        if (ntxent_forward(objective, &result, head->out, id, view, ROWS, err) != 0)
            return -1;
        loss[step] = result.loss;
        ntxent_backward(objective, head->grad);
        backward(head, encoder->grad, encoder->out);
        backward(encoder, NULL, pixels);
        const double rate = schedule_rate(&schedule, step);
        if (update(head, rate, step, err) != 0 || update(encoder, rate, step, err) != 0)
            return -1;
    }
    return 0;
}

/* Ten steps on `threads` threads; -1 after printing why. */
static int ten_steps(double loss[STEPS], const char *rule, double peak, int threads, bool parts)
{
    static struct stage encoder, head;
    const struct resnet_options resnet_options = {
        "resnet20", 1, false, 1, {{SIDE, SIDE}}, false, {0, 0, 0}, {1, 1, 1}, PRECISION_F32};
    const struct mlp_options mlp_options = {MLP_NONLINEAR, 3, FEATURES, HIDDEN, OUT, false, 0};
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    struct resnet *const resnet = resnet_new(&resnet_options, parallel, &err);
    struct mlp *const mlp = mlp_new(&mlp_options, parallel, &err);
    struct ntxent *const objective = ntxent_new(OUT, 0.5, false, parallel, &err);
    if (resnet == NULL || mlp == NULL || objective == NULL)
        return printf("# %s\n", err.text), -1;
    resnet_init(resnet, 0); /* running statistics; weights are made anew */
    mlp_init(mlp, 0);
    if (stage_make(&encoder, resnet_model(resnet), rule, parts, parallel, &err) != 0 ||
        stage_make(&head, mlp_model(mlp), rule, parts, parallel, &err) != 0 ||
        run(loss, &encoder, &head, objective, peak, &err) != 0)
        printf("# %s\n", err.text);
    stage_drop(&encoder);
    stage_drop(&head);
    ntxent_free(objective);
    mlp_free(mlp);
    resnet_free(resnet);
    parallel_free(parallel);
    return err.status == ERR_NONE ? 0 : -1;
}

/* ---- fine-tuning -------------------------------------------------------------------------------- */

/* What the layer that tells classes apart has; its weights are the encoder's to compare. */
struct closing {
    struct supervised *layer;
    struct optimizer *optimizer;
};

/* How far param is from the golden, as a share of the way that it went; every SAMPLE-th number of a
 * large one is stored. */
static double off(const struct params *params, const char *name, const struct tensor *golden)
{
    enum { LARGE = 1000, SAMPLE = 101 };
    struct param *const param = params_find(params, name);
    const size_t apart = param->count > LARGE ? SAMPLE : 1;
    const size_t count = (param->count + apart - 1) / apart;
    const double *const want = golden != NULL ? golden->data : NULL;
    double difference = 0, way = 0;
    if (golden == NULL || golden->bytes != count * sizeof *want)
        return NAN;
    float *const last = malloc(param->count * sizeof *last);
    memcpy(last, param->value, param->count * sizeof *last);
    struct params alone = {.count = 1, .param = param};
    make_weights(&alone);
    for (size_t i = 0; i < count; i++) {
        difference += pow(last[i * apart] - want[i], 2);
        way += pow(param->value[i * apart] - want[i], 2);
    }
    memcpy(param->value, last, param->count * sizeof *last);
    free(last);
    return sqrt(difference / way);
}

static int run_closing(
    double loss[STEPS], struct stage *encoder, struct closing *closing, struct err *err)
{
    static unsigned char pixels[ROWS * SIDE * SIDE * 3];
    static const int64_t label[ROWS] = {0, 1, 2, -1, 0, 1, 2, 2};
    const struct schedule schedule = {0.001, WARMUP, STEPS};
    make_pixels(pixels);
    for (int step = 0; step < STEPS; step++) {
        struct softmax_result result;
        const double rate = schedule_rate(&schedule, step);
        forward(encoder, pixels);
        if (supervised_step(
                closing->layer, &result, encoder->grad, encoder->out, label, ROWS, err) != 0)
            return -1;
        loss[step] = result.loss;
        backward(encoder, NULL, pixels);
        if (optimizer_step(closing->optimizer, rate, step, err) != 0 ||
            update(encoder, rate, step, err) != 0)
            return -1;
    }
    return 0;
}

static int fine_tune(double loss[STEPS], double error[5], const struct safetensors *golden,
    bool nesterov, int threads)
{
    static const char *const name[] = {
        "conv1.weight", "layer3.2.conv2.weight", "bn1.weight", "fc.weight", "fc.bias"};
    static struct stage encoder;
    const struct resnet_options resnet_options = {
        "resnet20", 1, false, 1, {{SIDE, SIDE}}, false, {0, 0, 0}, {1, 1, 1}, PRECISION_F32};
    const struct optimizer_options rule = {"sgd", 0.9, 1e-2, nesterov};
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    struct resnet *const resnet = resnet_new(&resnet_options, parallel, &err);
    struct closing closing = {supervised_new(FEATURES, CLASSES, parallel, &err), NULL};
    if (resnet == NULL || closing.layer == NULL)
        return printf("# %s\n", err.text), -1;
    resnet_init(resnet, 0);
    struct params *const last = supervised_params(closing.layer);
    make_weights(last);
    closing.optimizer = optimizer_new(&rule, last, parallel, &err);
    int status = stage_make(&encoder, resnet_model(resnet), "sgd", false, parallel, &err);
    optimizer_free(encoder.optimizer);
    encoder.optimizer = optimizer_new(&rule, encoder.model.params, parallel, &err);
    if (status == 0)
        status = run_closing(loss, &encoder, &closing, &err);
    for (int i = 0; i < 5; i++) {
        char key[60];
        snprintf(key, sizeof key, "finetune%s.%s", nesterov ? ".nesterov" : "", name[i]);
        error[i] = off(i < 3 ? encoder.model.params : last, name[i], safetensors_find(golden, key));
    }
    if (status != 0)
        printf("# %s\n", err.text);
    stage_drop(&encoder);
    optimizer_free(closing.optimizer);
    supervised_free(closing.layer);
    resnet_free(resnet);
    parallel_free(parallel);
    return status;
}

static void test_fine_tuning(const struct safetensors *golden, bool nesterov)
{
    double loss[STEPS], again[STEPS], wanted[STEPS] = {0}, error[5], same[5];
    const char *const name = nesterov ? "finetune.nesterov" : "finetune";
    const struct tensor *const want = safetensors_find(golden, name);
    OK(want != NULL && want->bytes == sizeof wanted, "golden '%s' fits", name);
    if (want != NULL && want->bytes == sizeof wanted)
        memcpy(wanted, want->data, sizeof wanted);
    OK(fine_tune(loss, error, golden, nesterov, 2) == 0, "%s: ten steps", name);
    for (int step = 0; step < STEPS; step++)
        NEAR(
            loss[step] / wanted[step], 1, 1e-5, "%s: loss %.6f of step %d", name, loss[step], step);
    for (int i = 0; i < 5; i++)
        OK(error[i] < 1e-3, "%s: weights %d are off by %.1e of their way", name, i, error[i]);
    OK(loss[STEPS - 1] < loss[0] / 2, "%s: the loss falls by more than half", name);
    OK(fine_tune(again, same, golden, nesterov, 3) == 0 && memcmp(loss, again, sizeof loss) == 0 &&
            memcmp(error, same, sizeof same) == 0,
        "%s: the same bits from 2 and 3 threads", name);
}

static void against(const struct safetensors *golden, const char *rule, double peak)
{
    char name[32];
    double loss[STEPS], again[STEPS], wanted[STEPS], worst = 0;
    snprintf(name, sizeof name, "steps.%s", rule);
    const struct tensor *const want = safetensors_find(golden, name);
    if (want == NULL || want->bytes != sizeof wanted) {
        OK(0, "golden '%s' fits", name);
        return;
    }
    memcpy(wanted, want->data, sizeof wanted);
    OK(ten_steps(loss, rule, peak, 2, false) == 0, "%s: ten steps", rule);
    for (int step = 0; step < STEPS; step++) {
        const double error = fabs(loss[step] - wanted[step]) / wanted[step];
        OK(error <= 1e-3, "%s: loss %.6f of step %d is off by %.1e", rule, loss[step], step, error);
        worst = fmax(worst, error);
    }
    printf("# %s: worst error %.1e\n", rule, worst);
    OK(loss[1] == loss[0], "%s: the first update has rate 0", rule);
    OK(loss[STEPS - 1] < loss[0] / 2, "%s: the loss falls by more than half", rule);
    OK(ten_steps(again, rule, peak, 3, false) == 0 && memcmp(loss, again, sizeof loss) == 0,
        "%s: the same bits from 2 and 3 threads", rule);
    OK(ten_steps(again, rule, peak, 2, true) == 0 && memcmp(loss, again, sizeof loss) == 0,
        "%s: the same bits from parts under batch norm over the step", rule);
}

int main(void)
{
    struct safetensors golden;
    struct err err = {0};
    if (safetensors_load(&golden, "tests/golden/train.safetensors", 1 << 20, &err) != 0 ||
        gemm_init(&err) != 0) {
        OK(0, "%s", err.text);
        return tap_done();
    }
    against(&golden, "lars", 0.05);
    against(&golden, "sgd", 0.0002);
    test_fine_tuning(&golden, false);
    test_fine_tuning(&golden, true);
    safetensors_free(&golden);
    return tap_done();
}
