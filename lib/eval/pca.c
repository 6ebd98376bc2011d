/* pca -- principal components, by eigenvectors of a small matrix or by subspace iteration.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/pca.h"

#include "lib/base/rng.h"
#include "lib/base/shape.h"
#include "lib/nn/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK has no C header that every OpenBLAS comes with. The last three are lengths of texts. */
void dsyevr_(const char *job, const char *range, const char *triangle, const int *n, double *a,
    const int *lda, const double *low, const double *high, const int *first, const int *last,
    const double *tolerance, int *found, double *value, double *vector, const int *ldv,
    int *support, double *work, const int *works, int *iwork, const int *iworks, int *info, size_t,
    size_t, size_t);

enum { BASIS = 16, STEPS = 100, MOST = 8 };
static const double STILL = 1e-10; /* relative change of variances that ends the iteration */
static const double RANK = 1e-12;  /* of the largest variance: below it is rounding of f32 */

static int least(int a, int b)
{
    return a < b ? a : b;
}

double pca_center(float *value, int rows, int width, struct err *err)
{
    double *const mean = calloc((size_t)width, sizeof *mean), most = 0;
    if (mean == NULL)
        return err_memory(err, "the mean of all rows");
    const size_t numbers = (size_t)rows * (size_t)width;
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            mean[d] += value[(size_t)i * (size_t)width + (size_t)d];
    for (int d = 0; d < width; d++)
        mean[d] /= rows;
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            most = fmax(most, fabs(value[(size_t)i * (size_t)width + (size_t)d] - mean[d]));
    /* Equal rows differ from their mean by its rounding. */
    bool equal = true;
    for (int i = 1; i < rows && equal; i++)
        equal =
            memcmp(value, value + (size_t)i * (size_t)width, (size_t)width * sizeof *value) == 0;
    if (equal || most == 0) {
        memset(value, 0, numbers * sizeof *value);
        most = 0;
    }
    for (int i = 0; i < rows && most > 0; i++)
        for (int d = 0; d < width; d++) {
            float *const x = &value[(size_t)i * (size_t)width + (size_t)d];
            *x = (float)((*x - mean[d]) / most);
        }
    free(mean);
    return most;
}

/* The `k` largest eigenvalues and vectors of a symmetric matrix a [n,n], which is overwritten: value
 * [k] and vector [k,n], the largest first. */
static int eigen(double *value, double *vector, double *a, int n, int k, struct err *err)
{
    const int first = n - k + 1, ask = -1;
    const double tolerance = 0, none = 0;
    int found = 0, info = 0, integers = 0, works, support[2 * MOST + 2 * BASIS];
    double size = 0, *const all = malloc((size_t)n * sizeof *all);
    dsyevr_("V", "I", "U", &n, a, &n, &none, &none, &first, &n, &tolerance, &found, value, vector,
        &n, support, &size, &ask, &integers, &ask, &info, 1, 1, 1);
    works = (int)size;
    double *const work = malloc((size_t)works * sizeof *work);
    int *const iwork = malloc((size_t)integers * sizeof *iwork);
    if (all == NULL || work == NULL || iwork == NULL)
        err_memory(err, "eigenvectors");
    else
        dsyevr_("V", "I", "U", &n, a, &n, &none, &none, &first, &n, &tolerance, &found, all, vector,
            &n, support, work, &works, iwork, &integers, &info, 1, 1, 1);
    if (err->status == ERR_NONE && (info != 0 || found != k))
        err_set(err, ERR_FAILED, "LAPACK finds %d of %d eigenvectors (dsyevr: %d)", found, k, info);
    for (int j = 0; j < k && err->status == ERR_NONE; j++)
        value[j] = all[k - 1 - j];
    for (int j = 0; j < k / 2; j++) /* LAPACK begins with the smallest */
        for (int i = 0; i < n; i++) {
            double *const x = &vector[(size_t)j * (size_t)n + (size_t)i];
            double *const y = &vector[(size_t)(k - 1 - j) * (size_t)n + (size_t)i];
            const double swap = *x;
            *x = *y;
            *y = swap;
        }
    free(all);
    free(work);
    free(iwork);
    return err->status == ERR_NONE ? 0 : -1;
}

