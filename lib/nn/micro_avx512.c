/* micro_avx512 -- products of bf16 chunks by AVX-512, in the order of TDPBF16PS.
 *
 * As micro_avx2, with vectors of 16 and 32 registers: 4 rows by 32 columns, even and odd sums side by
 * side. For CPUs that have no VDPBF16PS: micro_bf16 is twice as fast.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/micro.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

enum { PAIRS = MICRO_CHUNK / 2, ROWS = 4, FLUSH = 0x8040 }; /* MXCSR: FTZ, DAZ */

/* [0] even, [1] odd elements */
struct wide {
    float a[2][MICRO_ROWS][PAIRS];
    float b[2][MICRO_COLUMNS / MICRO_PANEL][PAIRS][MICRO_PANEL];
};

/* Sixteen pairs: the lower halves are even elements. */
AVX512 static inline void split(float *even, float *odd, const uint16_t *pairs)
{
    const __m512i v = _mm512_loadu_si512(pairs);
    _mm512_store_ps(even, _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)));
    _mm512_store_ps(
        odd, _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32((int)0xFFFF0000))));
}

AVX512 static void widen_a(struct wide *wide, int first, const uint16_t *a, size_t step)
{
    for (int m = 0; m < MICRO_STRIP; m++, a += step)
        split(wide->a[0][first + m], wide->a[1][first + m], a);
}

AVX512 static void widen_b(struct wide *wide, int panel, const uint16_t *b)
{
    for (int p = 0; p < PAIRS; p++, b += (ptrdiff_t)2 * MICRO_PANEL)
        split(wide->b[0][panel][p], wide->b[1][panel][p], b);
}

/* 4 rows with `panels` times 16 columns. */
AVX512 static inline void chunk_of(float *sum, const struct wide *wide, int panels, bool add)
{
    for (int m = 0; m < MICRO_ROWS; m += ROWS) {
        __m512 part[2][ROWS][2];
        for (int half = 0; half < 2; half++)
            for (int i = 0; i < ROWS; i++)
                part[half][i][0] = part[half][i][1] = _mm512_setzero_ps();
        for (int p = 0; p < PAIRS; p++)
#pragma GCC unroll 2
            for (int half = 0; half < 2; half++)
#pragma GCC unroll 4
                for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
                    for (int n = 0; n < panels; n++)
                        part[half][i][n] = _mm512_fmadd_ps(_mm512_set1_ps(wide->a[half][m + i][p]),
                            _mm512_load_ps(wide->b[half][n][p]), part[half][i][n]);
        float *to = sum + (ptrdiff_t)m * MICRO_COLUMNS;
        for (int i = 0; i < ROWS; i++, to += MICRO_COLUMNS)
            for (int n = 0; n < panels; n++) {
                float *const at = to + (ptrdiff_t)n * MICRO_PANEL;
                const __m512 before = add ? _mm512_loadu_ps(at) : _mm512_setzero_ps();
                _mm512_storeu_ps(
                    at, _mm512_add_ps(before, _mm512_add_ps(part[0][i][n], part[1][i][n])));
            }
    }
}

AVX512 static void product(float *restrict sum, const uint16_t *a0, const uint16_t *a1, size_t step,
    const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks, bool add)
{
    _Alignas(64) struct wide wide;
    for (int j = 0; j < chunks; j++) {
        widen_a(&wide, 0, a0 + offset[j], step);
        widen_a(&wide, MICRO_STRIP, a1 + offset[j], step);
        widen_b(&wide, 0, b0 + (ptrdiff_t)j * MICRO_B);
        if (b1 == NULL) {
            chunk_of(sum, &wide, 1, add || j > 0);
            continue;
        }
        widen_b(&wide, 1, b1 + (ptrdiff_t)j * MICRO_B);
        chunk_of(sum, &wide, 2, add || j > 0);
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

const struct micro micro_avx512 = {"AVX-512", begin, end, product, store, store};
#endif
