/* param.h -- the named weights of a model: what is trained, saved and loaded.
 *
 * Names, shapes and layouts are torchvision's: convolutions OIHW [K,C,R,S], dense layers [out,in],
 * batch norm weight, bias, running_mean, running_var [C].
 * SPDX-License-Identifier: MIT */
#ifndef PARAM_H
#define PARAM_H

#include "formats/safetensors.h"
#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_kind {
    PARAM_KERNEL, /* convolution and dense weights: decayed, adapted by LARS */
    PARAM_LOGITS, /* weights of the layer that tells classes apart: decayed, not adapted by LARS */
    PARAM_BIAS,   /* of dense layers */
    PARAM_GAMMA,  /* batch norm: scale */
    PARAM_BETA,   /* batch norm: shift */
    PARAM_BUFFER  /* running statistics: saved, never trained (no gradient) */
};

struct param {
    char name[72];
    enum param_kind kind;
    int rank;
    int64_t shape[4];
    size_t count; /* product of shape */
    float *value; /* [count], 64-byte aligned */
    float *grad;  /* [count], accumulated over the parts of a step; NULL for PARAM_BUFFER */
};

/* A growing list; values and gradients live in one block that params_alloc() makes, after which
 * pointers into param[] stay valid. */
struct params {
    int count, room;
    struct param *param;
    struct arena arena;
};

/* Append; returns its index, or -1 (memory). Values come with params_alloc(). */
int params_add(struct params *params, const char *name, enum param_kind kind, int rank,
    const int64_t *shape, struct err *err);
int params_alloc(struct params *params, struct err *err); /* values and gradients zeroed */
void params_free(struct params *params);

void params_zero_grad(struct params *params);
struct param *params_find(const struct params *params, const char *name);

/* Name of the first parameter with a value (gradient: of_grad) that is not finite, or NULL. */
const char *params_not_finite(const struct params *params, bool of_grad);

/* ---- files (lib/nn/weights.c) -----------------------------------------------------------------
 */

/* Take values from a document, by name. `path` is for messages. F32 as it is, F64, F16 and BF16
 * converted. Tensors the model lacks are ignored; `unused` (may be NULL) is called with the name of
 * each. Errors: ERR_INPUT, naming a missing or misshapen tensor and both shapes, or one that holds
 * a number that is not finite. */
int weights_take(struct params *params, const struct safetensors *doc, const char *path,
    void (*unused)(void *context, const char *name), void *context, struct err *err);

/* Tensors of all parameters, borrowing names and values; [params->count], owned by the caller. */
struct tensor *weights_tensors(const struct params *params, struct err *err);

/* Draws for initialisation, keyed by (seed, name): truncated normal (at two deviations, redrawn),
 * standard deviation `deviation` AFTER truncation as tf.variance_scaling makes it (divide by
 * 0.87962566), and plain normal. */
void weights_truncated_normal(struct param *param, int64_t seed, double deviation);
void weights_normal(struct param *param, int64_t seed, double deviation);
void weights_fill(struct param *param, float value);

#endif
