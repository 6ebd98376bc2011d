/* weights -- values for parameters: out of a file, or drawn.
 * SPDX-License-Identifier: MIT */
#include "lib/base/rng.h"
#include "lib/nn/param.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[64,3,7,7]" */
static void print_shape(char *text, size_t size, int rank, const int64_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(
            text + used, size - used, "%s%lld", i == 0 ? "" : ",", (long long)shape[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
}

static int check(
    const struct param *param, const struct tensor *tensor, const char *path, struct err *err)
{
    char have[200], want[100];
    print_shape(want, sizeof want, param->rank, param->shape);
    if (tensor == NULL)
        return err_set(err, ERR_INPUT, "'%s': tensor '%s' %s is missing", path, param->name, want);
    print_shape(have, sizeof have, tensor->rank, tensor->shape);
    if (tensor->rank != param->rank ||
        memcmp(tensor->shape, param->shape, (size_t)param->rank * sizeof *param->shape) != 0)
        return err_set(err, ERR_INPUT, "'%s': tensor '%s' has shape %s, the model wants %s", path,
            param->name, have, want);
    if (tensor->dtype != DTYPE_F32 && tensor->dtype != DTYPE_F64 && tensor->dtype != DTYPE_F16 &&
        tensor->dtype != DTYPE_BF16)
        return err_set(err, ERR_INPUT, "'%s': tensor '%s' holds %s, no floating-point numbers",
            path, param->name, dtype_name(tensor->dtype));
    return 0;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static float from_f16(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const float size = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                       : exponent == 0 ? ldexpf((float)fraction, -24)
                                       : ldexpf((float)(fraction + 1024), exponent - 25);
    return half >> 15 ? -size : size;
}

static void convert(float *out, const struct tensor *tensor, size_t n)
{
    const unsigned char *in = tensor->data; /* not aligned: every element is copied out */
    if (tensor->dtype == DTYPE_F32) {
        memcpy(out, in, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (tensor->dtype == DTYPE_F64) {
            double value;
            memcpy(&value, in + 8 * i, 8);
            out[i] = (float)value;
        } else {
            uint16_t bits;
            memcpy(&bits, in + 2 * i, 2);
            if (tensor->dtype == DTYPE_F16) {
                out[i] = from_f16(bits);
            } else { /* BF16: the upper half of a float */
                const uint32_t wide = (uint32_t)bits << 16;
                memcpy(&out[i], &wide, 4);
            }
        }
    }
}

/* Every variance must be one, or the first forward pass would make NaN of it. */
static bool negative_variance(const struct param *param)
{
    const char suffix[] = "running_var";
    const size_t length = strlen(param->name), tail = sizeof suffix - 1;
    if (param->kind != PARAM_BUFFER || length < tail ||
        strcmp(param->name + length - tail, suffix) != 0)
        return false;
    for (size_t i = 0; i < param->count; i++)
        if (param->value[i] < 0)
            return true;
    return false;
}

int weights_take(struct params *params, const struct safetensors *doc, const char *path,
    void (*unused)(void *context, const char *name), void *context, struct err *err)
{
    for (int i = 0; i < params->count; i++) {
        const struct param *p = &params->param[i];
        if (check(p, safetensors_find(doc, p->name), path, err) != 0)
            return -1;
    }
    for (int i = 0; i < params->count; i++) {
        struct param *p = &params->param[i];
        convert(p->value, safetensors_find(doc, p->name), p->count);
        if (negative_variance(p))
            return err_set(
                err, ERR_INPUT, "'%s': tensor '%s' holds a negative variance", path, p->name);
    }
    const char *bad = params_not_finite(params, false);
    if (bad != NULL)
        return err_set(
            err, ERR_INPUT, "'%s': tensor '%s' holds a number that is not finite", path, bad);
    for (int i = 0; unused != NULL && i < doc->count; i++)
        if (params_find(params, doc->tensor[i].name) == NULL)
            unused(context, doc->tensor[i].name);
    return 0;
}

struct tensor *weights_tensors(const struct params *params, struct err *err)
{
    struct tensor *tensor = calloc((size_t)params->count + 1, sizeof *tensor);
    if (tensor == NULL) {
        err_memory(err, "the list of weights");
        return NULL;
    }
    for (int i = 0; i < params->count; i++) {
        struct param *p = &params->param[i];
        tensor[i] = (struct tensor){.name = p->name,
            .dtype = DTYPE_F32,
            .rank = p->rank,
            .data = p->value,
            .bytes = p->count * sizeof(float)};
        memcpy(tensor[i].shape, p->shape, (size_t)p->rank * sizeof *p->shape);
    }
    return tensor;
}

void weights_truncated_normal(struct param *param, int64_t seed, double deviation)
{
    /* What is left of a unit normal between -2 and 2 has this deviation. */
    const double scale = deviation / 0.87962566103423978;
    struct rng rng = rng_key(seed, 0, 0, 0, param->name);
    for (size_t i = 0; i < param->count; i++) {
        double z;
        do
            z = rng_normal(&rng);
        while (fabs(z) > 2);
        param->value[i] = (float)(z * scale);
    }
}

void weights_normal(struct param *param, int64_t seed, double deviation)
{
    struct rng rng = rng_key(seed, 0, 0, 0, param->name);
    for (size_t i = 0; i < param->count; i++)
        param->value[i] = (float)(rng_normal(&rng) * deviation);
}

void weights_fill(struct param *param, float value)
{
    for (size_t i = 0; i < param->count; i++)
        param->value[i] = value;
}
