/* gemm.h -- dense products; the only caller of cblas.
 *
 * C [M,N] = alpha * op(A) [M,K] . op(B) [K,N] + beta * C, row-major, leading dimensions in
 * elements.
 *
 * Numerics: C is cut into blocks that depend on the shape alone, each block is one single-threaded
 * BLAS call, and a long K (a weight gradient: K is rows, M and N are small) is cut into chunks
 * whose partial products are added in order. So the bits do not depend on the number of threads.
 * Cost: 2MNK flops.
 * SPDX-License-Identifier: MIT */
#ifndef GEMM_H
#define GEMM_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"

#include <stdbool.h>
#include <stddef.h>

/* BLAS computes in the thread that calls it, and ends those that it started when it was loaded: they
 * yield in circles for a while, on the cores that the threads of parallel.h are about to use. For who
 * is linked to BLAS and may not need it; gemm_init() does it too. */
void gemm_settle(void);

/* Call once before the first product: sets BLAS to one thread and holds a few shapes against the
 * plain C twin. Errors: ERR_FAILED with the remedy (OPENBLAS_CORETYPE) when BLAS miscomputes. */
int gemm_init(struct err *err);

/* overwritten (beta 0: C may hold anything, NaN included) | accumulated (beta 1) */
void gemm(struct parallel *parallel, float *c, const float *a, const float *b, int m, int n, int k,
    bool transpose_a, bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb);

/* One single-threaded BLAS call, for use inside a block of one's own. Same arguments. */
void gemm_block(float *c, const float *a, const float *b, int m, int n, int k, bool transpose_a,
    bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb);

/* The twin: the plain triple loop, in double. */
void gemm_naive(float *c, const float *a, const float *b, int m, int n, int k, bool transpose_a,
    bool transpose_b, float alpha, float beta, int ldc, int lda, int ldb);

const char *gemm_version(void); /* "OpenBLAS 0.3.21 ... Zen" */

#endif