/* ---- the small matrix ------------------------------------------------------------------------- */

/* sum [n,n] = X'X (`across`; n = D) or XX' (n = N), piece by piece of what is summed over. */
static int products(double *sum, const float *value, int rows, int width, bool across,
    struct parallel *parallel, struct err *err)
{
    const int n = across ? width : rows, all = across ? rows : width;
    const size_t numbers = (size_t)n * (size_t)n;
    float *const part = malloc(numbers * sizeof *part);
    if (part == NULL)
        return err_memory(err, "products of rows");
    memset(sum, 0, numbers * sizeof *sum);
    for (int from = 0; from < all; from += PCA_ROWS) {
        const int piece = least(all - from, PCA_ROWS);
        const float *const x = value + (size_t)from * (across ? (size_t)width : 1);
        gemm(parallel, part, x, x, n, n, piece, across, !across, 1, 0, n, width, width);
        for (size_t i = 0; i < numbers; i++)
            sum[i] += part[i];
    }
    free(part);
    return 0;
}

/* axis [K,D] from vector [K,N] of XX', not yet of length 1. */
static void carry(
    double *axis, const double *vector, const float *value, int rows, int width, int k)
{
    memset(axis, 0, (size_t)k * (size_t)width * sizeof *axis);
    for (int j = 0; j < k; j++)
        for (int i = 0; i < rows; i++) {
            const double weight = vector[(size_t)j * (size_t)rows + (size_t)i];
            for (int d = 0; d < width; d++)
                axis[(size_t)j * (size_t)width + (size_t)d] +=
                    weight * value[(size_t)i * (size_t)width + (size_t)d];
        }
}

static int fit_dense(struct pca *p, double *variance, const float *value, int rows, int width,
    int k, struct parallel *parallel, struct err *err)
{
    const bool across = width <= rows;
    const int n = across ? width : rows;
    double *const sum = malloc((size_t)n * (size_t)n * sizeof *sum);
    double *const vector = malloc((size_t)k * (size_t)n * sizeof *vector);
    if (sum == NULL || vector == NULL)
        err_memory(err, "principal components");
    else if (products(sum, value, rows, width, across, parallel, err) == 0 &&
             eigen(variance, vector, sum, n, k, err) == 0) {
        if (across)
            memcpy(p->axis, vector, (size_t)k * (size_t)n * sizeof *vector);
        else
            carry(p->axis, vector, value, rows, width, k);
    }
    free(sum);
    free(vector);
    return err->status == ERR_NONE ? 0 : -1;
}

/* ---- subspace iteration ----------------------------------------------------------------------- */

/* basis [n,b], columns: made orthonormal, one after another, twice; what is left of none is 0. */
static void orthonormalise(double *basis, int n, int b)
{
    for (int j = 0; j < b; j++) {
        double before = 0;
        for (int i = 0; i < n; i++)
            before += basis[i * (ptrdiff_t)b + j] * basis[i * (ptrdiff_t)b + j];
        for (int round = 0; round < 2; round++)
            for (int l = 0; l < j; l++) {
                double dot = 0;
                for (int i = 0; i < n; i++)
                    dot += basis[i * (ptrdiff_t)b + j] * basis[i * (ptrdiff_t)b + l];
                for (int i = 0; i < n; i++)
                    basis[i * (ptrdiff_t)b + j] -= dot * basis[i * (ptrdiff_t)b + l];
            }
        double square = 0;
        for (int i = 0; i < n; i++)
            square += basis[i * (ptrdiff_t)b + j] * basis[i * (ptrdiff_t)b + j];
        const double scale = square > before * 1e-20 ? 1 / sqrt(square) : 0;
        for (int i = 0; i < n; i++)
            basis[i * (ptrdiff_t)b + j] *= scale;
    }
}

