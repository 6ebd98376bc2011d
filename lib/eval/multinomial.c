/* multinomial -- the objective of multinomial logistic regression and its gradient.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/multinomial.h"

#include "lib/base/cpu.h"
#include "lib/base/shape.h"
#include "lib/nn/gemm.h"
#include "lib/objective/softmax.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK_FLOATS = 1 << 16,  /* features multiplied at a time: they stay in the cache */
    CHUNKS = 32,             /* enough for any machine, few enough to add up, unless */
    CHUNKS_FLOATS = 1 << 26, /* their gradients would take more than this */
    CHUNKS_LEAST = 4,
    CHUNK_ROWS = 64 /* of a batch, at least: fewer are not worth a gradient to be added up */
};

struct multinomial_scratch {
    float *x;     /* [block,D] */
    float *logit; /* [block,L], then the derivative of the loss by it */
    float *part;  /* [L,D] gradient of one block */
};

struct multinomial_chunk {
    double *weight; /* [L,D] gradient of the sum of losses */
    double *bias;   /* [L] */
    double loss;
    int right;
};

static int between(int low, size_t value, int high)
{
    return value < (size_t)low ? low : value > (size_t)high ? high : (int)value;
}

static void layout(struct multinomial *m)
{
    const size_t width = (size_t)m->features->width, classes = (size_t)m->classes;
    const int threads = parallel_threads(m->parallel);
    struct arena *const arena = &m->arena;
    m->mean = arena_take(arena, width, sizeof *m->mean);
    m->scale = arena_take(arena, width, sizeof *m->scale);
    m->weight = arena_take(arena, shape_times(classes, width), sizeof *m->weight);
    m->scratch = arena_take(arena, (size_t)threads, sizeof *m->scratch);
    for (int t = 0; t < threads; t++) {
        struct multinomial_scratch s;
        s.x = arena_take(arena, (size_t)m->block * width, sizeof *s.x);
        s.logit = arena_take(arena, (size_t)m->block * classes, sizeof *s.logit);
        s.part = arena_take(arena, shape_times(classes, width), sizeof *s.part);
        if (arena->base != NULL)
            m->scratch[t] = s;
    }
    m->chunk = arena_take(arena, (size_t)m->chunks, sizeof *m->chunk);
    for (int c = 0; c < m->chunks; c++) {
        struct multinomial_chunk chunk = {0};
        chunk.weight = arena_take(arena, shape_times(classes, width), sizeof *chunk.weight);
        chunk.bias = arena_take(arena, classes, sizeof *chunk.bias);
        if (arena->base != NULL)
            m->chunk[c] = chunk;
    }
}

/* Mean and deviation of every feature, in double, row after row. */
static int standardise(struct multinomial *m, struct err *err)
{
    const struct features *const f = m->features;
    const size_t width = (size_t)f->width;
    struct arena arena = {0};
    double *mean = NULL, *square = NULL;
    for (int pass = 0; pass < 2; pass++) {
        mean = arena_take(&arena, width, sizeof *mean);
        square = arena_take(&arena, width, sizeof *square);
        if (pass == 0 && arena_alloc(&arena, "the means of features", err) < 0)
            return -1;
    }
    float *const x = m->scratch[0].x;
    for (int i = 0; i < f->rows; i++) { /* Welford's update: no cancellation */
        features_block(x, f, NULL, i, 1, NULL, NULL);
        const double weight = 1.0 / (i + 1);
        for (size_t d = 0; d < width; d++) {
            const double off = x[d] - mean[d];
            mean[d] += off * weight;
            square[d] += off * (x[d] - mean[d]);
        }
    }
    int status = 0;
    for (size_t d = 0; d < width && status == 0; d++) {
        const double deviation = sqrt(square[d] / f->rows);
        const bool varies = deviation > 1e-6 * fabs(mean[d]) && deviation > FLT_MIN;
        m->mean[d] = (float)mean[d];
        m->scale[d] = varies ? (float)(1 / deviation) : 0;
        if (!isfinite(deviation) || !isfinite(m->scale[d]) || deviation > 1e30)
            status = err_set(
                err, ERR_FAILED, "'%s': feature %zu is too large to be standardised", f->source, d);
    }
    arena_free(&arena);
    return status;
}

/* Everything but the mean and deviation of features. */
static int prepare(struct multinomial *m, int most, struct err *err)
{
    const size_t width = (size_t)m->features->width, classes = (size_t)m->classes;
    const size_t widest = width > classes ? width : classes;
    m->block = between(16, BLOCK_FLOATS / widest, 512) / 16 * 16;
    m->chunks = between(CHUNKS_LEAST, CHUNKS_FLOATS / width / classes, CHUNKS);
    m->chunks = m->chunks < most ? m->chunks : most;
    layout(m);
    if (arena_alloc(&m->arena, "logistic regression", err) < 0)
        return -1;
    layout(m);
    return 0;
}

