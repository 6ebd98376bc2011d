/* groups -- rows that are copies of each other, or nearly.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/groups.h"

#include "lib/base/arena.h"
#include "lib/eval/cosine.h"
#include "lib/eval/heap.h"
#include "lib/nn/gemm.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { ROUND = 64 }; /* tiles a round: their links wait for each other */

/* What one tile has found among its rows and columns, counted through: 0 .. 2*tile-1. */
struct links {
    int i, j;       /* the tile: rows and columns of the matrix of cosines, in tiles; i <= j */
    int count;      /* of links */
    int (*link)[2]; /* [2*tile] that hold together what belongs together */
    float *nearest; /* [2*tile], where count > 0; 0: nothing near */
};

struct groups {
    const float *unit;
    int rows, width, tile;
    float threshold, bar; /* bar: below it no product is near, however it was rounded */
    struct links *links;  /* [ROUND] */
    float **similarity;   /* [threads] of [tile,tile] */
    int **parent;         /* [threads] of [2*tile] */
};

static void layout(struct arena *arena, struct groups *g, int threads)
{
    const size_t tile = (size_t)g->tile;
    g->links = arena_take(arena, ROUND, sizeof *g->links);
    g->similarity = arena_take(arena, (size_t)threads, sizeof *g->similarity);
    g->parent = arena_take(arena, (size_t)threads, sizeof *g->parent);
    for (int i = 0; i < ROUND; i++) {
        int(*const link)[2] = arena_take(arena, 2 * tile, sizeof *link);
        float *const nearest = arena_take(arena, 2 * tile, sizeof *nearest);
        if (arena->base != NULL)
            g->links[i] = (struct links){.link = link, .nearest = nearest};
    }
    for (int t = 0; t < threads; t++) {
        float *const similarity = arena_take(arena, tile * tile, sizeof *similarity);
        int *const parent = arena_take(arena, 2 * tile, sizeof *parent);
        if (arena->base != NULL) {
            g->similarity[t] = similarity;
            g->parent[t] = parent;
        }
    }
}

/* The lowest of those that `at` belongs with so far; halves the way on the way. */
static int lowest(int *parent, int at)
{
    while (parent[at] != at)
        at = parent[at] = parent[parent[at]];
    return at;
}

/* Join two groups; false when they are one already. */
static bool join(int *parent, int a, int b)
{
    a = lowest(parent, a);
    b = lowest(parent, b);
    parent[a > b ? a : b] = a > b ? b : a;
    return a != b;
}

static int rows_of(const struct groups *g, int tile)
{
    const int left = g->rows - tile * g->tile;
    return left < g->tile ? left : g->tile;
}

/* Row `i` of a tile is near column `j`. On the diagonal both are rows of the same stretch. */
static void note(const struct groups *g, struct links *l, int *parent, int i, int j, float cosine)
{
    if (l->count == 0) {
        memset(l->nearest, 0, 2 * (size_t)g->tile * sizeof *l->nearest);
        for (int n = 0; n < 2 * g->tile; n++)
            parent[n] = n;
    }
    const int other = l->i == l->j ? j : g->tile + j;
    if (join(parent, i, other)) {
        l->link[l->count][0] = i;
        l->link[l->count++][1] = other;
    }
    l->nearest[i] = fmaxf(l->nearest[i], cosine);
    l->nearest[other] = fmaxf(l->nearest[other], cosine);
}

static void work(void *context, int block, int thread)
{
    const struct groups *const g = context;
    struct links *const l = g->links + block;
    const size_t width = (size_t)g->width, stride = (size_t)g->tile * width;
    const float *const row = g->unit + (size_t)l->i * stride;
    const float *const column = g->unit + (size_t)l->j * stride;
    const int rows = rows_of(g, l->i), columns = rows_of(g, l->j);
    float *const similarity = g->similarity[thread];
    l->count = 0;
    gemm_block(similarity, row, column, rows, columns, g->width, false, true, 1, 0, columns,
        g->width, g->width);
    for (int i = 0; i < rows; i++) {
        const float *const line = similarity + (size_t)i * (size_t)columns;
        int j = l->i == l->j ? i + 1 : 0;
        while ((j += heap_idle(line + j, columns - j, g->bar)) < columns)
            for (int n = 0; n < HEAP_GLANCE && j < columns; n++, j++) {
                const float cosine = line[j] < g->bar ? -1
                                                      : cosine_of(row + (size_t)i * width,
                                                            column + (size_t)j * width, g->width);
                if (cosine >= g->threshold)
                    note(g, l, g->parent[thread], i, j, cosine);
            }
    }
}

/* Enter what a tile found into the groups of all rows. */
static void merge(int *group, float *nearest, const struct groups *g, const struct links *l)
{
    const int start[2] = {l->i * g->tile, l->j * g->tile};
    for (int n = 0; n < l->count; n++) {
        const int *const ends = l->link[n];
        const int a = start[0] + ends[0];
        const int b = ends[1] < g->tile ? start[0] + ends[1] : start[1] + ends[1] - g->tile;
        join(group, a, b);
    }
    for (int n = 0; l->count > 0 && n < 2 * g->tile; n++) {
        if (l->nearest[n] == 0)
            continue;
        float *const best = nearest + (n < g->tile ? start[0] + n : start[1] + n - g->tile);
        *best = fmaxf(*best, l->nearest[n]);
    }
}

int groups_find(int *group, float *nearest, const float *unit, int rows, int width,
    double threshold, void (*progress)(int64_t done), struct parallel *parallel, struct err *err)
{
    struct groups g = {.unit = unit,
        .rows = rows,
        .width = width,
        .tile = cosine_tile(COSINE_ROWS / 2, width),
        .threshold = (float)threshold - GROUPS_SLACK,
        .bar = (float)threshold - GROUPS_SLACK - cosine_margin(width)};
    struct arena arena = {0};
    layout(&arena, &g, parallel_threads(parallel));
    if (arena_alloc(&arena, "groups of copies", err) < 0)
        return -1;
    layout(&arena, &g, parallel_threads(parallel));
    for (int i = 0; i < rows; i++) {
        group[i] = i;
        nearest[i] = 0;
    }
    const int tiles = (rows - 1) / g.tile + 1;
    for (int i = 0, j = 0; i < tiles;) {
        int blocks = 0;
        for (; i < tiles && blocks < ROUND; blocks++) {
            g.links[blocks].i = i;
            g.links[blocks].j = j;
            if (++j == tiles)
                j = ++i;
        }
        parallel_run(parallel, blocks, work, &g);
        for (int n = 0; n < blocks; n++)
            merge(group, nearest, &g, &g.links[n]);
        if (progress != NULL && i < tiles) /* of the triangle, as if it were rows */
            progress((int64_t)(rows * (1 - pow((double)(tiles - i) / tiles, 2))));
    }
    for (int i = 0; i < rows; i++)
        group[i] = lowest(group, i);
    arena_free(&arena);
    return 0;
}
