/* ntxent -- NT-Xent: pairs of different pictures come from negatives.h, tile by tile in float; those of
 * one picture, and all that is said of a row, are made here in double.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/ntxent.h"

#include "lib/base/arena.h"
#include "lib/objective/negatives.h"
#include "lib/objective/pairing.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a block of rows adds to the result. */
struct share {
    double loss, floor, alignment, uniformity;
    double entropy, hits, anchors, positives;
    bool finite;
};

struct ntxent {
    struct parallel *parallel;
    int p;
    double temperature;
    struct pairing pairing;
    struct negatives *negatives; /* owned */
    struct arena arena;
    int rows_room;       /* rows that there is room for */
    const float *z;      /* of the step, as it came */
    double *scale;       /* [M] u = scale z */
    double *lse;         /* [M] log of the sum over k != i of e^x */
    bool *clamped;       /* [M] |z|^2 below epsilon */
    struct share *share; /* [blocks] */
    double *dimension;   /* [2,P] mean and sum of squares */
    double *row;         /* [threads,P] */
    double *logit;       /* [threads,M] of positives */
    float *out;          /* where the gradient goes */
};

/* ---- memory ------------------------------------------------------------------------------------- */

static void layout(struct ntxent *n, int rows)
{
    const size_t m = (size_t)rows, p = (size_t)n->p;
    const size_t threads = (size_t)parallel_threads(n->parallel);
    n->scale = arena_take(&n->arena, m, sizeof *n->scale);
    n->lse = arena_take(&n->arena, m, sizeof *n->lse);
    n->clamped = arena_take(&n->arena, m, sizeof *n->clamped);
    n->share = arena_take(&n->arena, m, sizeof *n->share);
    n->dimension = arena_take(&n->arena, 2 * p, sizeof *n->dimension);
    n->row = arena_take(&n->arena, threads, p * sizeof *n->row);
    n->logit = arena_take(&n->arena, threads, m * sizeof *n->logit);
}

static int reserve(struct ntxent *n, int rows, struct err *err)
{
    if (rows <= n->rows_room)
        return 0;
    arena_free(&n->arena);
    n->rows_room = 0;
    layout(n, rows);
    if (arena_alloc(&n->arena, "a step of the loss", err) < 0)
        return -1;
    layout(n, rows);
    n->rows_room = rows;
    return 0;
}

struct ntxent *ntxent_new(
    int p, double temperature, bool portable, struct parallel *parallel, struct err *err)
{
    struct ntxent *const n = calloc(1, sizeof *n);
    if (n == NULL) {
        err_memory(err, "the loss");
        return NULL;
    }
    n->p = p;
    n->temperature = temperature;
    n->parallel = parallel;
    n->negatives = negatives_new(p, temperature, portable, parallel, err);
    if (n->negatives == NULL) {
        free(n);
        return NULL;
    }
    return n;
}

void ntxent_free(struct ntxent *n)
{
    if (n == NULL)
        return;
    negatives_free(n->negatives);
    pairing_free(&n->pairing);
    arena_free(&n->arena);
    free(n);
}

bool ntxent_dense(const struct ntxent *n)
{
    return negatives_dense(n->negatives);
}

static const float *z_row(const struct ntxent *n, int i)
{
    return n->z + (size_t)n->pairing.order[i] * (size_t)n->p;
}

/* ---- unit embeddings ---------------------------------------------------------------------------- */

/* u = z / sqrt(max(|z|^2, epsilon)) for the rows of one block. */
static void normalise(void *context, int block, int thread)
{
    struct ntxent *const n = context;
    const struct pairing_block *const b = &n->pairing.block[block];
    (void)thread;
    n->share[block] = (struct share){.finite = true};
    for (int i = b->first; i < b->first + b->rows; i++) {
        const float *const z = z_row(n, i);
        double square = 0;
        for (int j = 0; j < n->p; j++)
            square += (double)z[j] * z[j];
        n->clamped[i] = square < NTXENT_EPSILON;
        n->scale[i] = 1 / sqrt(n->clamped[i] ? NTXENT_EPSILON : square);
        if (!isfinite(square))
            n->share[block].finite = false;
        negatives_put(n->negatives, block, i, z, n->scale[i]);
    }
}

static double deviation(struct ntxent *n)
{
    const int m = n->pairing.rows;
    double *const mean = n->dimension, *const squares = mean + n->p, sum = 0;
    memset(mean, 0, 2 * (size_t)n->p * sizeof *mean);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n->p; j++)
            mean[j] += n->scale[i] * z_row(n, i)[j];
    for (int j = 0; j < n->p; j++)
        mean[j] /= m;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n->p; j++) {
            const double off = n->scale[i] * z_row(n, i)[j] - mean[j];
            squares[j] += off * off;
        }
    for (int j = 0; j < n->p; j++)
        sum += sqrt(squares[j] / m);
    return sum / n->p;
}

