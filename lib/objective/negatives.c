/* negatives -- blocks of rows meet in rounds, as teams of a tournament do.
 *
 * In round r block I meets block K with I + K = r (mod blocks). So in a round each block is in one
 * tile only, tiles of a round can be computed at the same time, and each block meets the others in an
 * order that is always the same. Nobody waits for the end of a round, only for his two blocks.
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise */
#include "lib/objective/negatives.h"

#include "lib/base/arena.h"
#include "lib/nn/gemm.h"
#include "lib/objective/fused.h"
#include "lib/objective/tile.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert((int)TILE_EDGE == (int)PAIRING_EDGE && (int)FUSED_EDGE == (int)PAIRING_EDGE &&
                   PAIRING_EDGE % TILE_LANES == 0,
    "blocks fit a tile");

enum {
    KEPT = 40 << 20, /* bytes: so small a step keeps the dots of all tiles for the way back */
    HUGE_PAGE = 2 << 20
};

typedef float matrix[FUSED_EDGE / FUSED_PANEL][FUSED_EDGE][FUSED_PANEL];

struct negatives {
    struct parallel *parallel;
    const struct pairing *pairing;
    const struct fused *fused; /* kernels; NULL: the portable way */
    struct fused_scale scale;
    int p, depth;
    double temperature;
    struct arena arena;
    size_t rows_room, reach_room;  /* padded rows, and rows * views, that there is room for */
    struct negatives_reach *reach; /* [M,views] */
    double *near;                  /* [blocks] */
    float *unit;                   /* [M,P]; fused: tall, a block after another */
    float *wide;                   /* fused only */
    float *grad;                   /* like unit */
    /* Numbers of a row, read up to a tile's edge beyond the last one. */
    float *square;                 /* [M+] 2 |u|^2; fused: e^(-2 |u|^2) */
    float *shift;                  /* [M+] lse as a float, */
    float *factor;                 /* [M+] and e to what is missing; fused: e^-lse */
    struct tile *tile;             /* [threads] */
    struct fused_tile *fused_tile; /* [threads] */
    matrix
        *matrix; /* [threads]; or if tiles are kept, that of blocks a <= b at b (b + 1) / 2 + a */
    size_t matrix_room;
    bool kept;
    void (*work)(struct negatives *n, int block, int other, int thread);
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t finished;
    int *rounds; /* [blocks] that each has behind it */
    int waiting; /* threads */
};

/* ---- memory ------------------------------------------------------------------------------------- */

struct negatives *negatives_new(
    int p, double temperature, bool portable, struct parallel *parallel, struct err *err)
{
    struct negatives *const n = calloc(1, sizeof *n);
    if (n == NULL) {
        err_memory(err, "the loss");
        return NULL;
    }
    n->p = p;
    n->depth = (p + FUSED_DEPTH - 1) / FUSED_DEPTH;
    n->temperature = temperature;
    n->scale = fused_scale(temperature);
    n->fused = portable || 1 / temperature > FUSED_SHARPEST ? NULL : fused_best();
    n->parallel = parallel;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->finished, NULL);
    return n;
}

void negatives_free(struct negatives *n)
{
    if (n == NULL)
        return;
    arena_free(&n->arena);
    free(n->matrix);
    pthread_mutex_destroy(&n->mutex);
    pthread_cond_destroy(&n->finished);
    free(n);
}

bool negatives_dense(const struct negatives *n)
{
    return n->fused == NULL;
}

static void layout(struct negatives *n, size_t rows, size_t reaches)
{
    const size_t threads = (size_t)parallel_threads(n->parallel);
    const size_t p = n->fused != NULL ? (size_t)n->depth * FUSED_DEPTH : (size_t)n->p;
    n->unit = arena_take(&n->arena, rows, p * sizeof *n->unit);
    n->grad = arena_take(&n->arena, rows, p * sizeof *n->grad);
    n->square = arena_take(&n->arena, rows + TILE_EDGE, sizeof *n->square);
    n->shift = arena_take(&n->arena, rows + TILE_EDGE, sizeof *n->shift);
    n->factor = arena_take(&n->arena, rows + TILE_EDGE, sizeof *n->factor);
    n->reach = arena_take(&n->arena, reaches, sizeof *n->reach);
    n->near = arena_take(&n->arena, rows, sizeof *n->near);
    n->rounds = arena_take(&n->arena, rows, sizeof *n->rounds);
    if (n->fused != NULL) {
        n->wide = arena_take(&n->arena, rows, p * sizeof *n->wide);
        n->fused_tile = arena_take(&n->arena, threads, sizeof *n->fused_tile);
    } else
        n->tile = arena_take(&n->arena, threads, sizeof *n->tile);
}

