/* ntxent -- tiles of similarities, running log-sum-exp forward, recomputed backward.
 *
 * Blocks of rows meet in rounds, as teams of a tournament do: in round r block I meets block K with
 * I + K = r (mod blocks). So in a round each block is in one tile only, the tiles of a round can be
 * computed at the same time, and each block meets the others in an order that is always the same.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/ntxent.h"

#include "lib/base/arena.h"
#include "lib/nn/gemm.h"
#include "lib/objective/pairing.h"
#include "lib/objective/tile.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(
    (int)TILE_EDGE == (int)PAIRING_EDGE && PAIRING_EDGE % TILE_LANES == 0, "blocks fit a tile");

/* Softmax of one row over the rows of one view, as far as tiles have gone. */
struct reach {
    double sum, weighted; /* over other pictures: of e^(x-max) and of e^(x-max) (x-max) */
    float max;            /* over all rows but itself */
    int nearest;          /* the first canonical position that has it */
};

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
    struct arena arena;
    int rows_room;     /* rows, */
    size_t reach_room; /* and rows * views, that there is room for */
    const float *z;    /* of the step, as it came */
    float *unit;       /* [M,P] canonical */
    float *grad;       /* [M,P] canonical: gradient of u */
    double *scale;     /* [M] u = scale z */
    double *lse;       /* [M] log of the sum over k != i of e^x */
    float *square; /* [M+] 2 |u|^2; read a tile's edge beyond the last row, as shift and factor */
    float *shift;  /* [M+] lse as a float, */
    float *factor; /* [M+] and e to what is missing */
    bool *clamped; /* [M] |z|^2 below epsilon */
    struct reach *reach; /* [M,views] */
    struct share *share; /* [blocks] */
    double *dimension;   /* [2,P] mean and sum of squares */
    double *row;         /* [threads,P] */
    double *logit;       /* [threads,M] of positives */
    struct tile *tile;   /* [threads] */
    float *out;          /* where the gradient goes */
    int round;
};

/* ---- memory ------------------------------------------------------------------------------------- */

static void layout(struct ntxent *n, int rows, size_t reaches)
{
    const size_t m = (size_t)rows, p = (size_t)n->p;
    const size_t threads = (size_t)parallel_threads(n->parallel);
    n->unit = arena_take(&n->arena, m, p * sizeof *n->unit);
    n->grad = arena_take(&n->arena, m, p * sizeof *n->grad);
    n->scale = arena_take(&n->arena, m, sizeof *n->scale);
    n->lse = arena_take(&n->arena, m, sizeof *n->lse);
    n->square = arena_take(&n->arena, m + TILE_EDGE, sizeof *n->square);
    n->shift = arena_take(&n->arena, m + TILE_EDGE, sizeof *n->shift);
    n->factor = arena_take(&n->arena, m + TILE_EDGE, sizeof *n->factor);
    n->clamped = arena_take(&n->arena, m, sizeof *n->clamped);
    n->reach = arena_take(&n->arena, reaches, sizeof *n->reach);
    n->share = arena_take(&n->arena, m, sizeof *n->share);
    n->dimension = arena_take(&n->arena, 2 * p, sizeof *n->dimension);
    n->row = arena_take(&n->arena, threads, p * sizeof *n->row);
    n->logit = arena_take(&n->arena, threads, m * sizeof *n->logit);
    n->tile = arena_take(&n->arena, threads, sizeof *n->tile);
}

static int reserve(struct ntxent *n, int rows, size_t reaches, struct err *err)
{
    if (rows <= n->rows_room && reaches <= n->reach_room)
        return 0;
    arena_free(&n->arena);
    n->rows_room = 0;
    layout(n, rows, reaches);
    if (arena_alloc(&n->arena, "a step of the loss", err) < 0)
        return -1;
    layout(n, rows, reaches);
    n->rows_room = rows;
    n->reach_room = reaches;
    return 0;
}

struct ntxent *ntxent_new(int p, double temperature, struct parallel *parallel, struct err *err)
{
    struct ntxent *const n = calloc(1, sizeof *n);
    if (n == NULL) {
        err_memory(err, "the loss");
        return NULL;
    }
    n->p = p;
    n->temperature = temperature;
    n->parallel = parallel;
    return n;
}

