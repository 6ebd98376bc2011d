/* contrast -- panels of anchors against all rows.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/contrast.h"

#include "lib/base/arena.h"
#include "lib/nn/gemm.h"
#include "lib/objective/pairing.h"
#include "lib/objective/simrow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PANEL = 192, /* anchors */
    BATCH = 4    /* of them at a time for a thread */
};

/* What an anchor adds to the result. */
struct share {
    double loss, baseline, floor, uniformity;
    double entropy, hits, looks;
};

struct contrast {
    struct parallel *parallel;
    int p;
    struct anchor_rule rule;
    bool labelled; /* the step */
    struct pairing pairing;
    struct arena arena;
    int rows_room;
    const float *z;
    double *scale;                   /* [M] u = scale z */
    bool *clamped;                   /* [M] |z|^2 below epsilon */
    bool *finite;                    /* [M] */
    float *unit, *grad;              /* [M,P] */
    float *square;                   /* [M] 2 |u|^2 */
    float *panel;                    /* [PANEL,M] */
    int first, rows;                 /* of the panel */
    struct share *share;             /* [PANEL] */
    float *positive;                 /* [threads,M] */
    struct anchor_scratch **scratch; /* [threads] */
    double *dimension;               /* [2,P] */
    float *out;                      /* where the gradient goes */
    double anchors, looks;           /* rows that have a positive; looks at a view */
};

/* ---- memory -------------------------------------------------------------------------------------- */

static void layout(struct contrast *c, int rows)
{
    const size_t m = (size_t)rows, p = (size_t)c->p;
    const int threads = parallel_threads(c->parallel);
    c->scale = arena_take(&c->arena, m, sizeof *c->scale);
    c->clamped = arena_take(&c->arena, m, sizeof *c->clamped);
    c->finite = arena_take(&c->arena, m, sizeof *c->finite);
    c->unit = arena_take(&c->arena, m, p * sizeof *c->unit);
    c->grad = arena_take(&c->arena, m, p * sizeof *c->grad);
    c->square = arena_take(&c->arena, m, sizeof *c->square);
    c->panel = arena_take(&c->arena, m < PANEL ? m : PANEL, m * sizeof *c->panel);
    c->share = arena_take(&c->arena, PANEL, sizeof *c->share);
    c->positive = arena_take(&c->arena, (size_t)threads, m * sizeof *c->positive);
    c->dimension = arena_take(&c->arena, p, 2 * sizeof *c->dimension);
    c->scratch = arena_take(&c->arena, (size_t)threads, sizeof(struct anchor_scratch *));
    for (int i = 0; i < threads; i++) {
        struct anchor_scratch *const scratch = anchor_layout(&c->arena, rows);
        if (c->scratch != NULL)
            c->scratch[i] = scratch;
    }
}

static int reserve(struct contrast *c, int rows, struct err *err)
{
    if (rows <= c->rows_room)
        return 0;
    arena_free(&c->arena);
    c->rows_room = 0;
    layout(c, rows);
    if (arena_alloc(&c->arena, "a step of the loss", err) < 0)
        return -1;
    layout(c, rows);
    c->rows_room = rows;
    return 0;
}

struct contrast *contrast_new(
    int p, const struct anchor_rule *rule, struct parallel *parallel, struct err *err)
{
    struct contrast *const c = calloc(1, sizeof *c);
    if (c == NULL) {
        err_memory(err, "the loss");
        return NULL;
    }
    c->p = p;
    c->rule = *rule;
    c->parallel = parallel;
    return c;
}

void contrast_free(struct contrast *c)
{
    if (c == NULL)
        return;
    pairing_free(&c->pairing);
    arena_free(&c->arena);
    free(c);
}

static const float *z_row(const struct contrast *c, int i)
{
    return c->z + (size_t)c->pairing.order[i] * (size_t)c->p;
}

static float *panel_row(const struct contrast *c, int i)
{
    return c->panel + (size_t)(i - c->first) * (size_t)c->pairing.rows;
}

/* ---- unit embeddings ----------------------------------------------------------------------------- */

static void normalise(void *context, int block, int thread)
{
    struct contrast *const c = context;
    const struct pairing_block *const b = &c->pairing.block[block];
    (void)thread;
    for (int i = b->first; i < b->first + b->rows; i++) {
        const float *const z = z_row(c, i);
        float *const u = c->unit + (size_t)i * (size_t)c->p;
        double square = 0;
        for (int j = 0; j < c->p; j++)
            square += (double)z[j] * z[j];
        c->finite[i] = isfinite(square);
        c->clamped[i] = square < NTXENT_EPSILON;
        c->scale[i] = 1 / sqrt(c->clamped[i] ? NTXENT_EPSILON : square);
        c->square[i] = (float)(2 * square * c->scale[i] * c->scale[i]);
        for (int j = 0; j < c->p; j++)
            u[j] = (float)(c->scale[i] * z[j]);
    }
}