struct subspace {
    int rows, width, b;
    const float *value;
    double *basis;  /* [D,b] */
    float *narrow;  /* [D,b]: the same */
    float *image;   /* [PCA_ROWS,b]: X basis */
    float *part;    /* [D,b] */
    double *back;   /* [D,b]: X'X basis */
    double *square; /* [b,b]: basis' X'X basis */
    double *turn;   /* [b,b]: its eigenvectors */
};

/* back = X'X basis, and square. */
static void apply(struct subspace *s, struct parallel *parallel)
{
    const size_t numbers = (size_t)s->width * (size_t)s->b;
    for (size_t i = 0; i < numbers; i++)
        s->narrow[i] = (float)s->basis[i];
    memset(s->back, 0, numbers * sizeof *s->back);
    for (int from = 0; from < s->rows; from += PCA_ROWS) {
        const int rows = least(s->rows - from, PCA_ROWS);
        const float *const x = s->value + (size_t)from * (size_t)s->width;
        gemm(parallel, s->image, x, s->narrow, rows, s->b, s->width, false, false, 1, 0, s->b,
            s->width, s->b);
        gemm(parallel, s->part, x, s->image, s->width, s->b, rows, true, false, 1, 0, s->b,
            s->width, s->b);
        for (size_t i = 0; i < numbers; i++)
            s->back[i] += s->part[i];
    }
    memset(s->square, 0, (size_t)s->b * (size_t)s->b * sizeof *s->square);
    for (int d = 0; d < s->width; d++)
        for (int i = 0; i < s->b; i++)
            for (int j = 0; j < s->b; j++)
                s->square[i * s->b + j] += s->basis[(size_t)d * (size_t)s->b + (size_t)i] *
                                           s->back[(size_t)d * (size_t)s->b + (size_t)j];
    for (int i = 0; i < s->b; i++) /* symmetric but for rounding */
        for (int j = 0; j < i; j++)
            s->square[i * s->b + j] = s->square[j * s->b + i] =
                (s->square[i * s->b + j] + s->square[j * s->b + i]) / 2;
}

static void iterate(struct subspace *s, struct pca *p, double *variance, int k,
    struct parallel *parallel, struct err *err)
{
    double value[BASIS], before[BASIS] = {0};
    const size_t numbers = (size_t)s->width * (size_t)s->b;
    struct rng rng = rng_key(p->seed, 0, 0, 0, "pca");
    for (size_t i = 0; i < numbers; i++)
        s->basis[i] = rng_normal(&rng);
    for (int step = 0; step < STEPS; step++) {
        orthonormalise(s->basis, s->width, s->b);
        apply(s, parallel);
        if (eigen(value, s->turn, s->square, s->b, s->b, err) < 0)
            return;
        double moved = 0;
        for (int j = 0; j < k; j++)
            moved = fmax(moved, fabs(value[j] - before[j]));
        memcpy(before, value, sizeof before);
        if (moved <= STILL * value[0] || step + 1 == STEPS)
            break;
        memcpy(s->basis, s->back, numbers * sizeof *s->basis);
    }
    for (int j = 0; j < k; j++)
        for (int d = 0; d < s->width; d++) {
            double sum = 0;
            for (int i = 0; i < s->b; i++)
                sum += s->turn[j * s->b + i] * s->basis[(size_t)d * (size_t)s->b + (size_t)i];
            p->axis[(size_t)j * (size_t)s->width + (size_t)d] = sum;
        }
    memcpy(variance, value, (size_t)k * sizeof *variance);
}

