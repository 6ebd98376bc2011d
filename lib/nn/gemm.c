/* gemm -- dense products: fixed blocks of C, one single-threaded BLAS call each.
 *
 * How C is cut is decided by m, n and k alone. Packing, register tiles and a kernel for each CPU
 * are OpenBLAS's business.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/gemm.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCKS = 16,         /* at least so many blocks, if C is large enough */
    EDGE = 512,          /* the largest edge of a block */
    EDGE_SMALLEST = 64,  /* below it a block would be mostly packing */
    CHUNK = 1024,        /* the shortest piece a long k is cut into */
    CHUNKS = 16,         /* the most pieces */
    PARTIALS = 64 * 1024 /* floats on the stack for the partial products of a small C */
};

/* Not in any header, and OpenBLAS alone has it. */
int blas_thread_shutdown_(void) __attribute__((weak));

struct product {
    float *c;
    const float *a, *b;
    int m, n, k;
    bool transpose_a, transpose_b;
    float alpha, beta;
    int ldc, lda, ldb;
    int edge;       /* of a block of C */
    int chunks;     /* pieces of k */
    float *partial; /* [chunks,m,n] when k is cut */
};

static int minimum(int a, int b)
{
    return a < b ? a : b;
}

static const float *at(const float *matrix, bool transpose, int row, int column, int ld)
{
    return transpose ? matrix + (size_t)column * (size_t)ld + row
                     : matrix + (size_t)row * (size_t)ld + column;
}

void gemm_block(float *c, const float *a, const float *b, int m, int n, int k, bool transpose_a,
    bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb)
{
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
        transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static int pieces(int extent, int edge)
{
    return extent / edge + (extent % edge != 0);
}

/* One block of C, whole k. */
static void block_of_c(void *context, int block, int thread)
{
    const struct product *const p = context;
    const int across = pieces(p->n, p->edge);
    const int i = block / across * p->edge, j = block % across * p->edge;
    (void)thread;
    gemm_block(p->c + (size_t)i * (size_t)p->ldc + j, at(p->a, p->transpose_a, i, 0, p->lda),
        at(p->b, p->transpose_b, 0, j, p->ldb), minimum(p->edge, p->m - i),
        minimum(p->edge, p->n - j), p->k, p->transpose_a, p->transpose_b, p->alpha, p->beta, p->ldc,
        p->lda, p->ldb);
}

/* All of C, one chunk of k, into a partial product of its own. */
static void chunk_of_k(void *context, int block, int thread)
{
    const struct product *const p = context;
    const int first = (int)((int64_t)p->k * block / p->chunks);
    const int last = (int)((int64_t)p->k * (block + 1) / p->chunks);
    (void)thread;
    gemm_block(p->partial + (size_t)block * (size_t)(p->m * p->n),
        at(p->a, p->transpose_a, 0, first, p->lda), at(p->b, p->transpose_b, first, 0, p->ldb),
        p->m, p->n, last - first, p->transpose_a, p->transpose_b, p->alpha, 0, p->n, p->lda,
        p->ldb);
}

static void cut_k(struct parallel *parallel, struct product *p)
{
    float partial[PARTIALS];
    p->partial = partial;
    parallel_run(parallel, p->chunks, chunk_of_k, p);
    for (int i = 0; i < p->m; i++) {
        float *const c = p->c + (size_t)i * (size_t)p->ldc;
        for (int j = 0; j < p->n; j++) {
            const float *const part = p->partial + (size_t)i * (size_t)p->n + (size_t)j;
            double sum = p->beta == 0 ? 0 : (double)p->beta * c[j];
            for (int chunk = 0; chunk < p->chunks; chunk++)
                sum += part[(size_t)chunk * (size_t)p->m * (size_t)p->n];
            c[j] = (float)sum;
        }
    }
}

void gemm(struct parallel *parallel, float *c, const float *a, const float *b, int m, int n, int k,
    bool transpose_a, bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb)
{
    struct product p = {.c = c,
        .a = a,
        .b = b,
        .m = m,
        .n = n,
        .k = k,
        .transpose_a = transpose_a,
        .transpose_b = transpose_b,
        .alpha = alpha,
        .beta = beta,
        .ldc = ldc,
        .lda = lda,
        .ldb = ldb,
        .edge = EDGE};
    if (m <= 0 || n <= 0)
        return;
    if ((int64_t)m * n <= PARTIALS / 4) { /* small: is k long enough to be cut? */
        p.chunks = minimum(minimum(k / CHUNK, PARTIALS / (m * n)), CHUNKS);
        if (p.chunks > 1) {
            cut_k(parallel, &p);
            return;
        }
    }
    while (p.edge > EDGE_SMALLEST && (int64_t)pieces(m, p.edge) * pieces(n, p.edge) < BLOCKS)
        p.edge /= 2;
    parallel_run(parallel, pieces(m, p.edge) * pieces(n, p.edge), block_of_c, &p);
}

void gemm_naive(float *c, const float *a, const float *b, int m, int n, int k, bool transpose_a,
    bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float *const out = c + (size_t)i * (size_t)ldc + j;
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += (double)*at(a, transpose_a, i, l, lda) * *at(b, transpose_b, l, j, ldb);
            *out = (float)(alpha * sum + (beta == 0 ? 0 : (double)beta * *out));
        }
}