/* ---- positives, in double ----------------------------------------------------------------------- */

/* u_i . u_k of two canonical positions, and the square of their distance. */
static double similarity(const struct ntxent *n, int i, int k, double *distance)
{
    const float *const a = z_row(n, i), *const b = z_row(n, k);
    const double s = n->scale[i], t = n->scale[k];
    double dot = 0, apart = 0;
    for (int j = 0; j < n->p; j++) {
        const double x = s * a[j], y = t * b[j];
        dot += x * y;
        apart += (x - y) * (x - y);
    }
    *distance = apart;
    return dot;
}

/* The logits of row i against its positives, in canonical order; returns their number. */
static int positives(const struct ntxent *n, struct share *s, int i, double *x)
{
    const struct pairing *const p = &n->pairing;
    int count = 0;
    for (int j = p->first[p->picture[i]]; j < p->first[p->picture[i] + 1]; j++) {
        double distance;
        if (p->member[j] == i)
            continue;
        x[count++] = similarity(n, i, p->member[j], &distance) / n->temperature;
        s->alignment += distance;
        s->uniformity += exp(-2 * distance);
    }
    s->positives += count;
    return count;
}

/* Log of the sum over every k != i of e^x: tiles and positives together. */
static double log_sum(const struct ntxent *n, int i, const double *x, int count)
{
    const int views = n->pairing.views;
    const struct negatives_reach *const r = negatives_reach(n->negatives, i);
    double top = x[0], sum = 0;
    for (int j = 1; j < count; j++)
        top = x[j] > top ? x[j] : top;
    for (int v = 0; v < views; v++)
        top = r[v].shift > top ? r[v].shift : top;
    for (int j = 0; j < count; j++)
        sum += exp(x[j] - top);
    for (int v = 0; v < views; v++)
        sum += r[v].sum * exp(r[v].shift - top);
    return top + log(sum);
}

/* Accuracy and entropy of anchor i over view v, where the logits of its positives are x [count]. */
static void look_across(struct ntxent *n, struct share *s, int i, int v, const double *x, int count)
{
    const struct pairing *const p = &n->pairing;
    const struct negatives_reach *const r = &negatives_reach(n->negatives, i)[v];
    double sum = r->sum, weighted = r->weighted;
    for (int j = 0; j < count; j++) {
        sum += exp(x[j] - r->shift);
        weighted += exp(x[j] - r->shift) * (x[j] - r->shift);
    }
    /* -sum p log(p + 1e-8) = -sum p log p - (number of p) 1e-8 + ... */
    s->entropy += log(sum) - weighted / sum - 1e-8 * (p->begin[v + 1] - p->begin[v]);
    s->hits += p->picture[r->nearest] == p->picture[i];
    s->anchors++;
}

/* Row i against each other view in which its picture has rows. x: its positives in order. */
static void look_around(struct ntxent *n, struct share *s, int i, const double *x)
{
    const struct pairing *const p = &n->pairing;
    const int *const member = p->member + p->first[p->picture[i]];
    const int count = p->first[p->picture[i] + 1] - p->first[p->picture[i]];
    for (int j = 0, next; j < count; j = next) {
        const int v = p->view[member[j]];
        for (next = j + 1; next < count && p->view[member[next]] == v; next++)
            ;
        const bool own = v == p->view[i];
        if (!own && (p->views > 2 || v == 1)) /* two views: anchors of the first */
            look_across(n, s, i, v, x, next - j);
        x += next - j - own; /* the row itself has no logit */
    }
}

static void finish_rows(void *context, int block, int thread)
{
    struct ntxent *const n = context;
    const struct pairing *const p = &n->pairing;
    const struct pairing_block *const b = &p->block[block];
    struct share *const s = &n->share[block];
    double *const x = n->logit + (size_t)thread * (size_t)p->rows;
    const double apart = exp((-1.0 / (p->pictures - 1) - 1) / n->temperature);
    for (int i = b->first; i < b->first + b->rows; i++) {
        const int count = positives(n, s, i, x);
        double mean = 0;
        for (int j = 0; j < count; j++)
            mean += x[j] / count;
        n->lse[i] = log_sum(n, i, x, count);
        s->loss += n->lse[i] - mean;
        s->floor += log(count + (p->rows - 1 - count) * apart);
        look_around(n, s, i, x);
    }
}

