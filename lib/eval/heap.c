/* heap -- the k nearest of the rows that come by.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/heap.h"

#include "lib/base/cpu.h"

#include <stdbool.h>

/* Is a nearer than b? */
static bool nearer(const int64_t *id, struct candidate a, struct candidate b)
{
    if (a.similarity != b.similarity)
        return a.similarity > b.similarity;
    return id[a.row] < id[b.row];
}

/* Put `new` in the place of heap[at], which is nearer to the top than it should be. */
static void sift(const int64_t *id, struct candidate *heap, int n, int at, struct candidate new)
{
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && nearer(id, heap[child], heap[child + 1]))
            child++;
        if (!nearer(id, new, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = new;
}

static void heapify(const int64_t *id, struct candidate *heap, int n)
{
    for (int at = n / 2 - 1; at >= 0; at--)
        sift(id, heap, n, at, heap[at]);
}

CPU_CLONES
int heap_idle(const float *similarity, int rows, float bar)
{
    int i = 0;
    for (; i + HEAP_GLANCE <= rows; i += HEAP_GLANCE) {
        int any = 0;
        for (int j = 0; j < HEAP_GLANCE; j++)
            any |= similarity[i + j] >= bar;
        if (any)
            break;
    }
    return i;
}

int heap_add(struct candidate *heap, int size, int k, const int64_t *id, struct candidate new)
{
    if (size == k) {
        if (nearer(id, new, heap[0]))
            sift(id, heap, k, 0, new);
        return k;
    }
    heap[size++] = new;
    if (size == k)
        heapify(id, heap, k);
    return size;
}

int heap_offer(struct candidate *heap, int size, int k, const int64_t *id, const float *similarity,
    int from, int rows)
{
    for (int i = 0; i < rows;) {
        if (size == k)
            i += heap_idle(similarity + i, rows - i, heap[0].similarity);
        for (int n = 0; n < HEAP_GLANCE && i < rows; n++, i++)
            size = heap_add(heap, size, k, id, (struct candidate){similarity[i], from + i});
    }
    return size;
}

void heap_sort(struct candidate *heap, int size, const int64_t *id)
{
    heapify(id, heap, size);
    for (int n = size - 1; n > 0; n--) {
        const struct candidate last = heap[n];
        heap[n] = heap[0];
        sift(id, heap, n, 0, last);
    }
}