void ntxent_free(struct ntxent *n)
{
    if (n == NULL)
        return;
    pairing_free(&n->pairing);
    arena_free(&n->arena);
    free(n);
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
        float *const unit = n->unit + (size_t)i * (size_t)n->p;
        double square = 0;
        for (int j = 0; j < n->p; j++)
            square += (double)z[j] * z[j];
        n->clamped[i] = square < NTXENT_EPSILON;
        n->scale[i] = 1 / sqrt(n->clamped[i] ? NTXENT_EPSILON : square);
        n->square[i] = (float)(2 * square * n->scale[i] * n->scale[i]);
        if (!isfinite(square))
            n->share[block].finite = false;
        for (int j = 0; j < n->p; j++)
            unit[j] = (float)(z[j] * n->scale[i]);
        for (int view = 0; view < n->pairing.views; view++)
            n->reach[(size_t)i * (size_t)n->pairing.views + (size_t)view] =
                (struct reach){.max = TILE_NOTHING};
    }
}

static double deviation(struct ntxent *n)
{
    const int m = n->pairing.rows;
    double *const mean = n->dimension, *const squares = mean + n->p, sum = 0;
    memset(mean, 0, 2 * (size_t)n->p * sizeof *mean);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n->p; j++)
            mean[j] += n->unit[(size_t)i * (size_t)n->p + (size_t)j];
    for (int j = 0; j < n->p; j++)
        mean[j] /= m;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n->p; j++) {
            const double off = n->unit[(size_t)i * (size_t)n->p + (size_t)j] - mean[j];
            squares[j] += off * off;
        }
    for (int j = 0; j < n->p; j++)
        sum += sqrt(squares[j] / m);
    return sum / n->p;
}

/* ---- tiles -------------------------------------------------------------------------------------- */

/* The block that `block` meets in this round; -1 when the other one sees to their tile. */
static int opponent(const struct ntxent *n, int block)
{
    const int other = (n->round - block + n->pairing.blocks) % n->pairing.blocks;
    return other < block ? -1 : other;
}

static void every_tile(struct ntxent *n, void (*work)(void *context, int block, int thread))
{
    for (n->round = 0; n->round < n->pairing.blocks; n->round++)
        parallel_run(n->parallel, n->pairing.blocks, work, n);
}

static void logits(const struct ntxent *n, struct tile *t, const struct pairing_block *a,
    const struct pairing_block *b)
{
    const size_t p = (size_t)n->p;
    t->rows = a->rows;
    t->columns = b->rows;
    t->stride = tile_stride(b->rows);
    gemm_block(t->x, n->unit + (size_t)a->first * p, n->unit + (size_t)b->first * p, a->rows,
        b->rows, n->p, false, true, (float)(1 / n->temperature), 0, t->stride, n->p, n->p);
}

/* One row of a tile (x [count], `step` floats apart, canonical positions from `first`) into what is
 * known of its row and view. */
static void extend(struct reach *r, float max, float sum, float weighted, bool other_view,
    const float *x, int step, int first)
{
    if (max == TILE_NOTHING)
        return;
    const double down = r->max == TILE_NOTHING || max <= r->max ? 0 : (double)r->max - max;
    const double below = max < r->max ? (double)max - r->max : 0; /* of the tile under the rest */
    if (down < 0) {
        const double shrink = exp(down);
        r->weighted = shrink * (r->weighted + down * r->sum);
        r->sum *= shrink;
    }
    const double shrink = below < 0 ? exp(below) : 1;
    r->weighted += shrink * (weighted + below * sum);
    r->sum += shrink * sum;
    if (other_view && max >= r->max) {
        int k = 0;
        while (x[(size_t)k * (size_t)step] != max)
            k++;
        if (max > r->max || first + k < r->nearest)
            r->nearest = first + k;
    }
    r->max = max > r->max ? max : r->max;
}