static int refuse_nonfinite(const struct contrast *c, const int64_t *id, struct err *err)
{
    for (int i = 0; i < c->pairing.rows; i++)
        for (int j = 0; j < c->p; j++) {
            const float z = c->z[(size_t)i * (size_t)c->p + (size_t)j];
            if (!isfinite(z))
                return err_set(err, ERR_FAILED, "z of picture %lld holds %s", (long long)id[i],
                    isnan(z) ? "NaN" : "Inf");
        }
    return 0;
}

/* ---- one anchor ---------------------------------------------------------------------------------- */

/* Accuracy and entropy of anchor i over view v; s: its similarities, its own gone. */
static void look_across(const struct contrast *c, struct share *share, int i, int v, const float *s)
{
    const struct pairing *const p = &c->pairing;
    const int begin = p->begin[v], count = p->begin[v + 1] - begin;
    const float top = simrow_max(s + begin, count);
    int nearest = begin;
    if (top == SIMROW_GONE)
        return;
    while (s[nearest] != top)
        nearest++;
    share->hits += p->picture[nearest] == p->picture[i];
    share->looks++;
    if (c->rule.loss == ANCHOR_TRIPLET)
        return;
    double weighted;
    const double sum =
        simrow_sum(&weighted, s + begin, count, (float)(1 / c->rule.temperature), top);
    /* -sum p log(p + 1e-8) = -sum p log p - (number of p) 1e-8 + ... */
    share->entropy += log(sum) - weighted / sum - 1e-8 * count;
}

/* Anchor i against each other view in which its group has rows; with two views anchors are of the first,
 * as in the reference. */
static void look_around(const struct contrast *c, struct share *share, int i, const float *s)
{
    const struct pairing *const p = &c->pairing;
    const int *const first = &p->first[p->picture[i]];
    int last = -1; /* view that has been looked at; those of members rise */
    for (int j = first[0]; j < first[1]; j++) {
        const int v = p->view[p->member[j]];
        if (v == last)
            continue;
        last = v;
        if (p->views == 1 ? c->labelled : v != p->view[i] && (p->views > 2 || v == 1))
            look_across(c, share, i, v, s);
    }
}

/* The positives of anchor i, taken out of its similarities; returns their number. */
static int take_positives(const struct contrast *c, float *positive, int i, float *s)
{
    const struct pairing *const p = &c->pairing;
    int count = 0;
    for (int j = p->first[p->picture[i]]; j < p->first[p->picture[i] + 1]; j++)
        if (p->member[j] != i) {
            positive[count++] = s[p->member[j]];
            s[p->member[j]] = SIMROW_GONE;
        }
    return count;
}

/* Their gradients, put back. */
static void put_positives(const struct contrast *c, const float *positive, int i, float *s)
{
    const struct pairing *const p = &c->pairing;
    for (int j = p->first[p->picture[i]]; j < p->first[p->picture[i] + 1]; j++)
        s[p->member[j]] = p->member[j] != i ? *positive++ : 0;
}

/* Line i of the panel: similarities in, gradients out. */
static void one_anchor(const struct contrast *c, int i, int thread)
{
    const int m = c->pairing.rows;
    struct share *const share = &c->share[i - c->first];
    float *const s = panel_row(c, i), *const positive = c->positive + (size_t)thread * (size_t)m;
    *share = (struct share){0};
    s[i] = SIMROW_GONE;
    share->uniformity = simrow_near(s, c->square, m, c->square[i]);
    look_around(c, share, i, s);
    const int count = take_positives(c, positive, i, s), negatives = m - 1 - count;
    if (count == 0) { /* no anchor */
        memset(s, 0, (size_t)m * sizeof *s);
        return;
    }
    struct anchor anchor = {s, m, positive, count, negatives, c->scratch[thread]};
    share->loss = anchor_step(&anchor, &c->rule);
    share->baseline = anchor_baseline(&c->rule, count, negatives);
    share->floor = anchor_floor(&c->rule, count, negatives, c->pairing.pictures);
    put_positives(c, positive, i, s);
}

static void some_anchors(void *context, int block, int thread)
{
    const struct contrast *const c = context;
    const int last = c->first + c->rows, first = c->first + block * BATCH;
    for (int i = first; i < first + BATCH && i < last; i++)
        one_anchor(c, i, thread);
}

/* ---- the whole step ------------------------------------------------------------------------------ */

static void one_panel(struct contrast *c, struct ntxent_result *sum, bool backward)
{
    const int m = c->pairing.rows, p = c->p, rows = c->rows;
    const float *const unit = c->unit + (size_t)c->first * (size_t)p;
    gemm(c->parallel, c->panel, unit, c->unit, rows, m, p, false, true, 1, 0, m, p, p);
    parallel_run(c->parallel, (rows + BATCH - 1) / BATCH, some_anchors, c);
    for (int i = 0; i < rows; i++) {
        const struct share *const s = &c->share[i];
        sum->loss += s->loss;
        sum->baseline += s->baseline;
        sum->floor += s->floor;
        sum->uniformity += s->uniformity;
        sum->entropy += s->entropy;
        sum->accuracy += s->hits;
        c->looks += s->looks;
    }
    if (!backward)
        return;
    /* in the forward pass this was: s_ik = u_i . u_k, and both have their share of its gradient */
    gemm(c->parallel, c->grad + (size_t)c->first * (size_t)p, c->panel, c->unit, rows, p, m, false,
        false, 1, 1, p, m, p);
    gemm(c->parallel, c->grad, c->panel, unit, m, p, rows, true, false, 1, 1, p, m, p);
}