/* ---- trust, but check ---------------------------------------------------------------------------
 */

/* Largest difference to the twin, over every choice of transposition, of one shape. Entries are
 * small whole numbers over 64: the twin is exact, and the scale of C is sqrt(k). */
static double check_shape(float *memory, int m, int n, int k)
{
    float *const a = memory, *const b = a + (size_t)m * (size_t)k;
    float *const c = b + (size_t)k * (size_t)n, *const twin = c + (size_t)m * (size_t)n;
    double worst = 0;
    for (int i = 0; i < m * k; i++)
        a[i] = (float)(i * 37 % 127 - 63) / 64;
    for (int i = 0; i < k * n; i++)
        b[i] = (float)(i * 53 % 113 - 56) / 64;
    for (int way = 0; way < 8; way++) {
        const bool ta = way & 1, tb = way & 2;
        const float beta = way & 4 ? 1 : 0;
        for (int i = 0; i < m * n; i++)
            c[i] = twin[i] = beta == 0 ? NAN : (float)(i % 5);
        gemm_block(c, a, b, m, n, k, ta, tb, 0.5F, beta, n, ta ? m : k, tb ? k : n);
        gemm_naive(twin, a, b, m, n, k, ta, tb, 0.5F, beta, n, ta ? m : k, tb ? k : n);
        for (int i = 0; i < m * n; i++) {
            const double difference = fabs((double)c[i] - twin[i]);
            if (!(difference <= worst)) /* NaN too */
                worst = difference;
        }
    }
    return worst;
}

void gemm_settle(void)
{
    openblas_set_num_threads(1);
    if (blas_thread_shutdown_ != NULL)
        blas_thread_shutdown_();
}

int gemm_init(struct err *err)
{
    static const int shapes[][3] = {
        {1, 1, 1}, {5, 3, 7}, {64, 10, 33}, {65, 67, 129}, {96, 96, 96}};
    enum { ROOM = 4 * 129 * 100 };
    gemm_settle();
    float *const memory = malloc(ROOM * sizeof *memory);
    if (memory == NULL)
        return err_memory(err, "the check of BLAS");
    int status = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && status == 0; i++) {
        const int m = shapes[i][0], n = shapes[i][1], k = shapes[i][2];
        const double worst = check_shape(memory, m, n, k);
        if (!(worst <= 1e-4)) {
            status = err_set(err, ERR_FAILED,
                "BLAS miscomputes: a product of %dx%d by %dx%d is off by %g (%s)", m, k, k, n,
                worst, gemm_version());
            err_hint(err,
                "set OPENBLAS_CORETYPE=Haswell (or Nehalem) in the environment, or update "
                "OpenBLAS");
        }
    }
    free(memory);
    return status;
}

const char *gemm_version(void)
{
    return openblas_get_config();
}
