/* heap.h -- the k nearest of the rows that come by.
 *
 * A heap of candidates, the farthest on top. The nearer of two rows is the more similar one; of
 * equally similar ones that with the lower id: so what stays does not depend on the order in which
 * the rows came.
 *
 * Numerics: similarities are compared as they are; they must not be NaN.
 * Cost: one comparison a row that stays out, log k for one that gets in.
 * SPDX-License-Identifier: MIT */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

struct candidate {
    float similarity;
    int row;
};

/* Offer one to heap [k] that holds `size` candidates; returns how many it holds now. `id` is that of row
 * 0, and goes on to every row that was ever offered. */
int heap_add(struct candidate *heap, int size, int k, const int64_t *id, struct candidate new);

/* The same for rows from, from+1, ... with similarity [rows]. */
int heap_offer(struct candidate *heap, int size, int k, const int64_t *id, const float *similarity,
    int from, int rows);

/* How many rows of similarity [rows] to pass over: none of them is at least `bar`. HEAP_GLANCE of them
 * are looked at together. */
enum { HEAP_GLANCE = 64 };
int heap_idle(const float *similarity, int rows, float bar);

/* Leave `size` candidates nearest first. It is no heap any more. */
void heap_sort(struct candidate *heap, int size, const int64_t *id);

#endif