/* ---- forward ------------------------------------------------------------------------------------ */

static int refuse_nonfinite(const struct ntxent *n, const int64_t *id, struct err *err)
{
    for (int i = 0; i < n->pairing.rows; i++)
        for (int j = 0; j < n->p; j++)
            if (!isfinite(n->z[(size_t)i * (size_t)n->p + (size_t)j]))
                return err_set(err, ERR_FAILED, "z of picture %lld holds %s", (long long)id[i],
                    isnan(n->z[(size_t)i * (size_t)n->p + (size_t)j]) ? "NaN" : "Inf");
    return 0;
}

static void add_up(const struct ntxent *n, struct ntxent_result *out)
{
    const double m = n->pairing.rows;
    struct share all = {0};
    for (int i = 0; i < n->pairing.blocks; i++) {
        const struct share *const s = &n->share[i];
        all.loss += s->loss;
        all.floor += s->floor;
        all.alignment += s->alignment;
        all.uniformity += s->uniformity + negatives_near(n->negatives, i);
        all.entropy += s->entropy;
        all.hits += s->hits;
        all.anchors += s->anchors;
        all.positives += s->positives;
    }
    out->loss = all.loss / m;
    out->baseline = log(m - 1);
    out->floor = all.floor / m;
    out->accuracy = all.anchors > 0 ? all.hits / all.anchors : NAN;
    out->entropy = all.anchors > 0 ? all.entropy / all.anchors : NAN;
    out->alignment = all.alignment / all.positives;
    out->uniformity = log(all.uniformity / (m * (m - 1)));
}

int ntxent_forward(struct ntxent *n, struct ntxent_result *out, const float *z, const int64_t *id,
    const int64_t *view, int rows, struct err *err)
{
    if (pairing_make(&n->pairing, id, view, rows, err) < 0 || reserve(n, rows, err) < 0 ||
        negatives_reserve(n->negatives, &n->pairing, err) < 0)
        return -1;
    n->z = z;
    parallel_run(n->parallel, n->pairing.blocks, normalise, n);
    for (int i = 0; i < n->pairing.blocks; i++)
        if (!n->share[i].finite)
            return refuse_nonfinite(n, id, err);
    negatives_forward(n->negatives);
    parallel_run(n->parallel, n->pairing.blocks, finish_rows, n);
    add_up(n, out);
    out->std = deviation(n);
    return isfinite(out->loss) ? 0 : err_set(err, ERR_FAILED, "the loss is not a finite number");
}

/* ---- backward ----------------------------------------------------------------------------------- */

/* g [P] += sum over positives of (p_ik + p_ki - 1/count - 1/count) u_k: what the tiles leave out. */
static void add_positives(const struct ntxent *n, double *g, int i)
{
    const struct pairing *const p = &n->pairing;
    const int *const first = &p->first[p->picture[i]];
    const double count = first[1] - first[0] - 1;
    for (int j = first[0]; j < first[1]; j++) {
        const int k = p->member[j];
        double distance;
        if (k == i)
            continue;
        const double x = similarity(n, i, k, &distance) / n->temperature;
        const double weight = exp(x - n->lse[i]) + exp(x - n->lse[k]) - 2 / count;
        for (int l = 0; l < n->p; l++)
            g[l] += weight * n->scale[k] * z_row(n, k)[l];
    }
}

/* In the forward pass this was: u = scale z, scale = 1/sqrt(max(|z|^2, epsilon)). */
static void finish_gradients(void *context, int block, int thread)
{
    struct ntxent *const n = context;
    const struct pairing_block *const b = &n->pairing.block[block];
    double *const g = n->row + (size_t)thread * (size_t)n->p;
    const double all = 1 / (n->temperature * n->pairing.rows);
    for (int i = b->first; i < b->first + b->rows; i++) {
        const float *const z = z_row(n, i);
        float *const out = n->out + (size_t)n->pairing.order[i] * (size_t)n->p;
        const double scale = n->scale[i];
        double along = 0;
        negatives_gradient(n->negatives, block, i, g);
        add_positives(n, g, i);
        for (int j = 0; j < n->p && !n->clamped[i]; j++)
            along += g[j] * scale * z[j];
        for (int j = 0; j < n->p; j++)
            out[j] = (float)(all * scale * (g[j] - along * scale * z[j]));
    }
}

void ntxent_backward(struct ntxent *n, float *grad)
{
    n->out = grad;
    negatives_backward(n->negatives, n->lse);
    parallel_run(n->parallel, n->pairing.blocks, finish_gradients, n);
}
