/* classifier -- a linear layer with names: scoring, and its file.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/classifier.h"

#include "lib/base/arena.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int classifier_make(
    struct classifier *model, int classes, int width, const char *column, struct err *err)
{
    model->classes = classes;
    model->width = width;
    model->label = calloc((size_t)classes, sizeof *model->label);
    model->weight = calloc((size_t)classes * (size_t)width, sizeof *model->weight);
    model->bias = calloc((size_t)classes, sizeof *model->bias);
    model->column = column != NULL ? strdup(column) : NULL;
    if (model->label == NULL || model->weight == NULL || model->bias == NULL ||
        (column != NULL && model->column == NULL))
        return err_memory(err, "the classifier");
    return 0;
}

void classifier_free(struct classifier *model)
{
    free(model->label);
    free(model->weight);
    free(model->bias);
    free(model->column);
    json_decref(model->names);
    *model = (struct classifier){0};
}

/* ---- classifying ------------------------------------------------------------------------------ */

struct score {
    const struct classifier *model;
    const struct features *features;
    int *rank, *predicted;
    float *probability;
    int block;
    float **x, **logit; /* [threads] of [block,D] and [block,L] */
    double **sum;       /* [threads] of [L] */
    bool *bad;          /* [threads] met a logit that is not finite */
};

static void layout_score(struct arena *arena, struct score *s, int threads)
{
    const size_t block = (size_t)s->block, classes = (size_t)s->model->classes;
    s->x = arena_take(arena, (size_t)threads, sizeof *s->x);
    s->logit = arena_take(arena, (size_t)threads, sizeof *s->logit);
    s->sum = arena_take(arena, (size_t)threads, sizeof *s->sum);
    s->bad = arena_take(arena, (size_t)threads, sizeof *s->bad);
    for (int t = 0; t < threads; t++) {
        float *const x = arena_take(arena, block * (size_t)s->model->width, sizeof *x);
        float *const logit = arena_take(arena, block * classes, sizeof *logit);
        double *const sum = arena_take(arena, classes, sizeof *sum);
        if (arena->base != NULL) {
            s->x[t] = x;
            s->logit[t] = logit;
            s->sum[t] = sum;
        }
    }
}

static int by_label(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void classify(const struct score *s, const double *logit, int row)
{
    const struct classifier *const model = s->model;
    int best = 0;
    for (int l = 1; l < model->classes; l++)
        best = logit[l] > logit[best] ? l : best;
    double sum = 0;
    for (int l = 0; s->probability != NULL && l < model->classes; l++)
        sum += exp(logit[l] - logit[best]);
    if (s->probability != NULL)
        s->probability[row] = (float)(1 / sum);
    if (s->predicted != NULL)
        s->predicted[row] = model->label[best];
    if (s->rank == NULL)
        return;
    const int *const own = bsearch(&s->features->label[row], model->label, (size_t)model->classes,
        sizeof *model->label, by_label);
    s->rank[row] =
        own == NULL ? TALLY_UNKNOWN : tally_rank(logit, model->classes, (int)(own - model->label));
}

static void work(void *context, int block, int thread)
{
    const struct score *const s = context;
    const int classes = s->model->classes, width = s->model->width, from = block * s->block;
    const int left = s->features->rows - from, rows = left < s->block ? left : s->block;
    features_block(s->x[thread], s->features, NULL, from, rows, NULL, NULL);
    gemm_block(s->logit[thread], s->x[thread], s->model->weight, rows, classes, width, false, true,
        1, 0, classes, width, width);
    for (int i = 0; i < rows; i++) {
        for (int l = 0; l < classes; l++)
            s->sum[thread][l] = (double)s->logit[thread][(size_t)i * (size_t)classes + (size_t)l] +
                                s->model->bias[l];
        classify(s, s->sum[thread], from + i);
        for (int l = 0; l < classes; l++)
            s->bad[thread] |= !isfinite(s->sum[thread][l]);
    }
}

int classifier_score(int *rank, int *predicted, float *probability, const struct classifier *model,
    const struct features *features, struct parallel *parallel, struct err *err)
{
    enum { BLOCK_FLOATS = 1 << 16, MOST = 256, LEAST = 16 };
    struct score s = {.model = model,
        .features = features,
        .rank = rank,
        .predicted = predicted,
        .probability = probability};
    const int widest = model->width > model->classes ? model->width : model->classes;
    const int fit = BLOCK_FLOATS / widest, threads = parallel_threads(parallel);
    s.block = fit > MOST ? MOST : fit < LEAST ? LEAST : fit;
    struct arena arena = {0};
    layout_score(&arena, &s, threads);
    if (arena_alloc(&arena, "the classifier", err) < 0)
        return -1;
    layout_score(&arena, &s, threads);
    parallel_run(parallel, (features->rows - 1) / s.block + 1, work, &s);
    bool bad = false;
    for (int t = 0; t < threads; t++)
        bad |= s.bad[t];
    arena_free(&arena);
    return bad ? err_set(err, ERR_FAILED, "a logit is not finite: the features are too large") : 0;
}

/* ---- files ------------------------------------------------------------------------------------ */

static void describe(struct tensor tensor[2], const struct classifier *model)
{
    const int64_t classes = model->classes, width = model->width;
    const bool fc = model->layer != NULL && strcmp(model->layer, "fc") == 0;
    tensor[0] = (struct tensor){.name = (char *)(fc ? "fc.weight" : "linear.weight"),
        .dtype = DTYPE_F32,
        .rank = 2,
        .shape = {classes, width},
        .data = model->weight,
        .bytes = (size_t)(classes * width) * sizeof(float)};
    tensor[1] = (struct tensor){.name = (char *)(fc ? "fc.bias" : "linear.bias"),
        .dtype = DTYPE_F32,
        .rank = 1,
        .shape = {classes},
        .data = model->bias,
        .bytes = (size_t)classes * sizeof(float)};
}

void classifier_digest(char hex[65], const struct classifier *model)
{
    struct tensor tensor[2];
    describe(tensor, model);
    safetensors_digest(hex, 2, tensor);
}

/* Metadata are strings: JSON in JSON. */
static void put(json_t *metadata, const char *key, const json_t *value)
{
    char *const text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL)
        json_object_set_new(metadata, key, json_string(text));
    free(text);
}

