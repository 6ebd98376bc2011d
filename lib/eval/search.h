/* search.h -- for each of some queries the k rows of a collection that are nearest to it: by cosine,
 * or by Euclidean distance.
 *
 * The queries stay, the collection passes by: neither its features nor any similarities are kept, k
 * candidates a query are. Exact: every query is compared with every row.
 *
 * Numerics: products in f32 (BLAS) only tell which rows cannot be among the nearest, whatever they
 * lost to rounding; the others are compared by cosine_of() or distance_of(). So the result is theirs
 * alone, rows that are copies are equally near, and of those the lower id is the nearer. Bits do not
 * depend on the number of threads, nor on the BLAS.
 * Cost: 2 * queries * rows * D flops; 8 * k bytes a query.
 * SPDX-License-Identifier: MIT */
#ifndef SEARCH_H
#define SEARCH_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/eval/heap.h"

#include <stdbool.h>

struct search;

enum { SEARCH_ROWS = 4096 }; /* what search_offer() is best given at a time */

/* `query` [queries,D] of length 1 stays the caller's and in place. `self`: the queries are the collection, and a row is no neighbour of its own.
 * Errors: ERR_FAILED memory. */
struct search *search_new(const float *query, int queries, int width, int neighbors, bool self,
    struct parallel *parallel, struct err *err);
void search_free(struct search *search); /* NULL is fine */

/* Before the first rows: nearest is what has the smallest Euclidean distance. Rows may have any length;
 * a `similarity` is -distance^2. Fast where they lie around the origin. */
void search_by_distance(struct search *search);

/* What one of the threads does while the others compare, such as fetching the next rows. It must leave
 * alone what is on offer, and the ids. */
struct search_aside {
    void (*work)(void *context);
    void *context;
};

/* Rows from, from+1, ... of the collection: row [rows,D] of length 1. id: those of all
 * rows so far, from row 0. `aside` is done when this returns; NULL: nothing. */
void search_offer(struct search *search, const float *row, const int64_t *id, int from, int rows,
    const struct search_aside *aside);

/* When all rows have passed: `found` [*count] of a query, nearest first; *count is `neighbors`, or
 * what there was. Once a query.
 */
struct candidate *search_found(int *count, struct search *search, const int64_t *id, int query);

#endif
