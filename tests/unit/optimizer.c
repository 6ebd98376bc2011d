/* optimizer -- each update rule against ten steps in double, and what is excluded, refused, named.
 * SPDX-License-Identifier: MIT */
#include "lib/train/optimizer.h"

#include "formats/safetensors.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* The tensors of make_train.py, and running statistics, which no optimiser touches. */
static const struct {
    const char *name;
    enum param_kind kind;
    int rank;
    int64_t shape[4];
} tensors[] = {
    {"kernel", PARAM_KERNEL, 4, {4, 3, 3, 3}},
    {"large", PARAM_KERNEL, 2, {200, 100}},
    {"bias", PARAM_BIAS, 1, {5}},
    {"gamma", PARAM_GAMMA, 1, {7}},
    {"beta", PARAM_BETA, 1, {7}},
    {"running_mean", PARAM_BUFFER, 1, {7}},
    {"logits", PARAM_LOGITS, 2, {4, 6}},
    {"born_zero", PARAM_KERNEL, 2, {3, 2}},
    {"no_gradient", PARAM_KERNEL, 2, {3, 2}},
};

enum { TENSORS = sizeof tensors / sizeof *tensors, STEPS = 10, SAMPLE = 101 };

static const double rates[STEPS] = {0, 0.5, 1, 0.9, 1, 0.7, 0.4, 0.3, 0.1, 0.05};

static struct params make(void)
{
    struct params params = {0};
    struct err err = {0};
    for (int i = 0; i < TENSORS; i++)
        params_add(
            &params, tensors[i].name, tensors[i].kind, tensors[i].rank, tensors[i].shape, &err);
    params_alloc(&params, &err);
    for (int i = 0; i < params.count; i++) {
        struct param *const param = &params.param[i];
        const uint32_t key = noise_key(param->name);
        for (size_t j = 0; j < param->count && strcmp(param->name, "born_zero") != 0; j++)
            param->value[j] = (float)(noise(key, (uint32_t)j) / 2);
    }
    if (err.status != ERR_NONE)
        printf("# %s\n", err.text);
    return params;
}

static void gradients(struct params *params, int step)
{
    params_zero_grad(params);
    for (int i = 0; i < params->count; i++) {
        struct param *const param = &params->param[i];
        const uint32_t key = noise_key(param->name) + (uint32_t)step + 1;
        if (param->kind == PARAM_BUFFER || strcmp(param->name, "no_gradient") == 0)
            continue;
        for (size_t j = 0; j < param->count; j++)
            param->grad[j] = (float)noise(key, (uint32_t)j);
    }
}

static struct optimizer *start(
    struct params *params, const char *name, double decay, bool nesterov, struct parallel *parallel)
{
    struct err err = {0};
    const struct optimizer_options options = {name, 0.9, decay, nesterov};
    struct optimizer *const o = optimizer_new(&options, params, parallel, &err);
    if (o == NULL)
        printf("# %s\n", err.text);
    return o;
}

static int ten_steps(struct optimizer *o, struct params *params, double peak)
{
    struct err err = {0};
    for (int step = 0; step < STEPS; step++) {
        gradients(params, step);
        if (optimizer_step(o, peak * rates[step], step, &err) != 0)
            return printf("# %s\n", err.text), -1;
    }
    return 0;
}

/* Hold `data` [count] against the golden of that name, of which large tensors are a sample. */
static void against(
    const struct safetensors *golden, const char *name, const float *data, size_t count)
{
    const struct tensor *const want = safetensors_find(golden, name);
    const size_t stride = count > 1000 ? SAMPLE : 1, samples = (count + stride - 1) / stride;
    float got[1000];
    double wanted[1000];
    if (want == NULL || want->dtype != DTYPE_F64 || want->bytes != samples * sizeof *wanted) {
        OK(0, "golden '%s' fits", name);
        return;
    }
    memcpy(wanted, want->data, want->bytes);
    for (size_t i = 0; i < samples; i++)
        got[i] = data[i * stride];
    const double error = tap_error(got, wanted, samples);
    OK(error <= 1e-6, "%s: off by %.1e", name, error);
}

static void rule(const struct safetensors *golden, const char *label, const char *name, double peak,
    bool nesterov)
{
    struct params params = make();
    struct optimizer *const o = start(&params, name, 0.05, nesterov, NULL);
    char key[128];
    int slots;
    OK(ten_steps(o, &params, peak) == 0, "%s: ten steps", label);
    for (int i = 0; i < params.count; i++) {
        const struct param *const param = &params.param[i];
        snprintf(key, sizeof key, "%s.%s", label, param->name);
        if (param->kind != PARAM_BUFFER)
            against(golden, key, param->value, param->count);
        else
            OK(param->value[3] == (float)(noise(noise_key(param->name), 3) / 2),
                "%s: running statistics stay", label);
    }
    const struct tensor *const slot = optimizer_slots(o, &slots);
    OK(slots == (strncmp(name, "adam", 4) == 0 ? 2 : 1) * (TENSORS - 1),
        "%s: a slot or two a tensor, none of running statistics", label);
    for (int i = 0; i < slots; i++) {
        snprintf(key, sizeof key, "%s.%s", label, slot[i].name);
        against(golden, key, slot[i].data, slot[i].bytes / sizeof(float));
    }
    optimizer_free(o);
    params_free(&params);
}