static int fit_subspace(struct pca *p, double *variance, const float *value, int rows, int width,
    int k, struct parallel *parallel, struct err *err)
{
    const int b = least(BASIS, least(rows, width));
    const size_t numbers = (size_t)width * (size_t)b, square = (size_t)b * (size_t)b;
    struct subspace s = {.rows = rows,
        .width = width,
        .b = b,
        .value = value,
        .basis = malloc(numbers * sizeof *s.basis),
        .narrow = malloc(numbers * sizeof *s.narrow),
        .image = malloc(PCA_ROWS * (size_t)b * sizeof *s.image),
        .part = malloc(numbers * sizeof *s.part),
        .back = malloc(numbers * sizeof *s.back),
        .square = malloc(square * sizeof *s.square),
        .turn = malloc(square * sizeof *s.turn)};
    if (s.basis == NULL || s.narrow == NULL || s.image == NULL || s.part == NULL ||
        s.back == NULL || s.square == NULL || s.turn == NULL)
        err_memory(err, "principal components");
    else
        iterate(&s, p, variance, k, parallel, err);
    free(s.basis);
    free(s.narrow);
    free(s.image);
    free(s.part);
    free(s.back);
    free(s.square);
    free(s.turn);
    return err->status == ERR_NONE ? 0 : -1;
}

/* ---- both ------------------------------------------------------------------------------------- */

/* Length 1, and the largest number above 0. */
static void settle(double *axis, int width)
{
    double square = 0, most = 0;
    for (int d = 0; d < width; d++) {
        square += axis[d] * axis[d];
        if (fabs(axis[d]) > fabs(most))
            most = axis[d];
    }
    const double scale = square > 0 ? (most < 0 ? -1 : 1) / sqrt(square) : 0;
    for (int d = 0; d < width; d++)
        axis[d] *= scale;
}

struct projection {
    const struct pca *pca;
    const float *value;
    int rows, width;
};

static void project(void *context, int block, int thread)
{
    const struct projection *const p = context;
    const int k = p->pca->components, last = least(p->rows, (block + 1) * PCA_ROWS);
    (void)thread;
    for (int i = block * PCA_ROWS; i < last; i++)
        for (int j = 0; j < k; j++) {
            const double *const axis = p->pca->axis + (size_t)j * (size_t)p->width;
            const float *const row = p->value + (size_t)i * (size_t)p->width;
            double sum = 0;
            for (int d = 0; d < p->width; d++)
                sum += row[d] * axis[d];
            p->pca->score[(size_t)i * (size_t)k + (size_t)j] = sum;
        }
}

/* What was found, measured on the scores; without the axes along which there is none. */
static void account(struct pca *p, int rows, int width, double all, double scale)
{
    const int k = p->components;
    double variance[MOST] = {0};
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < k; j++) {
            const double score = p->score[(size_t)i * (size_t)k + (size_t)j];
            variance[j] += score * score;
        }
    for (int j = 0; j < k; j++) {
        const bool real = variance[j] > RANK * variance[0];
        for (int i = 0; i < rows; i++)
            p->score[(size_t)i * (size_t)k + (size_t)j] *= real ? scale : 0;
        if (!real)
            memset(p->axis + (size_t)j * (size_t)width, 0, (size_t)width * sizeof *p->axis);
        p->share[j] = real ? variance[j] / all : 0;
        p->deviation[j] = real ? sqrt(variance[j] / rows) * scale : 0;
    }
}

int pca_fit(struct pca *p, const float *value, int rows, int width, double scale,
    struct parallel *parallel, struct err *err)
{
    const int k = p->components, n = least(rows, width), some = least(k, n);
    double variance[MOST], all = 0;
    memset(p->axis, 0, (size_t)k * (size_t)width * sizeof *p->axis);
    for (size_t i = 0; i < (size_t)rows * (size_t)width; i++)
        all += (double)value[i] * value[i];
    if (all > 0 && (n <= p->dense ? fit_dense : fit_subspace)(
                       p, variance, value, rows, width, some, parallel, err) < 0)
        return -1;
    for (int j = 0; j < k; j++)
        settle(p->axis + (size_t)j * (size_t)width, width);
    struct projection projection = {p, value, rows, width};
    parallel_run(parallel, (rows - 1) / PCA_ROWS + 1, project, &projection);
    account(p, rows, width, all, scale);
    return 0;
}
