/* mlp -- the projection head against PyTorch and finite differences; modes, parts, threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/mlp.h"

#include "formats/safetensors.h"
#include "lib/nn/gemm.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 16, D = 24, HIDDEN = 20, P = 12 };

static struct parallel *pool[3];
static struct safetensors golden;

/* The same numbers as in make_mlp.py. */
static void fill(
    float *out, size_t count, const char *head, const char *name, double offset, double scale)
{
    char full[160];
    snprintf(full, sizeof full, "%s/%s", head, name);
    const uint32_t key = noise_key(full);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(offset + scale * noise(key, (uint32_t)i));
}

static void fill_weights(struct params *params, const char *head)
{
    for (int i = 0; i < params->count; i++) {
        struct param *const p = &params->param[i];
        const bool variance = strstr(p->name, "running_var") != NULL;
        fill(p->value, p->count, head, p->name, p->kind == PARAM_GAMMA || variance ? 1 : 0,
            variance ? 0.5 : 0.3);
    }
}

static double against(const char *head, const char *name, const float *got, size_t count)
{
    char full[160];
    snprintf(full, sizeof full, "%s/%s", head, name);
    const struct tensor *const t = safetensors_find(&golden, full);
    if (t == NULL || t->bytes != count * sizeof(double))
        return INFINITY;
    double *const want = malloc(t->bytes);
    memcpy(want, t->data, t->bytes);
    const double error = tap_error(got, want, count);
    free(want);
    return error;
}

static struct mlp *make(
    enum mlp_head head, int layers, bool frozen, int stop, struct parallel *parallel)
{
    struct err err = {0};
    const struct mlp_options options = {head, layers, D, HIDDEN, P, frozen, stop};
    struct mlp *const mlp = mlp_new(&options, parallel, &err);
    OK(mlp != NULL, "a head of %d layers %s", layers, err.text);
    return mlp;
}

static void check_golden(const char *name, enum mlp_head head, int layers, bool frozen, int stop)
{
    struct err err = {0};
    float h[ROWS * D], z[ROWS * HIDDEN], dz[ROWS * HIDDEN], dh[ROWS * D];
    struct mlp *const mlp = make(head, layers, frozen, stop, pool[1]);
    const struct model model = mlp_model(mlp);
    const size_t count = (size_t)ROWS * (size_t)model.out_width;
    void *const tape = model.tape_new(mlp, 0, ROWS, true, NULL, &err);
    void *const small = model.tape_new(mlp, 0, ROWS, false, NULL, &err);
    OK(model.tape_size(mlp, 0, ROWS, false) < model.tape_size(mlp, 0, ROWS, true),
        "%s: evaluation needs less", name);
    fill_weights(model.params, name);
    fill(h, ROWS * D, name, "h", 0, 1);
    fill(dz, count, name, "dz", 0, 1);
    model.forward(mlp, small, z, h, ROWS, MODEL_EVAL);
    NEAR(against(name, "eval", z, count), 0, 1e-5, "%s: evaluation of PyTorch", name);
    model.forward(mlp, tape, z, h, ROWS, MODEL_TRAIN);
    NEAR(against(name, "z", z, count), 0, 1e-5, "%s: forward of PyTorch", name);
    memset(z, 0, sizeof z); /* the next part writes there before this one goes back */
    model.backward(mlp, tape, dh, dz, h, ROWS);
    NEAR(against(name, "dh", dh, ROWS * D), 0, 1e-5, "%s: gradient of the input", name);
    for (int i = 0; i < model.params->count; i++) {
        const struct param *const p = &model.params->param[i];
        char full[100];
        snprintf(full, sizeof full, "%s%s", p->grad != NULL ? "grad." : "", p->name);
        NEAR(against(name, full, p->grad != NULL ? p->grad : p->value, p->count), 0, 1e-5, "%s: %s",
            name, full);
    }
    model.tape_free(tape);
    model.tape_free(small);
    mlp_free(mlp);
}

/* Everything that one run makes, after each other: z, dh, gradients, running statistics. */
static size_t whole_run(float *out, struct parallel *parallel, int parts, bool repeat)
{
    struct err err = {0};
    float h[ROWS * D], dz[ROWS * P], *z = out, *dh = out + ROWS * P;
    const struct mlp_options options = {MLP_NONLINEAR, 3, D, HIDDEN, P, false, 0};
    struct mlp *const mlp = mlp_new(&options, parallel, &err);
    const struct model model = mlp_model(mlp);
    const int rows = ROWS / parts;
    void *tape[2] = {model.tape_new(mlp, 0, rows, true, NULL, &err),
        model.tape_new(mlp, 0, rows, true, NULL, &err)};
    mlp_init(mlp, 3);
    fill(h, ROWS * D, "run", "h", 0, 1);
    fill(dz, ROWS * P, "run", "dz", 0, 1);
    for (int i = 0; i < parts; i++)
        model.forward(
            mlp, tape[repeat ? 0 : i % 2], z + i * rows * P, h + i * rows * D, rows, MODEL_TRAIN);
    for (int i = 0; i < parts; i++) {
        if (repeat) {
            float same[ROWS * P];
            model.forward(mlp, tape[0], same, h + i * rows * D, rows, MODEL_REPEAT);
            OK(memcmp(same, z + i * rows * P, (size_t)(rows * P) * sizeof *z) == 0,
                "part %d again: the same output", i);
        }
        model.backward(mlp, tape[repeat ? 0 : i % 2], dh + i * rows * D, dz + i * rows * P,
            h + i * rows * D, rows);
    }
    size_t used = ROWS * P + ROWS * D;
    for (int i = 0; i < model.params->count; i++) {
        const struct param *const p = &model.params->param[i];
        memcpy(out + used, p->grad != NULL ? p->grad : p->value, p->count * sizeof *out);
        used += p->count;
    }
    model.tape_free(tape[0]);
    model.tape_free(tape[1]);
    mlp_free(mlp);
    return used;
}

