/* search -- for each of some queries the k rows of a collection that are nearest to it.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/search.h"

#include "lib/base/arena.h"
#include "lib/eval/cosine.h"
#include "lib/eval/distance.h"
#include "lib/nn/gemm.h"

#include <math.h>
#include <stdlib.h>

struct search {
    const float *query; /* [queries,D] */
    int queries, width, neighbors, query_tile, row_tile;
    bool self, distance;
    struct parallel *parallel;
    struct arena arena;
    struct candidate *heap; /* [queries,neighbors] */
    float **rough;          /* [threads] of [query_tile,row_tile]: cosines */
    int *size;              /* [queries]: of each heap */
    float margin;

    const float *row; /* what is on offer */
    const int64_t *id;
    int from, rows;
    const struct search_aside *aside;
};

enum { MOST_QUERIES = 4 * COSINE_QUERIES }; /* a tile */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* BLAS packs the rows anew for each tile of queries: as few tiles as leave each thread four. Bits do not
 * depend on it, because products only sift. */
static int many_queries(int queries, int threads)
{
    int tile = COSINE_QUERIES;
    while (tile < MOST_QUERIES && (queries - 1) / (2 * tile) + 1 >= 4 * threads)
        tile *= 2;
    return tile;
}

static void layout(struct search *s)
{
    const size_t tile = (size_t)s->query_tile * (size_t)s->row_tile;
    const int threads = parallel_threads(s->parallel);
    s->heap = arena_take(&s->arena, (size_t)s->queries, (size_t)s->neighbors * sizeof *s->heap);
    s->size = arena_take(&s->arena, (size_t)s->queries, sizeof *s->size);
    s->rough = arena_take(&s->arena, (size_t)threads, sizeof *s->rough);
    for (int t = 0; t < threads; t++) {
        float *const rough = arena_take(&s->arena, tile, sizeof *rough);
        if (s->arena.base != NULL)
            s->rough[t] = rough;
    }
}

struct search *search_new(const float *query, int queries, int width, int neighbors, bool self,
    struct parallel *parallel, struct err *err)
{
    struct search *const s = malloc(sizeof *s);
    if (s == NULL) {
        err_memory(err, "a search");
        return NULL;
    }
    *s = (struct search){.query = query,
        .queries = queries,
        .width = width,
        .neighbors = neighbors,
        .self = self,
        .parallel = parallel,
        .margin = cosine_margin(width),
        .query_tile = cosine_tile(many_queries(queries, parallel_threads(parallel)), width),
        .row_tile = cosine_tile(COSINE_ROWS, width)};
    layout(s);
    if (arena_alloc(&s->arena, "the nearest of each row", err) < 0) {
        free(s);
        return NULL;
    }
    layout(s);
    return s;
}

void search_free(struct search *search)
{
    if (search != NULL)
        arena_free(&search->arena);
    free(search);
}

void search_by_distance(struct search *search)
{
    search->distance = true;
    search->margin = 0; /* distance_bound() has it */
}

/* One query against rows from, from+1, ... on offer, whose rough cosines are `rough`. */
static void compare(const struct search *s, int query, const float *rough, int from, int rows)
{
    struct candidate *const heap = s->heap + (size_t)query * (size_t)s->neighbors;
    const float *const own = s->query + (size_t)query * (size_t)s->width;
    int size = s->size[query];
    for (int i = 0; i < rows;) {
        const float bar = size < s->neighbors ? -INFINITY : heap[0].similarity - s->margin;
        if (size == s->neighbors)
            i += heap_idle(rough + i, rows - i, bar);
        for (int n = 0; n < HEAP_GLANCE && i < rows; n++, i++) {
            const float *const row = s->row + (size_t)(from + i) * (size_t)s->width;
            const int number = s->from + from + i;
            if (rough[i] < bar || (s->self && number == query))
                continue;
            size = heap_add(heap, size, s->neighbors, s->id,
                (struct candidate){
                    s->distance ? -distance_of(own, row, s->width) : cosine_of(own, row, s->width),
                    number});
        }
    }
    s->size[query] = size;
}

/* One tile of queries against all rows on offer; or, first of all, what else is to be done. */
static void work(void *context, int block, int thread)
{
    const struct search *const s = context;
    const size_t width = (size_t)s->width;
    if (s->aside != NULL && block-- == 0) {
        s->aside->work(s->aside->context);
        return;
    }
    const int first = block * s->query_tile;
    const int queries = least(s->queries - first, s->query_tile);
    float *const rough = s->rough[thread];
    float own[MOST_QUERIES], square[COSINE_ROWS];
    if (s->distance)
        distance_square(own, s->query + (size_t)first * width, queries, s->width);
    for (int from = 0; from < s->rows; from += s->row_tile) {
        const int rows = least(s->rows - from, s->row_tile);
        gemm_block(rough, s->query + (size_t)first * width, s->row + (size_t)from * width, queries,
            rows, s->width, false, true, 1, 0, rows, s->width, s->width);
        if (s->distance)
            distance_square(square, s->row + (size_t)from * width, rows, s->width);
        for (int i = 0; i < queries; i++) {
            float *const line = rough + (size_t)i * (size_t)rows;
            if (s->distance)
                distance_bound(line, square, rows, own[i], s->width);
            compare(s, first + i, line, from, rows);
        }
    }
}

void search_offer(struct search *s, const float *row, const int64_t *id, int from, int rows,
    const struct search_aside *aside)
{
    const int tiles = (s->queries - 1) / s->query_tile + 1;
    s->row = row;
    s->id = id;
    s->from = from;
    s->rows = rows;
    s->aside = aside;
    parallel_run(s->parallel, tiles + (aside != NULL), work, s);
}

struct candidate *search_found(int *count, struct search *s, const int64_t *id, int query)
{
    struct candidate *const found = s->heap + (size_t)query * (size_t)s->neighbors;
    *count = s->size[query];
    heap_sort(found, *count, id);
    return found;
}