/* In the forward pass this was: u = scale z, scale = 1/sqrt(max(|z|^2, epsilon)). */
static void finish_gradients(void *context, int block, int thread)
{
    const struct contrast *const c = context;
    const struct pairing_block *const b = &c->pairing.block[block];
    (void)thread;
    for (int i = b->first; i < b->first + b->rows; i++) {
        const float *const z = z_row(c, i), *const g = c->grad + (size_t)i * (size_t)c->p;
        float *const out = c->out + (size_t)c->pairing.order[i] * (size_t)c->p;
        const double scale = c->scale[i];
        double along = 0;
        for (int j = 0; j < c->p && !c->clamped[i]; j++)
            along += g[j] * scale * z[j];
        for (int j = 0; j < c->p; j++)
            out[j] = (float)(scale / c->anchors * (g[j] - along * scale * z[j]));
    }
}

/* Mean squared distance of positives: of a group of n, 2 n times that of its rows from their mean. */
static double alignment(const struct contrast *c)
{
    const struct pairing *const p = &c->pairing;
    double sum = 0, pairs = 0;
    for (int g = 0; g < p->pictures; g++) {
        const int *const member = p->member + p->first[g];
        const int n = p->first[g + 1] - p->first[g];
        double spread = 0;
        memset(c->dimension, 0, (size_t)c->p * sizeof *c->dimension);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < c->p; j++)
                c->dimension[j] += c->scale[member[i]] * z_row(c, member[i])[j] / n;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < c->p; j++) {
                const double off = c->scale[member[i]] * z_row(c, member[i])[j] - c->dimension[j];
                spread += off * off;
            }
        sum += n > 1 ? 2.0 * n * spread : 0;
        pairs += (double)n * (n - 1);
    }
    return sum / pairs;
}

static double deviation(const struct contrast *c)
{
    const int m = c->pairing.rows;
    double *const mean = c->dimension, *const squares = mean + c->p, sum = 0;
    memset(mean, 0, 2 * (size_t)c->p * sizeof *mean);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < c->p; j++)
            mean[j] += c->scale[i] * z_row(c, i)[j];
    for (int j = 0; j < c->p; j++)
        mean[j] /= m;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < c->p; j++) {
            const double off = c->scale[i] * z_row(c, i)[j] - mean[j];
            squares[j] += off * off;
        }
    for (int j = 0; j < c->p; j++)
        sum += sqrt(squares[j] / m);
    return sum / c->p;
}

static int count_anchors(const struct pairing *p)
{
    int anchors = 0;
    for (int g = 0; g < p->pictures; g++)
        if (p->first[g + 1] - p->first[g] > 1)
            anchors += p->first[g + 1] - p->first[g];
    return anchors;
}

/* Sums become means. */
static void finish_result(struct contrast *c, struct ntxent_result *r)
{
    const double m = c->pairing.rows;
    r->loss /= c->anchors;
    r->baseline /= c->anchors;
    r->floor /= c->anchors;
    r->accuracy = c->looks > 0 ? r->accuracy / c->looks : NAN;
    r->entropy = c->looks > 0 && c->rule.loss != ANCHOR_TRIPLET ? r->entropy / c->looks : NAN;
    r->alignment = alignment(c);
    r->uniformity = log(r->uniformity / (m * (m - 1)));
    r->std = deviation(c);
}

int contrast_step(struct contrast *c, struct ntxent_result *out, float *grad, const float *z,
    const int64_t *id, const int64_t *label, const int64_t *view, int rows, struct err *err)
{
    const int paired = label != NULL ? pairing_make_labels(&c->pairing, id, label, view, rows, err)
                                     : pairing_make(&c->pairing, id, view, rows, err);
    if (paired < 0 || reserve(c, rows, err) < 0)
        return -1;
    c->labelled = label != NULL;
    c->z = z;
    c->out = grad;
    c->anchors = count_anchors(&c->pairing);
    c->looks = 0;
    parallel_run(c->parallel, c->pairing.blocks, normalise, c);
    for (int i = 0; i < rows; i++)
        if (!c->finite[i])
            return refuse_nonfinite(c, id, err);
    *out = (struct ntxent_result){0};
    memset(c->grad, 0, (size_t)rows * (size_t)c->p * sizeof *c->grad);
    for (c->first = 0; c->first < rows; c->first += c->rows) {
        c->rows = rows - c->first < PANEL ? rows - c->first : PANEL;
        one_panel(c, out, grad != NULL);
    }
    finish_result(c, out);
    if (grad != NULL)
        parallel_run(c->parallel, c->pairing.blocks, finish_gradients, c);
    return isfinite(out->loss) ? 0 : err_set(err, ERR_FAILED, "the loss is not a finite number");
}