int multinomial_init(struct multinomial *m, const struct features *features, const int *index,
    int classes, struct parallel *parallel, struct err *err)
{
    *m = (struct multinomial){.features = features,
        .parallel = parallel,
        .index = index,
        .classes = classes,
        .rows = features->rows};
    return prepare(m, CHUNKS, err) < 0 ? -1 : standardise(m, err);
}

int multinomial_batches(struct multinomial *m, const struct features *features, int classes,
    int batch, struct parallel *parallel, struct err *err)
{
    *m = (struct multinomial){.features = features, .parallel = parallel, .classes = classes};
    const int status = prepare(m, between(1, (size_t)batch / CHUNK_ROWS, CHUNKS), err);
    m->mean = m->scale = NULL; /* features as they come */
    return status;
}

void multinomial_free(struct multinomial *m)
{
    arena_free(&m->arena);
}

size_t multinomial_size(const struct multinomial *m)
{
    return (size_t)m->classes * ((size_t)m->features->width + 1);
}

CPU_CLONES
static void add(double *restrict sum, const float *restrict part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += part[i];
}

static void work(void *context, int number, int thread)
{
    const struct multinomial *const m = context;
    struct multinomial_chunk *const chunk = &m->chunk[number];
    const struct multinomial_scratch s = m->scratch[thread];
    const int width = m->features->width, classes = m->classes;
    const int first = (int)((int64_t)m->rows * number / m->chunks);
    const int end = (int)((int64_t)m->rows * (number + 1) / m->chunks);
    chunk->loss = 0;
    chunk->right = 0;
    memset(chunk->bias, 0, (size_t)classes * sizeof *chunk->bias);
    if (m->gradient)
        memset(chunk->weight, 0, (size_t)classes * (size_t)width * sizeof *chunk->weight);
    for (int from = first; from < end; from += m->block) {
        const int rows = end - from < m->block ? end - from : m->block;
        features_block(s.x, m->features, m->row, from, rows, m->mean, m->scale);
        gemm_block(s.logit, s.x, m->weight, rows, classes, width, false, true, 1, 0, classes, width,
            width);
        for (int i = 0; i < rows; i++) {
            float *const logit = s.logit + (size_t)i * (size_t)classes;
            const int row = m->row != NULL ? m->row[from + i] : from + i;
            for (int l = 0; l < classes; l++)
                logit[l] += (float)m->bias[l];
            const struct softmax_row found = softmax_row(logit, classes, m->index[row]);
            chunk->loss += found.loss;
            chunk->right += found.right;
            for (int l = 0; l < classes; l++)
                chunk->bias[l] += logit[l];
        }
        if (!m->gradient)
            continue;
        gemm_block(
            s.part, s.logit, s.x, classes, width, rows, true, false, 1, 0, width, classes, width);
        add(chunk->weight, s.part, (size_t)classes * (size_t)width);
    }
}

/* Run over the chosen rows with parameters x; the sum of losses. */
static double run(struct multinomial *m, const double *x, bool gradient)
{
    const size_t weights = (size_t)m->classes * (size_t)m->features->width;
    for (size_t i = 0; i < weights; i++)
        m->weight[i] = (float)x[i];
    m->bias = x + weights;
    m->gradient = gradient;
    parallel_run(m->parallel, m->chunks, work, m);
    double loss = 0;
    for (int c = 0; c < m->chunks; c++)
        loss += m->chunk[c].loss;
    return loss;
}

double multinomial_add(struct multinomial *m, double *gradient, int *right, const double *x)
{
    const size_t classes = (size_t)m->classes, weights = classes * (size_t)m->features->width;
    const double loss = run(m, x, true);
    for (int c = 0; c < m->chunks; c++) {
        for (size_t i = 0; i < weights; i++)
            gradient[i] += m->chunk[c].weight[i];
        for (size_t l = 0; l < classes; l++)
            gradient[weights + l] += m->chunk[c].bias[l];
        *right += m->chunk[c].right;
    }
    return loss;
}

double multinomial_value(void *context, double *gradient, const double *x)
{
    struct multinomial *const m = context;
    const size_t classes = (size_t)m->classes, weights = classes * (size_t)m->features->width;
    const double share = 1.0 / m->rows;
    memset(gradient, 0, (weights + classes) * sizeof *gradient);
    int right = 0;
    const double loss = multinomial_add(m, gradient, &right, x);
    double square = 0;
    for (size_t i = 0; i < weights; i++) {
        square += x[i] * x[i];
        gradient[i] = gradient[i] * share + m->l2 * x[i];
    }
    for (size_t l = 0; l < classes; l++)
        gradient[weights + l] *= share;
    return loss * share + m->l2 / 2 * square;
}

double multinomial_judge(struct multinomial *m, int *right, const double *x)
{
    const double loss = run(m, x, false);
    *right = 0;
    for (int c = 0; c < m->chunks; c++)
        *right += m->chunk[c].right;
    return m->rows > 0 ? loss / m->rows : 0;
}