static void bits(void)
{
    enum { ROOM = 1 << 14 };
    static float one[ROOM], other[ROOM];
    const size_t used = whole_run(one, NULL, 1, false);
    for (int threads = 1; threads <= 3; threads++) {
        whole_run(other, pool[threads - 1], 1, false);
        OK(memcmp(one, other, used * sizeof *one) == 0, "%d threads: the same bits", threads);
    }
    whole_run(one, pool[1], 2, false);
    whole_run(other, pool[1], 2, true);
    OK(memcmp(one, other, used * sizeof *one) == 0, "parts computed again: the same bits");
}

/* Sum of z * dz, in training mode, running statistics left alone. */
static double objective(const struct model *model, void *tape, const float *h, const float *dz)
{
    float z[ROWS * P];
    double sum = 0;
    model->forward(model->self, tape, z, h, ROWS, MODEL_REPEAT);
    for (int i = 0; i < ROWS * P; i++)
        sum += (double)z[i] * dz[i];
    return sum;
}

/* Along the gradient itself, where single precision says most. */
static void finite_differences(enum mlp_head head, int layers)
{
    struct err err = {0};
    float h[ROWS * D], moved[ROWS * D], z[ROWS * P], dz[ROWS * P], dh[ROWS * D];
    struct mlp *const mlp = make(head, layers, false, 0, NULL);
    const struct model model = mlp_model(mlp);
    void *const tape = model.tape_new(mlp, 0, ROWS, true, NULL, &err);
    double square = 0, value[2];
    fill_weights(model.params, "differences");
    fill(h, ROWS * D, "differences", "h", 0, 1);
    fill(dz, ROWS * P, "differences", "dz", 0, 1);
    model.forward(mlp, tape, z, h, ROWS, MODEL_TRAIN);
    model.backward(mlp, tape, dh, dz, h, ROWS);
    for (int i = 0; i < ROWS * D; i++)
        square += (double)dh[i] * dh[i];
    const double step = 2e-3 / sqrt(square);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < ROWS * D; i++)
            moved[i] = (float)(h[i] + (side ? step : -step) * dh[i]);
        value[side] = objective(&model, tape, moved, dz);
    }
    NEAR((value[1] - value[0]) / (2 * step) / square, 1, 2e-3,
        "%d layers: slope along the gradient", layers);
    model.tape_free(tape);
    mlp_free(mlp);
}

static void no_head(void)
{
    struct err err = {0};
    float h[ROWS * D], z[ROWS * D], dh[ROWS * D];
    struct mlp *const mlp = make(MLP_NONE, 3, false, 0, NULL);
    const struct model model = mlp_model(mlp);
    void *const tape = model.tape_new(mlp, 0, ROWS, true, NULL, &err);
    mlp_init(mlp, 1);
    fill(h, ROWS * D, "none", "h", 0, 1);
    OK(model.params->count == 0 && model.out_width == D && tape != NULL,
        "no head: nothing to train");
    model.forward(mlp, tape, z, h, ROWS, MODEL_TRAIN);
    OK(memcmp(z, h, sizeof h) == 0, "no head: z is h");
    model.backward(mlp, tape, dh, z, h, ROWS);
    OK(memcmp(dh, h, sizeof h) == 0, "no head: the gradient passes");
    model.backward(mlp, tape, NULL, z, h, ROWS);
    model.refresh(mlp);
    model.tape_free(tape);
    mlp_free(mlp);
}

static void fresh(void)
{
    struct mlp *const mlp = make(MLP_NONLINEAR, 3, false, 0, NULL);
    const struct model model = mlp_model(mlp);
    mlp_init(mlp, 7);
    const struct param *const w = params_find(model.params, "0.weight");
    double square = 0;
    for (size_t i = 0; i < w->count; i++)
        square += (double)w->value[i] * w->value[i];
    NEAR(sqrt(square / (double)w->count), 0.01, 0.001, "fresh weights have deviation 0.01");
    OK(w->shape[0] == HIDDEN && w->shape[1] == D, "weights are [out,in]");
    OK(params_find(model.params, "2.bn.weight")->value[P - 1] == 1 &&
            params_find(model.params, "1.bn.running_var")->value[0] == 1,
        "gamma and running variance begin with 1");
    OK(params_find(model.params, "2.bn.bias") == NULL, "the last batch norm has no shift");
    OK(model.params->count == 14, "fourteen tensors");
    mlp_free(mlp);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS is sound");
    for (int i = 0; i < 3; i++)
        pool[i] = parallel_new(i + 1, &err);
    if (safetensors_load(&golden, "tests/golden/mlp.safetensors", 1 << 24, &err) < 0)
        OK(0, "%s", err.text);
    check_golden("three", MLP_NONLINEAR, 3, false, 0);
    check_golden("two", MLP_NONLINEAR, 2, false, 0);
    check_golden("linear", MLP_LINEAR, 1, false, 0);
    check_golden("frozen", MLP_NONLINEAR, 3, true, 0);
    check_golden("stopped1", MLP_NONLINEAR, 3, false, 1);
    check_golden("stopped2", MLP_NONLINEAR, 3, false, 2);
    bits();
    finite_differences(MLP_NONLINEAR, 3);
    finite_differences(MLP_NONLINEAR, 4);
    finite_differences(MLP_LINEAR, 1);
    no_head();
    fresh();
    safetensors_free(&golden);
    for (int i = 0; i < 3; i++)
        parallel_free(pool[i]);
    return tap_done();
}
