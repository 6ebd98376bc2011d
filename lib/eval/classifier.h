/* classifier.h -- a linear classifier of features: logits [L] = weight [L,D] . x [D] + bias [L].
 *
 * Numerics: products in f32 over fixed blocks of rows; bits do not depend on the number of threads.
 * SPDX-License-Identifier: MIT */
#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/features.h"

#include <jansson.h>

struct classifier {
    int classes, width; /* L, D */
    int *label;         /* [L] what each class is called in the stream, ascending */
    float *weight, *bias;
    char *column;      /* of the stream it was fitted on */
    const char *layer; /* what its tensors are called in a file: "linear" (NULL too) or "fc" */
    json_t *names;     /* class names by label, or NULL */
};

/* Room for L classes of D features, zeros; `column` may be NULL. Free it in any case. */
int classifier_make(
    struct classifier *out, int classes, int width, const char *column, struct err *err);
void classifier_free(struct classifier *model); /* a zeroed one is fine */

/* Classify rows. Each of rank, predicted, probability [rows] may be NULL: rank of the true class as
 * tally.h says (needs features->label), the likeliest label (among equals the lowest), and its
 * probability. Needs only rows, width, and value or byte of the features.
 * Errors: ERR_FAILED memory, or a logit that is not finite. */
int classifier_score(int *rank, int *predicted, float *probability, const struct classifier *model,
    const struct features *features, struct parallel *parallel, struct err *err);

/* A safetensors file: linear.weight F32 [L,D], linear.bias F32 [L] (what torch.nn.Linear has), and
 * metadata `classes` (JSON: the label of each row), `class_names`, `column`, and `run`. */
int classifier_save(
    const struct classifier *model, const char *path, const json_t *run, struct err *err);

/* Errors: as safetensors_load(); ERR_INPUT what the file lacks. A file from elsewhere may have no
 * `classes`: then they are 0, 1, ... */
int classifier_load(struct classifier *model, const char *path, struct err *err);

/* safetensors_digest() of the two tensors. */
void classifier_digest(char hex[65], const struct classifier *model);

#endif
