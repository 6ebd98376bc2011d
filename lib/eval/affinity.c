/* affinity -- nearest rows, a bandwidth for each, and both directions added.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/affinity.h"

#include "lib/base/shape.h"
#include "lib/eval/search.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HALVINGS = 100, BLOCK = 64 };
static const double CLOSE = 1e-9; /* of the entropy */

double affinity_perplexity(int rows, double wanted)
{
    return fmax(1, fmin(wanted, (rows - 1) / 3.0));
}

int affinity_neighbors(int rows, double perplexity)
{
    const double wanted = floor(3 * perplexity) + 1;
    return wanted < rows - 1 ? (int)wanted : rows - 1;
}

/* Weights p [n] of bandwidth b, their sum, and their entropy. The nearest has weight 1. */
static double weigh(float *p, double *sum, const double *square, int n, double b)
{
    double first = 0;
    p[0] = 1;
    *sum = 1;
    for (int i = 1; i < n; i++) {
        const double far = square[i] - square[0], weight = exp(-b * far);
        p[i] = (float)weight;
        *sum += weight;
        first += far * weight;
    }
    return log(*sum) + b * first / *sum;
}

void affinity_row(float *p, const double *square, int n, double perplexity)
{
    double low = 0, high = INFINITY, sum = 0, mean = 0;
    const double wanted = log(perplexity);
    for (int i = 0; i < n; i++)
        mean += (square[i] - square[0]) / n;
    double b = mean > 0 ? 1 / mean : 0; /* whatever the scale of the features */
    for (int step = 0; step < HALVINGS; step++) {
        const double off = weigh(p, &sum, square, n, b) - wanted;
        if (fabs(off) < CLOSE || b == 0)
            break;
        low = off > 0 ? b : low; /* too even: narrower */
        high = off > 0 ? high : b;
        b = high == INFINITY ? 2 * b : (low + high) / 2;
    }
    for (int i = 0; i < n; i++)
        p[i] = (float)(p[i] / sum);
}

/* ---- nearest rows ----------------------------------------------------------------------------- */

struct entry {
    int column;
    float p;
};

struct work {
    struct entry *entry; /* [N,k]: p(j|i) */
    int rows, neighbors;
    double perplexity;
};

static int by_column(const void *a, const void *b)
{
    const struct entry *const x = a, *const y = b;
    return (x->column > y->column) - (x->column < y->column);
}

/* In place: from -distance^2, nearest first, to probabilities in order of their columns. */
static void find_widths(void *context, int block, int thread)
{
    const struct work *const w = context;
    const int k = w->neighbors, first = block * BLOCK;
    double square[AFFINITY_NEIGHBORS];
    float p[AFFINITY_NEIGHBORS];
    (void)thread;
    for (int i = first; i < first + BLOCK && i < w->rows; i++) {
        struct entry *const entry = w->entry + (size_t)i * (size_t)k;
        for (int j = 0; j < k; j++)
            square[j] = -(double)entry[j].p;
        affinity_row(p, square, k, w->perplexity);
        for (int j = 0; j < k; j++)
            entry[j].p = p[j];
        qsort(entry, (size_t)k, sizeof *entry, by_column);
    }
}

static int find_nearest(struct work *w, const float *value, int width,
    void (*progress)(long long rows), struct parallel *parallel, struct err *err)
{
    int64_t *const id = malloc((size_t)w->rows * sizeof *id);
    struct search *const search =
        id == NULL ? NULL : search_new(value, w->rows, width, w->neighbors, true, parallel, err);
    if (search == NULL) {
        free(id);
        return err_memory(err, "neighbours");
    }
    search_by_distance(search);
    for (int i = 0; i < w->rows; i++)
        id[i] = i;
    for (int from = 0; from < w->rows; from += SEARCH_ROWS) {
        const int left = w->rows - from;
        search_offer(search, value + (size_t)from * (size_t)width, id, from,
            left < SEARCH_ROWS ? left : SEARCH_ROWS, NULL);
        if (progress != NULL)
            progress(from + (left < SEARCH_ROWS ? left : SEARCH_ROWS));
    }
    for (int i = 0; i < w->rows; i++) {
        int count;
        const struct candidate *const found = search_found(&count, search, id, i);
        struct entry *const entry = w->entry + (size_t)i * (size_t)w->neighbors;
        for (int j = 0; j < w->neighbors; j++)
            entry[j] = (struct entry){found[j].row, found[j].similarity};
    }
    free(id);
    search_free(search);
    parallel_run(parallel, (w->rows - 1) / BLOCK + 1, find_widths, w);
    return 0;
}

