/* search -- against scikit-learn, and against every cosine of a plain twin in double.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/search.h"

#include "lib/base/rng.h"
#include "lib/eval/cosine.h"
#include "lib/eval/distance.h"
#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

static float *unit(const float *row, int rows, int width)
{
    float *const out = malloc((size_t)rows * (size_t)width * sizeof *out);
    for (int i = 0; i < rows; i++)
        cosine_unit(out + i * width, row + i * width, width);
    return out;
}

static float *draw(int rows, int width, int64_t seed)
{
    float *const out = malloc((size_t)rows * (size_t)width * sizeof *out);
    struct rng rng = rng_key(seed, 0, 0, 0, "search");
    for (int i = 0; i < rows * width; i++)
        out[i] = (float)rng_normal(&rng);
    return out;
}

static int64_t *numbers(int rows)
{
    int64_t *const id = malloc((size_t)rows * sizeof *id);
    for (int i = 0; i < rows; i++)
        id[i] = i;
    return id;
}

static void count(void *context)
{
    ++*(int *)context;
}

/* Every other offer has something to be done aside. */
static struct search *run(const float *query, int queries, const float *row, int rows, int width,
    int k, bool self, int threads)
{
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    int64_t *const id = numbers(rows);
    struct search *const search = search_new(query, queries, width, k, self, parallel, &err);
    int done = 0, offers = 0;
    const struct search_aside aside = {count, &done};
    for (int from = 0; from < rows; from += SEARCH_ROWS)
        search_offer(search, row + (size_t)from * (size_t)width, id, from,
            rows - from < SEARCH_ROWS ? rows - from : SEARCH_ROWS,
            offers++ % 2 == 0 ? &aside : NULL);
    OK(done == (offers + 1) / 2, "what is to be done aside is done once");
    parallel_free(parallel); /* it is not used any more */
    free(id);
    return search;
}

static void test_golden(const char *name, bool self)
{
    int64_t rows[2], queries[2], list[2];
    char path[40];
    float *const x = golden_get("x", DTYPE_F32, 2, rows);
    float *const q = golden_get(self ? "x" : "q", DTYPE_F32, 2, queries);
    snprintf(path, sizeof path, "%s.index", name);
    int64_t *const index = golden_get(path, DTYPE_I64, 2, list);
    snprintf(path, sizeof path, "%s.cosine", name);
    double *const cosine = golden_get(path, DTYPE_F64, 2, NULL);
    const int stored = (int)list[1], k = stored - 1, width = (int)rows[1];
    float *const unit_x = unit(x, (int)rows[0], width), *const unit_q =
                                                            unit(q, (int)queries[0], width);
    struct search *const search =
        run(unit_q, (int)queries[0], unit_x, (int)rows[0], width, k, self, 2);
    int64_t *const id = numbers((int)rows[0]);
    int same = 0, ties = 0;
    double worst = 0;
    for (int i = 0; i < queries[0]; i++) {
        int count;
        const struct candidate *const found = search_found(&count, search, id, i);
        for (int n = 0; n < k && count == k; n++) {
            const double *const wanted = cosine + i * stored + n;
            const double error = fabs((double)found[n].similarity - *wanted);
            worst = fmax(worst, error);
            same += found[n].row == index[i * stored + n];
            ties += found[n].row != index[i * stored + n] && error < 1e-6 &&
                    ((n > 0 && wanted[-1] - wanted[0] < 1e-6) || wanted[0] - wanted[1] < 1e-6);
        }
    }
    OK(same + ties == queries[0] * k && ties < 40,
        "%s: scikit-learn's neighbours: %d, and %d that tie", name, same, ties);
    OK(worst < 1e-6, "%s: and its cosines: %.2g", name, worst);
    search_free(search);
    free(id);
    free(x);
    free(q);
    free(unit_x);
    free(unit_q);
    free(index);
    free(cosine);
}

static double product(const float *a, const float *b, int width)
{
    double sum = 0;
    for (int d = 0; d < width; d++)
        sum += (double)a[d] * b[d];
    return sum;
}

