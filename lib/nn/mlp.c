/* mlp -- the projection head: dense layers, batch norm and ReLU, and their inverse.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/mlp.h"

#include "lib/base/arena.h"
#include "lib/nn/batchnorm.h"
#include "lib/nn/linear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* dense [in] -> [out], batch norm, and ReLU unless it is the last. Indices into params. */
struct layer {
    int in, out;
    int weight, gamma, beta, mean, variance; /* beta -1: none */
    bool relu;
};

struct mlp {
    struct mlp_options options;
    struct parallel *parallel;
    struct params params;
    int layers;
    struct layer *layer; /* [layers] */
    int widest;          /* out of any layer, or in */
};

/* Of one layer, one part. */
struct trace {
    float *dense; /* [rows,out] before batch norm */
    float *y;     /* [rows,out] after it and ReLU; NULL for the last layer: the caller's output */
    float *mean, *inverse; /* [out] */
};

struct tape {
    struct arena arena;
    struct trace *trace; /* [layers] */
    float *scratch;      /* of batch norm */
    float *grad[2];      /* [rows,widest] */
    int rows;
    bool training;
    const struct spill *spill; /* or NULL: activations are left behind there */
};

/* ---- weights ------------------------------------------------------------------------------------ */

static int add(struct mlp *m, int layer, const char *what, enum param_kind kind, int rank,
    int64_t a, int64_t b, struct err *err)
{
    char name[72];
    const int64_t shape[] = {a, b};
    snprintf(name, sizeof name, "%d.%s", layer, what);
    return params_add(&m->params, name, kind, rank, shape, err);
}

/* -1 when memory is short. */
static int add_layer(struct mlp *m, int i, struct err *err)
{
    const struct mlp_options *const o = &m->options;
    struct layer *const l = &m->layer[i];
    const bool last = o->head == MLP_LINEAR || i == o->layers - 1; /* of a whole head */
    l->in = i == 0 ? o->in : o->hidden;
    l->out = last ? o->out : o->hidden;
    l->relu = !last;
    l->beta = -1;
    m->widest = l->out > m->widest ? l->out : m->widest;
    if ((l->weight = add(m, i, "weight", PARAM_KERNEL, 2, l->out, l->in, err)) < 0 ||
        (l->gamma = add(m, i, "bn.weight", PARAM_GAMMA, 1, l->out, 0, err)) < 0 ||
        (!last && (l->beta = add(m, i, "bn.bias", PARAM_BETA, 1, l->out, 0, err)) < 0) ||
        (l->mean = add(m, i, "bn.running_mean", PARAM_BUFFER, 1, l->out, 0, err)) < 0 ||
        (l->variance = add(m, i, "bn.running_var", PARAM_BUFFER, 1, l->out, 0, err)) < 0)
        return -1;
    return 0;
}

struct mlp *mlp_new(const struct mlp_options *options, struct parallel *parallel, struct err *err)
{
    struct mlp *const m = calloc(1, sizeof *m);
    if (m == NULL) {
        err_memory(err, "the head");
        return NULL;
    }
    m->options = *options;
    m->parallel = parallel;
    m->layers = options->head == MLP_NONE ? 0 : options->head == MLP_LINEAR ? 1 : options->layers;
    if (options->head == MLP_NONLINEAR && options->stop > 0)
        m->layers = options->stop;
    m->widest = options->in;
    m->layer = calloc((size_t)m->layers + 1, sizeof *m->layer);
    int status = m->layer != NULL ? 0 : err_memory(err, "the head");
    for (int i = 0; i < m->layers && status == 0; i++)
        status = add_layer(m, i, err);
    if (status < 0 || params_alloc(&m->params, err) < 0) {
        mlp_free(m);
        return NULL;
    }
    return m;
}

void mlp_free(struct mlp *m)
{
    if (m == NULL)
        return;
    params_free(&m->params);
    free(m->layer);
    free(m);
}

void mlp_init(struct mlp *m, int64_t seed)
{
    struct param *const p = m->params.param;
    for (int i = 0; i < m->layers; i++) {
        const struct layer *const l = &m->layer[i];
        weights_normal(&p[l->weight], seed, 0.01);
        weights_fill(&p[l->gamma], 1);
        if (l->beta >= 0)
            weights_fill(&p[l->beta], 0);
        weights_fill(&p[l->mean], 0);
        weights_fill(&p[l->variance], 1);
    }
}

/* ---- the tape ----------------------------------------------------------------------------------- */

static void layout(struct arena *arena, struct tape *t, const struct mlp *m, int rows)
{
    const size_t n = (size_t)rows, width = (size_t)m->widest * sizeof(float);
    size_t scratch = 1;
    t->trace = arena_take(arena, (size_t)m->layers + 1, sizeof *t->trace);
    for (int i = 0; i < m->layers; i++) {
        const size_t out = (size_t)m->layer[i].out;
        const size_t wanted = t->training ? batchnorm_scratch(n, m->layer[i].out) : 0;
        struct trace trace = {0};
        if (t->training) {
            trace.dense = arena_take(arena, n, out * sizeof(float));
            if (i + 1 < m->layers)
                trace.y = arena_take(arena, n, out * sizeof(float));
        }
        trace.mean = arena_take(arena, out, sizeof(float));
        trace.inverse = arena_take(arena, out, sizeof(float));
        scratch = wanted > scratch ? wanted : scratch;
        if (t->trace != NULL)
            t->trace[i] = trace;
    }
    t->scratch = arena_take(arena, scratch, sizeof(float));
    t->grad[0] = arena_take(arena, n, width); /* without training: activations */
    t->grad[1] = arena_take(arena, n, width);
}