/* ---- both directions -------------------------------------------------------------------------- */

/* back [N,k]: the entries by column, in order of their rows; column i has those from begin[i] on. */
static void transpose(struct entry *back, size_t *begin, const struct work *w)
{
    const size_t n = (size_t)w->rows, all = n * (size_t)w->neighbors;
    memset(begin, 0, (n + 2) * sizeof *begin);
    for (size_t e = 0; e < all; e++)
        begin[w->entry[e].column + 2]++;
    for (size_t i = 2; i < n + 2; i++)
        begin[i] += begin[i - 1];
    for (size_t e = 0; e < all; e++) /* begin[i+1] runs from the start to the end of column i */
        back[begin[w->entry[e].column + 1]++] =
            (struct entry){(int)(e / (size_t)w->neighbors), w->entry[e].p};
}

/* The union of two rows in order, into `column` and `p` unless NULL; returns its size. */
static size_t merge(int *column, float *p, const struct entry *a, size_t as, const struct entry *b,
    size_t bs, double scale)
{
    size_t i = 0, j = 0, n = 0;
    for (; i < as || j < bs; n++) {
        const bool left = j == bs || (i < as && a[i].column <= b[j].column);
        const bool right = i == as || (j < bs && b[j].column <= a[i].column);
        if (column != NULL) {
            column[n] = left ? a[i].column : b[j].column;
            p[n] = (float)(((left ? a[i].p : 0.0) + (right ? b[j].p : 0.0)) * scale);
        }
        i += left;
        j += right;
    }
    return n;
}

static int add_up(struct affinity *out, const struct work *w, const struct entry *back,
    const size_t *begin, struct err *err)
{
    const size_t k = (size_t)w->neighbors;
    out->begin[0] = 0;
    for (int i = 0; i < w->rows; i++)
        out->begin[i + 1] = out->begin[i] + merge(NULL, NULL, w->entry + (size_t)i * k, k,
                                                back + begin[i], begin[i + 1] - begin[i], 0);
    const size_t all = out->begin[w->rows];
    out->column = malloc(all * sizeof *out->column);
    out->p = malloc(all * sizeof *out->p);
    if (out->column == NULL || out->p == NULL)
        return err_memory(err, "affinities");
    for (int i = 0; i < w->rows; i++)
        merge(out->column + out->begin[i], out->p + out->begin[i], w->entry + (size_t)i * k, k,
            back + begin[i], begin[i + 1] - begin[i], 0.5 / w->rows);
    return 0;
}

int affinity_find(struct affinity *out, const float *value, int rows, int width, double perplexity,
    int neighbors, void (*progress)(long long rows), struct parallel *parallel, struct err *err)
{
    struct work w = {.rows = rows, .neighbors = neighbors, .perplexity = perplexity};
    const size_t n = (size_t)rows,
                 bytes = shape_times(shape_times(n, (size_t)neighbors), sizeof *w.entry);
    out->rows = rows;
    out->begin = calloc(n + 1, sizeof *out->begin);
    if (out->begin == NULL)
        return err_memory(err, "affinities");
    if (neighbors == 0)
        return 0;
    struct entry *back = NULL;
    size_t *begin = NULL;
    int status = -1;
    if ((w.entry = malloc(bytes)) == NULL)
        err_memory(err, "neighbours");
    else if (find_nearest(&w, value, width, progress, parallel, err) == 0) {
        back = malloc(bytes);
        begin = malloc((n + 2) * sizeof *begin);
        if (back == NULL || begin == NULL) {
            err_memory(err, "affinities");
        } else {
            transpose(back, begin, &w);
            status = add_up(out, &w, back, begin, err);
        }
    }
    free(w.entry);
    free(back);
    free(begin);
    return status;
}

void affinity_free(struct affinity *affinity)
{
    free(affinity->begin);
    free(affinity->column);
    free(affinity->p);
    *affinity = (struct affinity){0};
}
