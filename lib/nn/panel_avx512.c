/* panel_avx512 -- the kernels of panel.h for CPUs with AVX-512: 12 x 16 sums in 12 registers; their
 * multiply-adds broadcast one operand from memory themselves.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/panel.h"

#include "lib/base/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))

enum { ROWS = 12 };

/* Lines of a panel that need not be fetched ahead: so short ones are in the second-level cache. */
enum { FEW = 192 };

INLINE void put(float *out, __m512 sum, bool add)
{
    _mm512_storeu_ps(out, add ? _mm512_add_ps(_mm512_loadu_ps(out), sum) : sum);
}

/* ROWS outputs or fewer; m is a constant where this is expanded. */
INLINE void rows_tile(int m, float *out, const int32_t *out_at, const float *in,
    const int32_t *in_at, size_t step, int runs, int length, const float *weight, bool add)
{
    __m512 sum[ROWS];
#pragma GCC unroll 12
    for (int i = 0; i < m; i++)
        sum[i] = _mm512_setzero_ps();
    for (int r = 0; r < runs; r++, in += step) {
        const float *row[ROWS];
#pragma GCC unroll 12
        for (int i = 0; i < m; i++)
            row[i] = in + in_at[i];
        for (int k = 0; k < length; k++, weight += PANEL) {
            const __m512 w = _mm512_loadu_ps(weight);
#pragma GCC unroll 12
            for (int i = 0; i < m; i++)
                sum[i] = _mm512_fmadd_ps(_mm512_set1_ps(row[i][k]), w, sum[i]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < m; i++)
        put(out + out_at[i], sum[i], add);
}

TARGET static void rows(float *out, const int32_t *out_at, const float *in, const int32_t *in_at,
    int count, size_t step, int runs, int length, const float *weight, bool add)
{
    const int lines = runs * length, tiles = count / ROWS + 1;
    const int share = lines < FEW ? 0 : lines / tiles + 1; /* of the next panel, for each tile */
    const float *ahead = weight + (size_t)lines * PANEL;
    for (; count >= ROWS; count -= ROWS, out_at += ROWS, in_at += ROWS) {
        for (int i = 0; i < share; i++, ahead += PANEL)
            _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        rows_tile(ROWS, out, out_at, in, in_at, step, runs, length, weight, add);
    }
    switch (count) {
    case 11:
        rows_tile(11, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 10:
        rows_tile(10, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 9:
        rows_tile(9, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 8:
        rows_tile(8, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 7:
        rows_tile(7, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 6:
        rows_tile(6, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 5:
        rows_tile(5, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 4:
        rows_tile(4, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 3:
        rows_tile(3, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 2:
        rows_tile(2, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    case 1:
        rows_tile(1, out, out_at, in, in_at, step, runs, length, weight, add);
        break;
    }
}

INLINE void outer_tile(int m, float *out, const float *in, const int32_t *at, int pitch, int count,
    const float *right, bool add)
{
    __m512 sum[ROWS];
#pragma GCC unroll 12
    for (int i = 0; i < m; i++)
        sum[i] = _mm512_setzero_ps();
    for (int q = 0; q < count; q++, right += PANEL) {
        const __m512 w = _mm512_loadu_ps(right);
        const float *const row = in + (ptrdiff_t)at[q] * pitch;
#pragma GCC unroll 12
        for (int i = 0; i < m; i++)
            sum[i] = _mm512_fmadd_ps(_mm512_set1_ps(row[i]), w, sum[i]);
    }
#pragma GCC unroll 12
    for (int i = 0; i < m; i++)
        put(out + i * PANEL, sum[i], add);
}

TARGET static void outer(float *out, const float *in, const int32_t *at, int pitch, int count,
    const float *right, int n, bool add)
{
    for (int i = 0; i < n; i++)
        _mm_prefetch((const char *)(out + (n + i) * PANEL), _MM_HINT_T0);
    switch (n) {
    case 12:
        outer_tile(12, out, in, at, pitch, count, right, add);
        break;
    case 11:
        outer_tile(11, out, in, at, pitch, count, right, add);
        break;
    case 10:
        outer_tile(10, out, in, at, pitch, count, right, add);
        break;
    case 9:
        outer_tile(9, out, in, at, pitch, count, right, add);
        break;
    case 8:
        outer_tile(8, out, in, at, pitch, count, right, add);
        break;
    case 7:
        outer_tile(7, out, in, at, pitch, count, right, add);
        break;
    case 6:
        outer_tile(6, out, in, at, pitch, count, right, add);
        break;
    case 5:
        outer_tile(5, out, in, at, pitch, count, right, add);
        break;
    case 4:
        outer_tile(4, out, in, at, pitch, count, right, add);
        break;
    case 3:
        outer_tile(3, out, in, at, pitch, count, right, add);
        break;
    case 2:
        outer_tile(2, out, in, at, pitch, count, right, add);
        break;
    case 1:
        outer_tile(1, out, in, at, pitch, count, right, add);
        break;
    }
}

const struct panel_kernels *panel_avx512(void)
{
    static const struct panel_kernels kernels = {"AVX-512", ROWS, rows, outer};
    return cpu_level() >= CPU_AVX512 ? &kernels : NULL;
}
#else
const struct panel_kernels *panel_avx512(void)
{
    return NULL;
}
#endif