static void same_bits(const char *name, double peak)
{
    struct params params[3];
    for (int threads = 1; threads <= 3; threads++) {
        struct err err = {0};
        struct parallel *const parallel = parallel_new(threads, &err);
        struct params *const p = &params[threads - 1];
        *p = make();
        struct optimizer *const o = start(p, name, 0.05, false, parallel);
        ten_steps(o, p, peak);
        optimizer_free(o);
        parallel_free(parallel);
    }
    for (int threads = 2; threads <= 3; threads++) {
        bool same = true;
        for (int i = 0; i < params[0].count; i++)
            same = same && memcmp(params[0].param[i].value, params[threads - 1].param[i].value,
                               params[0].param[i].count * sizeof(float)) == 0;
        OK(same, "%s: the same bits from 1 and %d threads", name, threads);
    }
    for (int i = 0; i < 3; i++)
        params_free(&params[i]);
}

/* Norms of zero: the trust ratio is 1, not 0/0. */
static void zero_norms(void)
{
    struct params params = make();
    struct optimizer *const o = start(&params, "lars", 0, false, NULL);
    const struct param *const still = params_find(&params, "no_gradient");
    const struct param *const born = params_find(&params, "born_zero");
    const float before = still->value[1];
    struct err err = {0};
    gradients(&params, 0);
    const float gradient = born->grad[2];
    OK(optimizer_step(o, 0.5, 0, &err) == 0, "lars: a step with norms of zero");
    OK(still->value[1] == before, "lars: no gradient and no decay move nothing");
    OK(gradient != 0 && born->value[2] == -0.5f * gradient,
        "lars: weights of zero move with trust 1");
    OK(born->grad[2] == 0, "gradients are zero for the next step");
    optimizer_free(o);
    params_free(&params);
}

/* A number that is not finite stops the run and is named; finite ones just below do not. */
static void not_finite(void)
{
    static const char *const names[] = {"lars", "sgd", "adam", "adamw"};
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        struct params params = make();
        struct optimizer *const o = start(&params, names[i], 0, false, NULL);
        struct param *const large = params_find(&params, "large");
        const float before = params.param[0].value[0];
        for (int j = 0; j < 3; j++) {
            struct err err = {0};
            gradients(&params, 0);
            large->grad[19999] = bad[j];
            OK(optimizer_step(o, 1, 12, &err) == -1 && err.status == ERR_FAILED &&
                    strcmp(err.text, "step 12: the gradient of 'large' is not finite") == 0,
                "%s: a gradient of %f is named", names[i], (double)bad[j]);
        }
        OK(params.param[0].value[0] == before, "%s: and nothing has moved", names[i]);
        optimizer_free(o);
        params_free(&params);
    }
    struct params params = make();
    struct optimizer *o = start(&params, "sgd", 0, false, NULL);
    struct err err = {0}, later = {0};
    gradients(&params, 0);
    params_find(&params, "gamma")->grad[6] = 3e38f;
    OK(optimizer_step(o, 2, 7, &err) == -1 &&
            strcmp(err.text, "step 7: the new value of 'gamma' is not finite") == 0,
        "sgd: a weight that overflows is named");
    optimizer_free(o);
    o = start(&params, "adam", 0, false, NULL);
    gradients(&params, 0);
    params_find(&params, "gamma")->value[6] = 0;
    params_find(&params, "bias")->grad[0] = 1e30f;
    OK(optimizer_step(o, 1e-3, 8, &later) == -1 &&
            strcmp(later.text, "step 8: the optimiser's state of 'bias' is not finite") == 0,
        "adam: a second moment that overflows is named");
    optimizer_free(o);
    params_free(&params);
}

static void misuse(void)
{
    struct params params = make();
    struct err err = {0}, nesterov = {0};
    struct optimizer_options options = {"rmsprop", 0.9, 0, false};
    OK(optimizer_new(&options, &params, NULL, &err) == NULL && err.status == ERR_MISUSE,
        "an unknown rule is misuse");
    options = (struct optimizer_options){"adam", 0.9, 0, true};
    OK(optimizer_new(&options, &params, NULL, &nesterov) == NULL && nesterov.status == ERR_MISUSE,
        "adam with Nesterov momentum is misuse");
    params_free(&params);
}

int main(void)
{
    struct safetensors golden;
    struct err err = {0};
    if (safetensors_load(&golden, "tests/golden/train.safetensors", 1 << 20, &err) != 0) {
        OK(0, "%s", err.text);
        return tap_done();
    }
    rule(&golden, "lars", "lars", 20, false);
    rule(&golden, "lars-nesterov", "lars", 20, true);
    rule(&golden, "sgd", "sgd", 0.1, false);
    rule(&golden, "sgd-nesterov", "sgd", 0.1, true);
    rule(&golden, "adam", "adam", 0.05, false);
    rule(&golden, "adamw", "adamw", 0.05, false);
    safetensors_free(&golden);
    same_bits("lars", 20);
    same_bits("sgd", 0.1);
    same_bits("adam", 0.05);
    same_bits("adamw", 0.05);
    zero_norms();
    not_finite();
    misuse();
    return tap_done();
}