int classifier_save(
    const struct classifier *model, const char *path, const json_t *run, struct err *err)
{
    json_t *const metadata = json_object(), *const classes = json_array();
    for (int l = 0; l < model->classes; l++)
        json_array_append_new(classes, json_integer(model->label[l]));
    put(metadata, "classes", classes);
    put(metadata, "class_names", model->names);
    put(metadata, "run", run);
    if (model->column != NULL)
        json_object_set_new(metadata, "column", json_string(model->column));
    struct tensor tensor[2];
    describe(tensor, model);
    const int status = json_object_get(metadata, "classes") == NULL
                           ? err_memory(err, "the classifier")
                           : safetensors_save(path, metadata, 2, tensor, err);
    json_decref(classes);
    json_decref(metadata);
    return status;
}

/* The labels of the rows, ascending, as `classes` has them; 0, 1, ... where there is none. */
static int load_labels(
    struct classifier *model, const char *text, const char *path, struct err *err)
{
    json_t *const classes = text != NULL ? json_loads(text, 0, NULL) : NULL;
    bool good = text == NULL || json_array_size(classes) == (size_t)model->classes;
    json_int_t last = -1;
    for (int l = 0; l < model->classes && good; l++) {
        const json_t *const item = json_array_get(classes, (size_t)l);
        const json_int_t label = text == NULL ? l : json_integer_value(item);
        good = (text == NULL || json_is_integer(item)) && label > last && label < FEATURES_LABELS;
        model->label[l] = good ? (int)label : 0;
        last = label;
    }
    json_decref(classes);
    return good ? 0
                : err_set(err, ERR_INPUT, "'%s': 'classes' is not a list of %d ascending labels",
                      path, model->classes);
}

static int take(
    struct classifier *model, const struct safetensors *doc, const char *path, struct err *err)
{
    const bool fc = safetensors_find(doc, "linear.weight") == NULL &&
                    safetensors_find(doc, "fc.weight") != NULL;
    const char *const layer = fc ? "fc" : "linear";
    const struct tensor *const w = safetensors_find(doc, fc ? "fc.weight" : "linear.weight");
    const struct tensor *const b = safetensors_find(doc, fc ? "fc.bias" : "linear.bias");
    if (w == NULL || b == NULL)
        return err_set(err, ERR_INPUT, "'%s' has no tensor '%s.%s'", path, layer,
            w == NULL ? "weight" : "bias");
    if (w->dtype != DTYPE_F32 || w->rank != 2 || b->dtype != DTYPE_F32 || b->rank != 1 ||
        w->shape[0] != b->shape[0] || w->shape[0] < 1 || w->shape[0] > FEATURES_LABELS ||
        w->shape[1] < 1 || w->shape[1] > INT32_MAX / 4)
        return err_set(err, ERR_INPUT,
            "'%s': %s.weight and %s.bias are not F32 [classes,features] and F32 [classes]", path,
            layer, layer);
    if (classifier_make(model, (int)w->shape[0], (int)w->shape[1],
            safetensors_metadata(doc, "column"), err) < 0)
        return -1;
    model->layer = layer;
    memcpy(model->weight, w->data, w->bytes);
    memcpy(model->bias, b->data, b->bytes);
    for (size_t i = 0; i < w->bytes / sizeof(float); i++)
        if (!isfinite(model->weight[i]))
            return err_set(err, ERR_INPUT, "'%s': %s.weight is not finite", path, layer);
    for (int l = 0; l < model->classes; l++)
        if (!isfinite(model->bias[l]))
            return err_set(err, ERR_INPUT, "'%s': %s.bias is not finite", path, layer);
    const char *const names = safetensors_metadata(doc, "class_names");
    model->names = names != NULL ? json_loads(names, 0, NULL) : NULL;
    for (size_t i = 0; i < json_array_size(model->names); i++)
        if (!json_is_string(json_array_get(model->names, i)))
            return err_set(err, ERR_INPUT, "'%s': 'class_names' is not a list of strings", path);
    return load_labels(model, safetensors_metadata(doc, "classes"), path, err);
}

int classifier_load(struct classifier *model, const char *path, struct err *err)
{
    struct safetensors doc = {0};
    *model = (struct classifier){0};
    if (safetensors_load(&doc, path, STREAM_RECORD, err) < 0)
        return -1;
    const int status = take(model, &doc, path, err);
    safetensors_free(&doc);
    if (status < 0)
        classifier_free(model);
    return status;
}