/* Each neighbour is as near as it is said to be, and nobody nearer was forgotten. */
static void test_twin(int queries, int rows, int width, int k, bool self)
{
    float *const x = draw(rows, width, 1), *const unit_x = unit(x, rows, width);
    float *const q = draw(queries, width, 2), *const unit_q = unit(q, queries, width);
    const float *const query = self ? unit_x : unit_q;
    const int asked = self ? rows : queries;
    struct search *const search = run(query, asked, unit_x, rows, width, k, self, 3);
    struct search *const serial = run(query, asked, unit_x, rows, width, k, self, 1);
    int64_t *const id = numbers(rows);
    const int wanted = k < rows - self ? k : rows - self;
    int right = 0, equal = 0;
    for (int i = 0; i < asked; i++) {
        int count, other, nearer = 0;
        const struct candidate *const found = search_found(&count, search, id, i);
        const struct candidate *const again = search_found(&other, serial, id, i);
        bool good = count == wanted;
        for (int n = 0; n < count; n++) {
            const double cosine = product(query + i * width, unit_x + found[n].row * width, width);
            good = good && fabs(cosine - (double)found[n].similarity) < 1e-6;
            good = good && (n == 0 || found[n].similarity <= found[n - 1].similarity);
            good = good && !(self && found[n].row == i);
        }
        const double last = count > 0 ? (double)found[count - 1].similarity : 0;
        for (int j = 0; j < rows; j++)
            nearer += !(self && j == i) &&
                      product(query + i * width, unit_x + j * width, width) > last + 1e-6;
        right += good && nearer < (count > 0 ? count : 1);
        equal += count == other && memcmp(found, again, (size_t)count * sizeof *found) == 0;
    }
    OK(right == asked, "%d of %d of %d, k = %d%s: %d right", asked, rows, width, k,
        self ? ", among themselves" : "", right);
    OK(equal == asked, "one thread and three: the same bits");
    search_free(search);
    search_free(serial);
    free(id);
    free(x);
    free(q);
    free(unit_x);
    free(unit_q);
}

/* Copies of one row, all over the tiles, are equally near, whoever asks: so their ids decide. */
static void test_copies(int width)
{
    enum { ROWS = 4713, QUERIES = 131, COPIES = 9 };
    static const int place[COPIES] = {0, 13, 511, 512, 2047, 4095, 4096, 4703, 4712};
    float *const x = draw(ROWS, width, 3), *const q = draw(QUERIES, width, 4);
    for (int n = 1; n < COPIES; n++)
        memcpy(x + place[n] * width, x, (size_t)width * sizeof *x);
    for (int i = 0; i < QUERIES; i++) /* near those copies */
        for (int d = 0; d < width; d++)
            q[i * width + d] = x[d] + 0.1F * q[i * width + d];
    float *const unit_x = unit(x, ROWS, width), *const unit_q = unit(q, QUERIES, width);
    struct search *const search = run(unit_q, QUERIES, unit_x, ROWS, width, COPIES + 3, false, 2);
    int64_t *const id = numbers(ROWS);
    int right = 0;
    for (int i = 0; i < QUERIES; i++) {
        int count, same = 0;
        const struct candidate *const found = search_found(&count, search, id, i);
        for (int n = 0; n < COPIES; n++)
            same += found[n].row == place[n] && found[n].similarity == found[0].similarity;
        right += same == COPIES;
    }
    OK(right == QUERIES, "copies are equally near, of %d: %d of %d", width, right, QUERIES);
    search_free(search);
    free(id);
    free(x);
    free(q);
    free(unit_x);
    free(unit_q);
}

/* By distance: rows of any length, some far from the others, some copies. */
static void test_distance(int rows, int width, int k, double shift)
{
    float *const x = draw(rows, width, 5);
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            x[i * width + d] = (float)(x[i * width + d] * (i % 10 == 0 ? 30 : 1) + shift);
    memcpy(x + (rows - 1) * width, x + 3 * width, (size_t)width * sizeof *x);
    struct err err = {0};
    int64_t *const id = numbers(rows);
    struct search *const search = search_new(x, rows, width, k, true, NULL, &err);
    search_by_distance(search);
    for (int from = 0; from < rows; from += 1000)
        search_offer(
            search, x + from * width, id, from, rows - from < 1000 ? rows - from : 1000, NULL);
    int right = 0;
    for (int i = 0; i < rows; i++) {
        int count, nearer = 0;
        const struct candidate *const found = search_found(&count, search, id, i);
        bool good = count == k;
        for (int n = 0; n < count; n++)
            good =
                good && found[n].row != i &&
                found[n].similarity == -distance_of(x + i * width, x + found[n].row * width, width);
        for (int j = 0; j < rows; j++) {
            const float similarity = -distance_of(x + i * width, x + j * width, width);
            const struct candidate last = found[count - 1];
            nearer += j != i && (similarity > last.similarity ||
                                    (similarity == last.similarity && j < last.row));
        }
        right += good && nearer == count - 1;
    }
    OK(right == rows, "by distance, %d rows of %d around %g, k = %d: %d right", rows, width, shift,
        k, right);
    search_free(search);
    free(id);
    free(x);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    golden_open("tests/golden/search.safetensors");
    test_golden("query", false);
    test_golden("self", true);
    safetensors_free(&golden);
    test_twin(300, 4500, 5, 10, false);
    test_twin(2300, 4500, 6, 3, false);
    test_twin(1, 40, 17, 1, false);
    test_twin(20, 300, 3100, 7, false);
    test_twin(3, 5, 4, 9, false);
    test_twin(0, 700, 24, 20, true);
    test_twin(0, 33, 8, 32, true);
    test_twin(0, 1, 8, 1, true);
    test_copies(128);
    test_copies(37);
    test_copies(512);
    test_distance(2100, 33, 12, 0);
    test_distance(700, 128, 91, 50);
    test_distance(40, 1, 5, 0);
    test_distance(60, 3100, 7, 1);
    return tap_done();
}