static int size(const void *self, const int *shape, struct err *err)
{
    const struct mlp *const m = self;
    return shape[0] == m->options.in
               ? 0
               : err_set(err, ERR_INPUT, "rows have %d numbers, the head takes %d", shape[0],
                     m->options.in);
}

static size_t tape_size(const void *self, int which, int rows, bool training)
{
    struct arena count = {0};
    (void)which;
    struct tape tape = {.training = training};
    layout(&count, &tape, self, rows);
    return count.used;
}

static void *tape_new(
    void *self, int which, int rows, bool training, const struct spill *spill, struct err *err)
{
    struct tape *const t = calloc(1, sizeof *t);
    (void)which;
    if (t == NULL) {
        err_memory(err, "the head's activations");
        return NULL;
    }
    t->rows = rows;
    t->training = training;
    t->spill = spill;
    layout(&t->arena, t, self, rows);
    if (spill != NULL) {
        arena_lend(&t->arena, spill->base, spill->bytes);
    } else if (arena_alloc(&t->arena, "the head's activations", err) < 0) {
        free(t);
        return NULL;
    }
    layout(&t->arena, t, self, rows);
    return t;
}

static void tape_free(void *tape)
{
    struct tape *const t = tape;
    if (t == NULL)
        return;
    arena_free(&t->arena);
    free(t);
}

/* ---- forward ------------------------------------------------------------------------------------ */

static float *value(const struct mlp *m, int index)
{
    return index < 0 ? NULL : m->params.param[index].value;
}

static float *gradient(const struct mlp *m, int index)
{
    return index < 0 ? NULL : m->params.param[index].grad;
}

/* Not wanted before the way back, or not any more. */
static void leave(const struct tape *t, const float *x, int rows, int width)
{
    spill_leave(t->spill, x, (size_t)rows * (size_t)width * sizeof *x);
}

static void forward(
    void *self, void *tape, float *out, const void *in, int rows, enum model_mode mode)
{
    struct mlp *const m = self;
    struct tape *const t = tape;
    const float *x = in;
    if (m->layers == 0)
        memcpy(out, in, (size_t)rows * (size_t)m->options.in * sizeof *out);
    for (int i = 0; i < m->layers; i++) {
        const struct layer *const l = &m->layer[i];
        const struct trace *const trace = &t->trace[i];
        const bool last = i == m->layers - 1;
        float *const y = last ? out : t->training ? trace->y : t->grad[i % 2];
        float *const dense = t->training ? trace->dense : y;
        float *const mean = value(m, l->mean), *const variance = value(m, l->variance);
        linear_forward(m->parallel, dense, x, value(m, l->weight), NULL, rows, l->in, l->out);
        if (mode == MODEL_EVAL || m->options.frozen)
            batchnorm_running(trace->mean, trace->inverse, mean, variance, l->out);
        else
            batchnorm_statistics(m->parallel, trace->mean, trace->inverse,
                mode == MODEL_TRAIN ? mean : NULL, mode == MODEL_TRAIN ? variance : NULL, dense,
                PRECISION_F32, (size_t)rows, l->out, t->scratch);
        batchnorm_forward(m->parallel, y, dense, NULL, PRECISION_F32, trace->mean, trace->inverse,
            value(m, l->gamma), value(m, l->beta), (size_t)rows, l->out, l->relu);
        leave(t, trace->dense, rows, l->out);
        if (i > 0)
            leave(t, x, rows, l->in);
        x = y;
    }
}

/* ---- backward ----------------------------------------------------------------------------------- */

static void backward(
    void *self, void *tape, float *grad_in, const float *grad_out, const void *in, int rows)
{
    struct mlp *const m = self;
    struct tape *const t = tape;
    const float *dy = grad_out;
    if (m->layers == 0 && grad_in != NULL)
        memcpy(grad_in, grad_out, (size_t)rows * (size_t)m->options.in * sizeof *grad_in);
    for (int i = m->layers - 1; i >= 0; i--) {
        const struct layer *const l = &m->layer[i];
        const struct trace *const trace = &t->trace[i];
        float *const ddense = t->grad[0], *const dx = i > 0 ? t->grad[1] : grad_in;
        /* in the forward pass this was: y = relu(batch norm(dense)) */
        batchnorm_backward(m->parallel, ddense, NULL, gradient(m, l->gamma), gradient(m, l->beta),
            dy, NULL, trace->dense, NULL, PRECISION_F32, trace->mean, trace->inverse,
            value(m, l->gamma), value(m, l->beta), (size_t)rows, l->out, l->relu, m->options.frozen,
            t->scratch);
        /* and this: dense = x . weight^T */
        linear_backward(m->parallel, dx, gradient(m, l->weight), NULL, ddense,
            i > 0 ? t->trace[i - 1].y : in, value(m, l->weight), rows, l->in, l->out);
        leave(t, trace->dense, rows, l->out);
        if (trace->y != NULL)
            leave(t, trace->y, rows, l->out);
        dy = dx;
    }
}

static void refresh(void *self)
{
    (void)self; /* weights are used as they are */
}

struct model mlp_model(struct mlp *m)
{
    return (struct model){.self = m,
        .params = &m->params,
        .in_floats = m->options.in,
        .out_width = m->layers > 0 ? m->layer[m->layers - 1].out : m->options.in,
        .size = size,
        .tape_size = tape_size,
        .tape_new = tape_new,
        .tape_free = tape_free,
        .forward = forward,
        .backward = backward,
        .refresh = refresh};
}
