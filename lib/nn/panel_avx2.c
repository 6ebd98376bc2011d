/* panel_avx2 -- the kernels of panel.h for CPUs with AVX2 and FMA: 6 x 16 sums in 12 registers.
 *
 * The loops over rows and halves are unrolled before anything else is done to them: only then does
 * the array of sums become registers.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/panel.h"

#include "lib/base/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

enum { ROWS = 6, HALF = PANEL / 2 };

/* Lines of a panel that need not be fetched ahead: so short ones are in the second-level cache. */
enum { FEW = 192 };

INLINE void put(float *out, __m256 sum[2], bool add)
{
    if (add) {
        sum[0] = _mm256_add_ps(_mm256_loadu_ps(out), sum[0]);
        sum[1] = _mm256_add_ps(_mm256_loadu_ps(out + HALF), sum[1]);
    }
    _mm256_storeu_ps(out, sum[0]);
    _mm256_storeu_ps(out + HALF, sum[1]);
}

/* ROWS outputs or fewer; m is a constant where this is expanded. */
INLINE void rows_tile(int m, float *out, const int32_t *out_at, const float *in,
    const int32_t *in_at, size_t step, int runs, int length, const float *weight, bool add)
{
    __m256 sum[ROWS][2];
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (int r = 0; r < runs; r++, in += step) {
        const float *row[ROWS];
#pragma GCC unroll 6
        for (int i = 0; i < m; i++)
            row[i] = in + in_at[i];
#pragma GCC unroll 2
        for (int k = 0; k < length; k++, weight += PANEL) {
            const __m256 left = _mm256_load_ps(weight), right = _mm256_load_ps(weight + HALF);
#pragma GCC unroll 6
            for (int i = 0; i < m; i++) {
                const __m256 x = _mm256_broadcast_ss(row[i] + k);
                sum[i][0] = _mm256_fmadd_ps(x, left, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(x, right, sum[i][1]);
            }
        }
    }
#pragma GCC unroll 6
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
    __m256 sum[ROWS][2];
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
#pragma GCC unroll 2
    for (int q = 0; q < count; q++, right += PANEL) {
        const __m256 low = _mm256_load_ps(right), high = _mm256_load_ps(right + HALF);
        const float *const row = in + (ptrdiff_t)at[q] * pitch;
#pragma GCC unroll 6
        for (int i = 0; i < m; i++) {
            const __m256 x = _mm256_broadcast_ss(row + i);
            sum[i][0] = _mm256_fmadd_ps(x, low, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(x, high, sum[i][1]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
        put(out + i * PANEL, sum[i], add);
}

TARGET static void outer(float *out, const float *in, const int32_t *at, int pitch, int count,
    const float *right, int n, bool add)
{
    for (int i = 0; i < n; i++)
        _mm_prefetch((const char *)(out + (n + i) * PANEL), _MM_HINT_T0);
    switch (n) {
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

const struct panel_kernels *panel_avx2(void)
{
    static const struct panel_kernels kernels = {"AVX2", ROWS, rows, outer};
    return cpu_level() >= CPU_AVX2 ? &kernels : NULL;
}
#else
const struct panel_kernels *panel_avx2(void)
{
    return NULL;
}
#endif