/* Not zeroed, so that the threads are who first touches it; in huge pages where the system has them. */
static int reserve_matrices(struct negatives *n, struct err *err)
{
    const size_t blocks = (size_t)n->pairing->blocks, all = blocks * (blocks + 1) / 2;
    n->kept = n->pairing->edge == FUSED_EDGE && all <= KEPT / sizeof *n->matrix;
    const size_t count = n->kept ? all : (size_t)parallel_threads(n->parallel);
    if (count <= n->matrix_room)
        return 0;
    void *made = NULL;
    free(n->matrix);
    n->matrix = NULL;
    n->matrix_room = 0;
    if (posix_memalign(&made, HUGE_PAGE, count * sizeof *n->matrix) != 0)
        return err_memory(err, "the tiles of a step");
#ifdef MADV_HUGEPAGE
    madvise(made, count * sizeof *n->matrix, MADV_HUGEPAGE);
#endif
    n->matrix = made;
    n->matrix_room = count;
    return 0;
}

int negatives_reserve(struct negatives *n, const struct pairing *pairing, struct err *err)
{
    const size_t m = (size_t)pairing->rows, reaches = m * (size_t)pairing->views;
    const size_t pad = n->fused != NULL ? FUSED_PANEL * (size_t)pairing->blocks : 0;
    n->pairing = pairing;
    if (n->fused != NULL && reserve_matrices(n, err) < 0)
        return -1;
    if (m + pad <= n->rows_room && reaches <= n->reach_room)
        return 0;
    arena_free(&n->arena);
    n->rows_room = 0;
    layout(n, m + pad, reaches);
    if (arena_alloc(&n->arena, "a step of the loss", err) < 0)
        return -1;
    layout(n, m + pad, reaches);
    n->rows_room = m + pad;
    n->reach_room = reaches;
    return 0;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* Where the numbers of a block begin in unit, wide and grad, fused: padding adds up. */
static size_t begin(const struct negatives *n, int block)
{
    return ((size_t)n->pairing->block[block].first + (size_t)block * FUSED_PANEL) *
           (size_t)n->depth * FUSED_DEPTH;
}

static struct negatives_reach *reach_of(struct negatives *n, int i, int view)
{
    return &n->reach[(size_t)i * (size_t)n->pairing->views + (size_t)view];
}

/* Once a block, before its first row: what no row will fill is 0. */
static void clear(struct negatives *n, int block)
{
    const struct pairing_block *const b = &n->pairing->block[block];
    const size_t size =
        (size_t)fused_padded(b->rows) * (size_t)n->depth * FUSED_DEPTH * sizeof *n->unit;
    n->near[block] = 0;
    if (n->fused == NULL)
        return;
    memset(n->unit + begin(n, block), 0, size);
    memset(n->wide + begin(n, block), 0, size);
}

void negatives_put(struct negatives *n, int block, int i, const float *z, double scale)
{
    const struct pairing_block *const b = &n->pairing->block[block];
    double square = 0;
    if (i == b->first)
        clear(n, block);
    for (int j = 0; j < n->p; j++)
        square += (scale * z[j]) * (scale * z[j]);
    for (int view = 0; view < n->pairing->views; view++)
        *reach_of(n, i, view) = (struct negatives_reach){
            .max = TILE_NOTHING, .shift = n->fused != NULL ? 0 : TILE_NOTHING};
    n->square[i] = (float)(n->fused != NULL ? exp(-2 * square) : 2 * square);
    if (n->fused == NULL) {
        for (int j = 0; j < n->p; j++)
            n->unit[(size_t)i * (size_t)n->p + (size_t)j] = (float)(scale * z[j]);
        return;
    }
    const int padded = fused_padded(b->rows);
    float *const wide = n->wide + begin(n, block) + fused_wide(n->depth, i - b->first, 0);
    for (int d = 0; d < n->depth; d++) {
        const int first = d * FUSED_DEPTH, rest = n->p - first;
        float *const tall = n->unit + begin(n, block) + fused_tall(padded, i - b->first, first);
        for (int j = 0; j < FUSED_DEPTH && j < rest; j++)
            tall[j] = wide[(first + j) * FUSED_PANEL] = (float)(scale * z[first + j]);
    }
}

const struct negatives_reach *negatives_reach(const struct negatives *n, int i)
{
    return n->reach + (size_t)i * (size_t)n->pairing->views;
}

double negatives_near(const struct negatives *n, int block)
{
    return n->near[block];
}

void negatives_gradient(const struct negatives *n, int block, int i, double *g)
{
    const struct pairing_block *const b = &n->pairing->block[block];
    const int width = n->fused != NULL ? FUSED_DEPTH : n->p; /* numbers side by side */
    for (int first = 0; first < n->p; first += width) {
        const float *const grad =
            n->fused != NULL
                ? n->grad + begin(n, block) + fused_tall(fused_padded(b->rows), i - b->first, first)
                : n->grad + (size_t)i * (size_t)n->p;
        for (int j = 0; j < width && j < n->p - first; j++)
            g[first + j] = grad[j];
    }
}

/* ---- rounds -------------------------------------------------------------------------------------- */

/* Number `task` of all tiles, round by round: wait until both blocks have met all opponents of earlier
 * rounds. Tasks are taken in order, so that the first unfinished one never waits. */
static void one_tile(void *context, int task, int thread)
{
    struct negatives *const n = context;
    const int blocks = n->pairing->blocks, round = task / blocks, block = task % blocks;
    const int other = (round - block + blocks) % blocks;
    if (other < block) /* who sees to their tile */
        return;
    pthread_mutex_lock(&n->mutex);
    n->waiting++;
    while (n->rounds[block] < round || n->rounds[other] < round)
        pthread_cond_wait(&n->finished, &n->mutex);
    n->waiting--;
    pthread_mutex_unlock(&n->mutex);

    n->work(n, block, other, thread);

    pthread_mutex_lock(&n->mutex);
    n->rounds[block] = n->rounds[other] = round + 1;
    if (n->waiting > 0)
        pthread_cond_broadcast(&n->finished);
    pthread_mutex_unlock(&n->mutex);
}

static void every_tile(
    struct negatives *n, void (*work)(struct negatives *n, int block, int other, int thread))
{
    memset(n->rounds, 0, (size_t)n->pairing->blocks * sizeof *n->rounds);
    n->work = work;
    parallel_run(n->parallel, n->pairing->blocks * n->pairing->blocks, one_tile, n);
}

/* ---- forward, with one exponential a pair -------------------------------------------------------- */

static struct fused_block fused_block(const struct negatives *n, int block)
{
    return (struct fused_block){.rows = n->pairing->block[block].rows,
        .depth = n->depth,
        .tall = n->unit + begin(n, block),
        .wide = n->wide + begin(n, block)};
}

/* The tile of two blocks for a thread, with room for its dots. */
static struct fused_tile *tile_for(struct negatives *n, int block, int other, int thread)
{
    struct fused_tile *const t = &n->fused_tile[thread];
    const size_t a = (size_t)block, b = (size_t)other;
    t->x = n->matrix[n->kept ? b * (b + 1) / 2 + a : (size_t)thread];
    t->rows = n->pairing->block[block].rows;
    t->columns = n->pairing->block[other].rows;
    return t;
}

static void look(struct negatives_reach *r, float dot, int position)
{
    if (dot > r->max || (dot == r->max && position < r->nearest)) {
        r->max = dot;
        r->nearest = position;
    }
}

/* Mark the pairs of one picture as gone; `look_too`: they may be nearest. Pictures rise in a block. */
static void set_aside(struct negatives *n, struct fused_tile *t, const struct pairing_block *a,
    const struct pairing_block *b, bool look_too)
{
    const int *const left = n->pairing->picture + a->first;
    const int *const right = n->pairing->picture + b->first;
    for (int i = 0, from = 0; i < a->rows; i++) {
        while (from < b->rows && right[from] < left[i])
            from++;
        for (int k = from; k < b->rows && right[k] == left[i]; k++) {
            float *const dot = fused_at(t, i, k);
            if (look_too) {
                look(reach_of(n, a->first + i, b->view), *dot, b->first + k);
                look(reach_of(n, b->first + k, a->view), *dot, a->first + i);
            }
            *dot = n->scale.gone;
        }
    }
    for (int i = 0; i < a->rows; i++)
        for (int k = b->rows; k < fused_padded(b->rows); k++)
            *fused_at(t, i, k) = n->scale.gone;
}

/* Rows of a tile as anchors, or columns: what it adds to their reach. */
static void add_lines(struct negatives *n, struct fused_tile *t,
    const struct pairing_block *anchors, const struct pairing_block *others, bool columns,
    bool across)
{
    const float *const sum = columns ? t->column_sum : t->row_sum;
    const float *const weighted = columns ? t->column_weighted : t->row_weighted;
    const float *const max = columns ? t->column_max : t->row_max;
    for (int l = 0; l < anchors->rows; l++) {
        struct negatives_reach *const r = reach_of(n, anchors->first + l, others->view);
        r->sum += sum[l];
        if (!across)
            continue;
        r->weighted += weighted[l] / n->temperature;
        if (max[l] > FUSED_NOTHING && max[l] >= r->max) {
            int o = 0;
            while (*(columns ? fused_at(t, o, l) : fused_at(t, l, o)) != max[l])
                o++;
            look(r, max[l], others->first + o);
        }
    }
}

static void fused_forward(struct negatives *n, int block, int other, int thread)
{
    const struct pairing_block *const a = &n->pairing->block[block];
    const struct pairing_block *const b = &n->pairing->block[other];
    const struct fused_block left = fused_block(n, block), right = fused_block(n, other);
    struct fused_tile *const t = tile_for(n, block, other, thread);
    const bool across = a->view != b->view;
    n->fused->dots(t, &left, &right);
    set_aside(n, t, a, b, across);
    const double near =
        n->fused->sums(t, &n->scale, n->square + a->first, n->square + b->first, across);
    n->near[block] += other == block ? near : 2 * near;
    add_lines(n, t, a, b, false, across);
    if (other != block)
        add_lines(n, t, b, a, true, across);
}

/* ---- forward, with a running maximum ------------------------------------------------------------- */

static void logits(const struct negatives *n, struct tile *t, const struct pairing_block *a,
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
static void extend(struct negatives_reach *r, float max, float sum, float weighted, bool across,
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
    if (across && max >= r->max) {
        int k = 0;
        while (x[(size_t)k * (size_t)step] != max)
            k++;
        if (max > r->max || first + k < r->nearest)
            r->nearest = first + k;
    }
    r->max = max > r->max ? max : r->max;
    r->shift = r->max;
}

static void running_forward(struct negatives *n, int block, int other, int thread)
{
    const struct pairing_block *const a = &n->pairing->block[block];
    const struct pairing_block *const b = &n->pairing->block[other];
    struct tile *const t = &n->tile[thread];
    const bool across = a->view != b->view;
    logits(n, t, a, b);
    tile_maxima(t, other == block);
    const double near = tile_sums(t, n->pairing->picture + a->first, n->pairing->picture + b->first,
        (float)(4 * n->temperature), n->square + a->first, n->square + b->first);
    n->near[block] += other == block ? near : 2 * near;
    for (int i = 0; i < a->rows; i++)
        extend(reach_of(n, a->first + i, b->view), t->row_max[i], t->row_sum[i], t->row_weighted[i],
            across, t->x + (size_t)i * (size_t)t->stride, 1, b->first);
    for (int k = 0; k < b->rows && other != block; k++)
        extend(reach_of(n, b->first + k, a->view), t->column_max[k], t->column_sum[k],
            t->column_weighted[k], across, t->x + k, t->stride, a->first);
}

void negatives_forward(struct negatives *n)
{
    every_tile(n, n->fused != NULL ? fused_forward : running_forward);
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* The tile of the forward pass again; with w_ik = p_ik + p_ki, where p is the softmax of a row:
 * grad_i += sum_k w_ik u_k, grad_k += sum_i w_ik u_i. */
static void fused_backward(struct negatives *n, int block, int other, int thread)
{
    const struct pairing_block *const a = &n->pairing->block[block];
    const struct pairing_block *const b = &n->pairing->block[other];
    const struct fused_block left = fused_block(n, block), right = fused_block(n, other);
    struct fused_tile *const t = tile_for(n, block, other, thread);
    if (!n->kept) {
        n->fused->dots(t, &left, &right);
        set_aside(n, t, a, b, false);
    }
    n->fused->weights(t, &n->scale, n->factor + a->first, n->factor + b->first);
    n->fused->row_gradient(n->grad + begin(n, block), t, &right, fused_padded(a->rows));
    if (other != block)
        n->fused->column_gradient(n->grad + begin(n, other), t, &left, fused_padded(b->rows));
}

static void running_backward(struct negatives *n, int block, int other, int thread)
{
    const int p = n->p;
    const struct pairing_block *const a = &n->pairing->block[block];
    const struct pairing_block *const b = &n->pairing->block[other];
    const size_t i = (size_t)a->first, k = (size_t)b->first;
    struct tile *const t = &n->tile[thread];
    logits(n, t, a, b);
    tile_weights(t, n->pairing->picture + i, n->pairing->picture + k, n->shift + i, n->factor + i,
        n->shift + k, n->factor + k);
    gemm_block(n->grad + i * (size_t)p, t->x, n->unit + k * (size_t)p, a->rows, p, b->rows, false,
        false, 1, 1, p, t->stride, p);
    if (other != block)
        gemm_block(n->grad + k * (size_t)p, t->x, n->unit + i * (size_t)p, b->rows, p, a->rows,
            true, false, 1, 1, p, t->stride, p);
}

void negatives_backward(struct negatives *n, const double *lse)
{
    const size_t width = n->fused != NULL ? (size_t)n->depth * FUSED_DEPTH : (size_t)n->p;
    memset(n->grad, 0, n->rows_room * width * sizeof *n->grad);
    for (int i = 0; i < n->pairing->rows; i++) {
        n->shift[i] = (float)lse[i];
        n->factor[i] = (float)exp(n->fused != NULL ? -lse[i] : n->shift[i] - lse[i]);
    }
    every_tile(n, n->fused != NULL ? fused_backward : running_backward);
}
