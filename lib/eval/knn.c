/* knn -- weighted k-nearest-neighbour vote by cosine similarity.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/knn.h"

#include "lib/base/arena.h"
#include "lib/eval/cosine.h"
#include "lib/eval/heap.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct scratch {
    float *test, *train;         /* [test_tile,D] [train_tile,D], normalised */
    float *similarity;           /* [test_tile,train_tile] */
    struct candidate *candidate; /* [test_tile,k]: heaps */
    double *vote;                /* [L] */
};

struct knn {
    const struct features *train, *test;
    struct knn_options options;
    int classes, *class; /* L labels, ascending */
    int *index;          /* [N_train]: of the row's label in class */
    int *place;          /* [FEATURES_LABELS]: of a label in class, or -1 */
    int test_tile, train_tile;
    struct scratch *scratch; /* [threads] */
    int *rank, *predicted;
    int from; /* the first block of this round */
};

static void load(float *out, const struct features *f, int from, int rows)
{
    features_block(out, f, NULL, from, rows, NULL, NULL);
    for (int i = 0; i < rows; i++) {
        float *const row = out + (size_t)i * (size_t)f->width;
        cosine_unit(row, row, f->width);
    }
}

static void vote(const struct knn *knn, struct candidate *heap, double *votes, int test_row)
{
    heap_sort(heap, knn->options.neighbors, knn->train->id);
    memset(votes, 0, (size_t)knn->classes * sizeof *votes);
    for (int i = 0; i < knn->options.neighbors; i++) {
        const double behind = (double)heap[i].similarity - heap[0].similarity;
        votes[knn->index[heap[i].row]] += exp(behind / knn->options.temperature);
    }
    int best = 0;
    for (int l = 1; l < knn->classes; l++)
        best = votes[l] > votes[best] ? l : best;
    if (knn->predicted != NULL)
        knn->predicted[test_row] = knn->class[best];
    const int true_class = knn->place[knn->test->label[test_row]];
    if (true_class < 0)
        knn->rank[test_row] = TALLY_UNKNOWN;
    else
        knn->rank[test_row] = tally_rank(votes, knn->classes, true_class);
    if (true_class >= 0 && !(votes[true_class] > 0) && knn->rank[test_row] < 5)
        knn->rank[test_row] = 5;
}

static void work(void *context, int block, int thread)
{
    const struct knn *const knn = context;
    const struct scratch s = knn->scratch[thread];
    const int width = knn->train->width, k = knn->options.neighbors;
    const int first = (knn->from + block) * knn->test_tile;
    const int left = knn->test->rows - first;
    const int rows = left < knn->test_tile ? left : knn->test_tile;
    load(s.test, knn->test, first, rows);
    for (int from = 0, size = 0, grown = 0; from < knn->train->rows; from += knn->train_tile) {
        const int rest = knn->train->rows - from;
        const int columns = rest < knn->train_tile ? rest : knn->train_tile;
        load(s.train, knn->train, from, columns);
        gemm_block(s.similarity, s.test, s.train, rows, columns, width, false, true, 1, 0, columns,
            width, width);
        for (int i = 0; i < rows; i++)
            grown = heap_offer(s.candidate + (size_t)i * (size_t)k, size, k, knn->train->id,
                s.similarity + (size_t)i * (size_t)columns, from, columns);
        size = grown;
    }
    for (int i = 0; i < rows; i++)
        vote(knn, s.candidate + (size_t)i * (size_t)k, s.vote, first + i);
}

static void layout(struct arena *arena, struct knn *knn, int threads)
{
    const size_t test = (size_t)knn->test_tile, train = (size_t)knn->train_tile;
    const size_t width = (size_t)knn->train->width;
    knn->scratch = arena_take(arena, (size_t)threads, sizeof *knn->scratch);
    for (int t = 0; t < threads; t++) {
        struct scratch s;
        s.test = arena_take(arena, test * width, sizeof *s.test);
        s.train = arena_take(arena, train * width, sizeof *s.train);
        s.similarity = arena_take(arena, test * train, sizeof *s.similarity);
        s.candidate = arena_take(arena, test * (size_t)knn->options.neighbors, sizeof *s.candidate);
        s.vote = arena_take(arena, (size_t)knn->classes, sizeof *s.vote);
        if (arena->base != NULL)
            knn->scratch[t] = s;
    }
}

/* Rounds of blocks: between them the caller hears how far we are. */
static int score(struct knn *knn, struct parallel *parallel, struct err *err)
{
    const int threads = parallel_threads(parallel);
    struct arena arena = {0};
    layout(&arena, knn, threads);
    if (arena_alloc(&arena, "nearest neighbours", err) < 0)
        return -1;
    layout(&arena, knn, threads);
    const int blocks = (knn->test->rows - 1) / knn->test_tile + 1;
    for (int round; knn->from < blocks; knn->from += round) {
        round = blocks - knn->from < 4 * threads ? blocks - knn->from : 4 * threads;
        if (knn->options.progress != NULL)
            knn->options.progress((int64_t)knn->from * knn->test_tile);
        parallel_run(parallel, round, work, knn);
    }
    arena_free(&arena);
    return 0;
}

int knn_score(int *rank, int *predicted, const struct features *train, const struct features *test,
    const struct knn_options *options, struct parallel *parallel, struct err *err)
{
    struct knn knn = {.train = train,
        .test = test,
        .options = *options,
        .rank = rank,
        .predicted = predicted,
        .test_tile = cosine_tile(COSINE_QUERIES, train->width),
        .train_tile = cosine_tile(COSINE_ROWS, train->width)};
    knn.index = malloc((size_t)train->rows * sizeof *knn.index);
    knn.place = malloc(FEATURES_LABELS * sizeof *knn.place);
    int status = -1;
    if (knn.index == NULL || knn.place == NULL)
        err_memory(err, "nearest neighbours");
    else
        knn.class = features_classes(&knn.classes, knn.index, train, err);
    if (knn.class != NULL) {
        for (int l = 0; l < FEATURES_LABELS; l++)
            knn.place[l] = -1;
        for (int l = 0; l < knn.classes; l++)
            knn.place[knn.class[l]] = l;
        status = score(&knn, parallel, err);
    }
    free(knn.class);
    free(knn.index);
    free(knn.place);
    return status;
}
