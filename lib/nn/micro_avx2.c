/* micro_avx2 -- products of bf16 chunks by AVX2 and FMA, in the order of TDPBF16PS.
 *
 * A chunk of a and of b is widened to floats, even and odd elements apart (some 600 instructions for
 * 4096 multiply-adds of eight). Then 4 rows by 16 columns at a time: eight chains, as many as two
 * multiply-adds a cycle of latency four keep busy, even elements first.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/micro.h"

#if defined(__x86_64__)
#include "lib/nn/precision.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

enum { PAIRS = MICRO_CHUNK / 2, ROWS = 4, FLUSH = 0x8040 }; /* MXCSR: FTZ, DAZ */

/* [0] even, [1] odd elements */
struct wide {
    float a[2][MICRO_ROWS][PAIRS];
    float b[2][PAIRS][MICRO_COLUMNS];
};

/* Eight pairs: the lower halves are even elements. */
AVX2 static inline void split(float *even, float *odd, const uint16_t *pairs)
{
    const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)pairs);
    _mm256_store_ps(even, _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)));
    _mm256_store_ps(
        odd, _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32((int)0xFFFF0000))));
}

AVX2 static void widen_a(struct wide *wide, int first, const uint16_t *a, size_t step)
{
    for (int m = 0; m < MICRO_STRIP; m++, a += step)
        for (int p = 0; p < PAIRS; p += 8)
            split(&wide->a[0][first + m][p], &wide->a[1][first + m][p], a + (ptrdiff_t)2 * p);
}

AVX2 static void widen_b(struct wide *wide, int first, const uint16_t *b)
{
    for (int p = 0; p < PAIRS; p++)
        for (int n = 0; n < MICRO_PANEL; n += 8, b += 16)
            split(&wide->b[0][p][first + n], &wide->b[1][p][first + n], b);
}

/* Even or odd products of 4 rows with 16 columns. */
AVX2 static inline void half(__m256 sum[ROWS][2], const float *a, const float *b)
{
    for (int m = 0; m < ROWS; m++)
        sum[m][0] = sum[m][1] = _mm256_setzero_ps();
        /* Unrolled further, compilers make one chain after the other of it: three quarters of the speed. */
#pragma GCC unroll 2
    for (int p = 0; p < PAIRS; p++) {
        const __m256 b0 = _mm256_load_ps(b + (ptrdiff_t)p * MICRO_COLUMNS);
        const __m256 b1 = _mm256_load_ps(b + (ptrdiff_t)p * MICRO_COLUMNS + 8);
#pragma GCC unroll 4
        for (int m = 0; m < ROWS; m++) {
            const __m256 x = _mm256_broadcast_ss(a + (ptrdiff_t)m * PAIRS + p);
            sum[m][0] = _mm256_fmadd_ps(x, b0, sum[m][0]);
            sum[m][1] = _mm256_fmadd_ps(x, b1, sum[m][1]);
        }
    }
}

AVX2 static void chunk_of(float *sum, const struct wide *wide, int columns, bool add)
{
    for (int n = 0; n < columns; n += MICRO_PANEL)
        for (int m = 0; m < MICRO_ROWS; m += ROWS) {
            __m256 even[ROWS][2], odd[ROWS][2];
            half(even, wide->a[0][m], &wide->b[0][0][n]);
            half(odd, wide->a[1][m], &wide->b[1][0][n]);
            float *to = sum + (ptrdiff_t)m * MICRO_COLUMNS + n;
            for (int i = 0; i < ROWS; i++, to += MICRO_COLUMNS)
                for (int j = 0; j < 2; j++) {
                    const __m256 before = add ? _mm256_loadu_ps(to + 8 * j) : _mm256_setzero_ps();
                    const __m256 both = _mm256_add_ps(even[i][j], odd[i][j]);
                    _mm256_storeu_ps(to + 8 * j, _mm256_add_ps(before, both));
                }
        }
}

AVX2 static void product(float *restrict sum, const uint16_t *a0, const uint16_t *a1, size_t step,
    const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks, bool add)
{
    _Alignas(32) struct wide wide;
    for (int j = 0; j < chunks; j++) {
        widen_a(&wide, 0, a0 + offset[j], step);
        widen_a(&wide, MICRO_STRIP, a1 + offset[j], step);
        widen_b(&wide, 0, b0 + (ptrdiff_t)j * MICRO_B);
        if (b1 != NULL)
            widen_b(&wide, MICRO_PANEL, b1 + (ptrdiff_t)j * MICRO_B);
        chunk_of(sum, &wide, b1 == NULL ? MICRO_PANEL : MICRO_COLUMNS, add || j > 0);
    }
}

static unsigned begin(void)
{
    const unsigned state = _mm_getcsr();
    _mm_setcsr(state | FLUSH);
    return state;
}

static void end(unsigned state)
{
    _mm_setcsr(state);
}

static void store(uint16_t *restrict out, const float *restrict sum, const int *restrict place,
    size_t stride, int columns)
{
    micro_plain.store(out, sum, place, stride, columns);
}

const struct micro micro_avx2 = {"AVX2", begin, end, product, store, store};
#endif
