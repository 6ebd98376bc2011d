/* supervised -- the layer that ends a supervised run.
 * SPDX-License-Identifier: MIT */
#include "lib/train/supervised.h"

#include "lib/nn/linear.h"

#include <math.h>
#include <stdlib.h>

struct supervised {
    int width, classes; /* D, L */
    struct parallel *parallel;
    struct params params;    /* weight, bias */
    float *logit;            /* [room,L], then the gradient by it */
    struct softmax_row *row; /* [room] */
    int room;
};

enum { WEIGHT, BIAS }; /* in params */

struct supervised *supervised_new(
    int width, int classes, struct parallel *parallel, struct err *err)
{
    const int64_t shape[] = {classes, width};
    if (classes > SUPERVISED_WEIGHTS / width) {
        err_set(err, ERR_INPUT, "%d classes of %d features: more than %d weights", classes, width,
            SUPERVISED_WEIGHTS);
        return NULL;
    }
    struct supervised *const s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_memory(err, "the classifier");
        return NULL;
    }
    *s = (struct supervised){.width = width, .classes = classes, .parallel = parallel};
    if (params_add(&s->params, "fc.weight", PARAM_LOGITS, 2, shape, err) < 0 ||
        params_add(&s->params, "fc.bias", PARAM_BIAS, 1, shape, err) < 0 ||
        params_alloc(&s->params, err) < 0) {
        supervised_free(s);
        return NULL;
    }
    return s;
}

void supervised_free(struct supervised *s)
{
    if (s == NULL)
        return;
    params_free(&s->params);
    free(s->logit);
    free(s->row);
    free(s);
}

void supervised_init(struct supervised *s, int64_t seed, bool zero)
{
    if (zero)
        weights_fill(&s->params.param[WEIGHT], 0);
    else
        weights_normal(&s->params.param[WEIGHT], seed, 0.01);
    weights_fill(&s->params.param[BIAS], 0);
}

struct params *supervised_params(struct supervised *s)
{
    return &s->params;
}

static int make_room(struct supervised *s, int rows, struct err *err)
{
    if (rows <= s->room)
        return 0;
    free(s->logit);
    free(s->row);
    s->logit = malloc((size_t)rows * (size_t)s->classes * sizeof *s->logit);
    s->row = malloc((size_t)rows * sizeof *s->row);
    s->room = s->logit != NULL && s->row != NULL ? rows : 0;
    return s->room > 0 ? 0 : err_memory(err, "the logits of a step");
}

static int check(const struct supervised *s, const int64_t *label, int rows, struct err *err)
{
    const size_t logits = (size_t)rows * (size_t)s->classes;
    for (int i = 0; i < rows; i++)
        if (label[i] < -1 || label[i] >= s->classes)
            return err_set(err, ERR_INPUT, "label %lld of row %d is not within 0 .. %d, nor -1",
                (long long)label[i], i, s->classes - 1);
    for (size_t i = 0; i < logits; i++)
        if (!isfinite(s->logit[i]))
            return err_set(
                err, ERR_FAILED, "row %zu: a logit is not finite", i / (size_t)s->classes);
    return 0;
}

int supervised_step(struct supervised *s, struct softmax_result *out, float *grad, const float *h,
    const int64_t *label, int rows, struct err *err)
{
    const struct param *const weight = &s->params.param[WEIGHT];
    const struct param *const bias = &s->params.param[BIAS];
    const int width = s->width, classes = s->classes;
    if (make_room(s, rows, err) < 0)
        return -1;
    linear_forward(s->parallel, s->logit, h, weight->value, bias->value, rows, width, classes);
    if (check(s, label, rows, err) < 0)
        return -1;
    *out = softmax_mean(s->parallel, s->logit, s->row, label, rows, classes);
    params_zero_grad(&s->params);
    linear_backward(s->parallel, grad, weight->grad, bias->grad, s->logit, h, weight->value, rows,
        width, classes);
    return 0;
}