static void forward_tile(void *context, int block, int thread)
{
    struct ntxent *const n = context;
    const int other = opponent(n, block);
    if (other < 0)
        return;
    const struct pairing_block *const a = &n->pairing.block[block], *const b =
                                                                        &n->pairing.block[other];
    const size_t views = (size_t)n->pairing.views;
    struct tile *const t = &n->tile[thread];
    const bool other_view = a->view != b->view;
    logits(n, t, a, b);
    tile_maxima(t, other == block);
    const double near = tile_sums(t, n->pairing.picture + a->first, n->pairing.picture + b->first,
        (float)(4 * n->temperature), n->square + a->first, n->square + b->first);
    n->share[block].uniformity += other == block ? near : 2 * near;
    for (int i = 0; i < a->rows; i++)
        extend(&n->reach[(size_t)(a->first + i) * views + (size_t)b->view], t->row_max[i],
            t->row_sum[i], t->row_weighted[i], other_view, t->x + (size_t)i * (size_t)t->stride, 1,
            b->first);
    for (int k = 0; k < b->rows && other != block; k++)
        extend(&n->reach[(size_t)(b->first + k) * views + (size_t)a->view], t->column_max[k],
            t->column_sum[k], t->column_weighted[k], other_view, t->x + k, t->stride, a->first);
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
    const struct reach *const r = &n->reach[(size_t)i * (size_t)views];
    double top = x[0], sum = 0;
    for (int j = 1; j < count; j++)
        top = x[j] > top ? x[j] : top;
    for (int v = 0; v < views; v++)
        top = r[v].max > top ? r[v].max : top;
    for (int j = 0; j < count; j++)
        sum += exp(x[j] - top);
    for (int v = 0; v < views; v++)
        sum += r[v].sum * exp(r[v].max - top);
    return top + log(sum);
}

/* Accuracy and entropy of anchor i over view v, where the logits of its positives are x [count]. */
static void look_across(struct ntxent *n, struct share *s, int i, int v, const double *x, int count)
{
    const struct pairing *const p = &n->pairing;
    const struct reach *const r = &n->reach[(size_t)i * (size_t)p->views + (size_t)v];
    double sum = r->sum, weighted = r->weighted;
    for (int j = 0; j < count; j++) {
        sum += exp(x[j] - r->max);
        weighted += exp(x[j] - r->max) * (x[j] - r->max);
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
        n->shift[i] = (float)n->lse[i];
        n->factor[i] = (float)exp(n->shift[i] - n->lse[i]);
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
        all.uniformity += s->uniformity;
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
    if (pairing_make(&n->pairing, id, view, rows, err) < 0 ||
        reserve(n, rows, (size_t)rows * (size_t)n->pairing.views, err) < 0)
        return -1;
    n->z = z;
    parallel_run(n->parallel, n->pairing.blocks, normalise, n);
    for (int i = 0; i < n->pairing.blocks; i++)
        if (!n->share[i].finite)
            return refuse_nonfinite(n, id, err);
    every_tile(n, forward_tile);
    parallel_run(n->parallel, n->pairing.blocks, finish_rows, n);
    add_up(n, out);
    out->std = deviation(n);
    return isfinite(out->loss) ? 0 : err_set(err, ERR_FAILED, "the loss is not a finite number");
}

/* ---- backward ----------------------------------------------------------------------------------- */

/* The tile of forward_tile() again; with w_ik = p_ik + p_ki, where p is the softmax of a row:
 * grad_i += sum_k w_ik u_k, grad_k += sum_i w_ik u_i. */
static void backward_tile(void *context, int block, int thread)
{
    struct ntxent *const n = context;
    const int other = opponent(n, block), p = n->p;
    if (other < 0)
        return;
    const struct pairing_block *const a = &n->pairing.block[block], *const b =
                                                                        &n->pairing.block[other];
    const size_t i = (size_t)a->first, k = (size_t)b->first;
    struct tile *const t = &n->tile[thread];
    logits(n, t, a, b);
    tile_weights(t, n->pairing.picture + i, n->pairing.picture + k, n->shift + i, n->factor + i,
        n->shift + k, n->factor + k);
    gemm_block(n->grad + i * (size_t)p, t->x, n->unit + k * (size_t)p, a->rows, p, b->rows, false,
        false, 1, 1, p, t->stride, p);
    if (other != block)
        gemm_block(n->grad + k * (size_t)p, t->x, n->unit + i * (size_t)p, b->rows, p, a->rows,
            true, false, 1, 1, p, t->stride, p);
}

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
        const float *const tiles = n->grad + (size_t)i * (size_t)n->p, *const z = z_row(n, i);
        float *const out = n->out + (size_t)n->pairing.order[i] * (size_t)n->p;
        const double scale = n->scale[i];
        double along = 0;
        for (int j = 0; j < n->p; j++)
            g[j] = tiles[j];
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
    memset(n->grad, 0, (size_t)n->pairing.rows * (size_t)n->p * sizeof *n->grad);
    every_tile(n, backward_tile);
    parallel_run(n->parallel, n->pairing.blocks, finish_gradients, n);
}
