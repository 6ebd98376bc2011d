/* heap -- against a sorted list, ties and all.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/heap.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3000 };

static float similarity[ROWS];
static int64_t id[ROWS];

static int nearest_first(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    if (similarity[x] != similarity[y])
        return similarity[x] > similarity[y] ? -1 : 1;
    return (id[x] > id[y]) - (id[x] < id[y]);
}

/* `steps` different similarities: few of them tie a lot. Offered in pieces of `piece`. */
static void test(int k, int steps, int piece)
{
    static int order[ROWS];
    struct candidate *const heap = malloc((size_t)k * sizeof *heap);
    struct rng rng = rng_key(k, 0, piece, 0, "heap");
    for (int i = 0; i < ROWS; i++) {
        similarity[i] = (float)rng_below(&rng, steps) - (float)(steps / 2);
        id[i] = order[i] = i;
    }
    for (int i = ROWS - 1; i > 0; i--) { /* ids are in no order */
        const int j = (int)rng_below(&rng, i + 1);
        const int64_t own = id[i];
        id[i] = id[j];
        id[j] = own;
    }
    int size = 0;
    for (int from = 0; from < ROWS; from += piece)
        size = heap_offer(
            heap, size, k, id, similarity + from, from, ROWS - from < piece ? ROWS - from : piece);
    heap_sort(heap, size, id);
    qsort(order, ROWS, sizeof *order, nearest_first);
    int same = 0;
    for (int i = 0; i < size; i++)
        same += heap[i].row == order[i] && heap[i].similarity == similarity[order[i]];
    OK(size == (k < ROWS ? k : ROWS) && same == size,
        "%d nearest of %d, %d similarities, %d at a time: %d right", k, ROWS, steps, piece, same);
    free(heap);
}

int main(void)
{
    static const int k[] = {1, 2, 10, 63, 1000, ROWS, ROWS + 5};
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        test(k[i], 1, 512);
        test(k[i], 7, 100);
        test(k[i], 1000000, ROWS);
        test(k[i], 1000000, 1);
    }
    return tap_done();
}
