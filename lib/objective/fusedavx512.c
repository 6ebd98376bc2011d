/* fusedavx512 -- the tiles of NT-Xent in AVX-512.
 *
 * As in fusedavx2.c, but vectors hold 16 floats and there are 32 of them: 6 rows by a panel of 48
 * columns of dots (18 accumulators), 12 rows by 32 dimensions of gradients (24).
 * SPDX-License-Identifier: MIT */
#include "lib/objective/fusedavx512.h"

#include "lib/base/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw")))
#define INLINE                                                                                     \
    __attribute__((always_inline, target("avx512f,avx512dq,avx512vl,avx512bw"))) static inline

enum { LANES = 16, DOT_ROWS = 6, VECTORS = 3, GRAD_ROWS = 12 };

_Static_assert(FUSED_PANEL == (int)VECTORS * LANES && FUSED_DEPTH == (int)LANES &&
                   FUSED_ROWS % (int)DOT_ROWS == 0 && FUSED_PANEL % GRAD_ROWS == 0 &&
                   FUSED_EDGE % FUSED_PANEL == 0,
    "a panel is whole register tiles");

/* ---- dots ---------------------------------------------------------------------------------------- */

/* x [6,48] of 6 rows of a tall block, whose depths are `stride` floats apart, and a wide panel. Sums of
 * a depth each are added up in x: short chains round less, which counts where T is small. */
INLINE void six_rows(float *x, const float *a, size_t stride, const float *b, int depth)
{
    for (int d = 0; d < depth; d++, a += stride) {
        __m512 sum[DOT_ROWS][VECTORS];
#pragma GCC unroll 6
        for (int r = 0; r < DOT_ROWS; r++)
#pragma GCC unroll 3
            for (int v = 0; v < VECTORS; v++)
                sum[r][v] = _mm512_setzero_ps();
#pragma GCC unroll 4
        for (int j = 0; j < FUSED_DEPTH; j++, b += FUSED_PANEL) {
            const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + LANES),
                         b2 = _mm512_load_ps(b + 2 * LANES);
#pragma GCC unroll 6
            for (int r = 0; r < DOT_ROWS; r++) {
                const __m512 one = _mm512_set1_ps(a[r * FUSED_DEPTH + j]);
                sum[r][0] = _mm512_fmadd_ps(one, b0, sum[r][0]);
                sum[r][1] = _mm512_fmadd_ps(one, b1, sum[r][1]);
                sum[r][2] = _mm512_fmadd_ps(one, b2, sum[r][2]);
            }
        }
#pragma GCC unroll 6
        for (int r = 0; r < DOT_ROWS; r++)
#pragma GCC unroll 3
            for (int v = 0; v < VECTORS; v++) {
                float *const at = x + r * FUSED_PANEL + v * LANES;
                if (d > 0)
                    sum[r][v] = _mm512_add_ps(_mm512_load_ps(at), sum[r][v]);
                _mm512_store_ps(at, sum[r][v]);
            }
    }
}

TARGET static void dots(
    struct fused_tile *t, const struct fused_block *a, const struct fused_block *b)
{
    const size_t stride = (size_t)fused_padded(a->rows) * FUSED_DEPTH;
    t->rows = a->rows;
    t->columns = b->rows;
    for (int k = 0; k < b->rows; k += FUSED_PANEL)
        for (int i = 0; i < fused_whole(a->rows); i += DOT_ROWS)
            six_rows(fused_at(t, i, k), a->tall + (size_t)i * FUSED_DEPTH, stride,
                b->wide + fused_wide(b->depth, k, 0), a->depth);
}

/* ---- exponentials -------------------------------------------------------------------------------- */

/* 2^(dot (power + rest)), |dot power| < 126: 2^r = 1 + r L(r) for |r| <= 1/2, where the coefficients of L
 * minimise the largest relative error, which is 2.6e-9. */
INLINE __m512 power_of(__m512 dot, __m512 power, __m512 rest)
{
    const __m512 magic = _mm512_set1_ps(12582912.0F); /* 1.5 * 2^23: rounds to n in the low bits */
    const __m512 shifted = _mm512_fmadd_ps(dot, power, magic);
    __m512 r = _mm512_fmsub_ps(dot, power, _mm512_sub_ps(shifted, magic));
    r = _mm512_fmadd_ps(dot, rest, r);
    __m512 l = _mm512_set1_ps(1.55946778e-4F);
    l = _mm512_fmadd_ps(l, r, _mm512_set1_ps(1.34066434e-3F));
    l = _mm512_fmadd_ps(l, r, _mm512_set1_ps(9.61769279e-3F));
    l = _mm512_fmadd_ps(l, r, _mm512_set1_ps(5.55031039e-2F));
    l = _mm512_fmadd_ps(l, r, _mm512_set1_ps(0.240226522F));
    l = _mm512_fmadd_ps(l, r, _mm512_set1_ps(0.693147242F));
    const __m512i result = _mm512_castps_si512(_mm512_fmadd_ps(l, r, _mm512_set1_ps(1)));
    return _mm512_castsi512_ps(
        _mm512_add_epi32(result, _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}

/* e^(4 dot); 0 for marks. */
INLINE __m512 nearness(__m512 dot)
{
    const __m512 least = _mm512_set1_ps(FUSED_NOTHING);
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(dot, least, _CMP_GT_OQ),
        power_of(_mm512_max_ps(dot, least), _mm512_set1_ps(5.77078009F),
            _mm512_set1_ps(7.70385196e-8F)));
}

/* ---- sums ---------------------------------------------------------------------------------------- */

struct lanes {
    _Alignas(64) float sum[LANES], weighted[LANES], max[LANES];
};

/* The panel from column k: its columns are finished, its rows go into lanes. Returns its share of
 * uniformity. */
INLINE __m512 panel_sums(struct fused_tile *t, struct lanes *row, int k,
    const struct fused_scale *s, const float *row_near, const float *column_near, bool across,
    bool square)
{
    const __m512 power = _mm512_set1_ps(s->power), rest = _mm512_set1_ps(s->rest);
    __m512 sum[VECTORS], weighted[VECTORS], max[VECTORS], near[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        sum[v] = weighted[v] = near[v] = _mm512_setzero_ps();
        max[v] = _mm512_set1_ps(s->gone);
    }
    for (int i = 0; i < t->rows; i++) {
        const __m512 factor = _mm512_set1_ps(row_near[i]);
        __m512 row_sum = _mm512_load_ps(row[i].sum);
        __m512 row_weighted = _mm512_load_ps(row[i].weighted);
        __m512 row_max = _mm512_load_ps(row[i].max);
#pragma GCC unroll 3
        for (int v = 0; v < VECTORS; v++) {
            const __m512 dot = _mm512_load_ps(fused_at(t, i, k + v * LANES));
            const __m512 e = power_of(dot, power, rest);
            const __m512 e4 = square ? _mm512_mul_ps(e, e) : nearness(dot);
            row_sum = _mm512_add_ps(row_sum, e);
            sum[v] = _mm512_add_ps(sum[v], e);
            near[v] = _mm512_fmadd_ps(e4, factor, near[v]);
            if (across) {
                row_weighted = _mm512_fmadd_ps(e, dot, row_weighted);
                weighted[v] = _mm512_fmadd_ps(e, dot, weighted[v]);
                row_max = _mm512_max_ps(row_max, dot);
                max[v] = _mm512_max_ps(max[v], dot);
            }
        }
        _mm512_store_ps(row[i].sum, row_sum);
        _mm512_store_ps(row[i].weighted, row_weighted);
        _mm512_store_ps(row[i].max, row_max);
    }
    __m512 all = _mm512_setzero_ps();
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) {
        const int c = k + v * LANES;
        _mm512_storeu_ps(t->column_sum + c, sum[v]);
        _mm512_storeu_ps(t->column_weighted + c, weighted[v]);
        _mm512_storeu_ps(t->column_max + c, max[v]);
        all = _mm512_fmadd_ps(near[v], _mm512_loadu_ps(column_near + c), all);
    }
    return all;
}

TARGET static double sums(struct fused_tile *t, const struct fused_scale *s, const float *row_near,
    const float *column_near, bool across)
{
    struct lanes row[FUSED_EDGE];
    double near = 0;
    for (int i = 0; i < t->rows; i++)
        for (int l = 0; l < LANES; l++) {
            row[i].sum[l] = row[i].weighted[l] = 0;
            row[i].max[l] = s->gone;
        }
    for (int k = 0; k < t->columns; k += FUSED_PANEL) {
        __m512 all;
        if (across)
            all = s->square ? panel_sums(t, row, k, s, row_near, column_near, true, true)
                            : panel_sums(t, row, k, s, row_near, column_near, true, false);
        else
            all = s->square ? panel_sums(t, row, k, s, row_near, column_near, false, true)
                            : panel_sums(t, row, k, s, row_near, column_near, false, false);
        near += (double)_mm512_reduce_add_ps(all);
    }
    for (int i = 0; i < t->rows; i++) {
        t->row_sum[i] = _mm512_reduce_add_ps(_mm512_load_ps(row[i].sum));
        t->row_weighted[i] = _mm512_reduce_add_ps(_mm512_load_ps(row[i].weighted));
        t->row_max[i] = _mm512_reduce_max_ps(_mm512_load_ps(row[i].max));
    }
    return near;
}

/* ---- weights and gradients ------------------------------------------------------------------------ */

TARGET static void weights(struct fused_tile *t, const struct fused_scale *s,
    const float *row_factor, const float *column_factor)
{
    const __m512 power = _mm512_set1_ps(s->power), rest = _mm512_set1_ps(s->rest);
    for (int k = 0; k < t->columns; k += FUSED_PANEL)
        for (int i = 0; i < t->rows; i++) {
            const __m512 factor = _mm512_set1_ps(row_factor[i]);
#pragma GCC unroll 3
            for (int v = 0; v < VECTORS; v++) {
                float *const x = fused_at(t, i, k + v * LANES);
                const __m512 e = power_of(_mm512_load_ps(x), power, rest);
                const __m512 both =
                    _mm512_add_ps(factor, _mm512_loadu_ps(column_factor + k + v * LANES));
                _mm512_store_ps(x, _mm512_mul_ps(e, both));
            }
        }
}

/* Twelve rows of gradients, 16 or 32 dimensions; depths are `stride` floats apart. */
struct twelve {
    __m512 sum[GRAD_ROWS][2];
};

INLINE void twelve_load(struct twelve *g, const float *grad, size_t stride, int depths)
{
#pragma GCC unroll 12
    for (int r = 0; r < GRAD_ROWS; r++)
#pragma GCC unroll 2
        for (int d = 0; d < depths; d++)
            g->sum[r][d] = _mm512_load_ps(grad + r * FUSED_DEPTH + (size_t)d * stride);
}

INLINE void twelve_store(float *grad, const struct twelve *g, size_t stride, int depths)
{
#pragma GCC unroll 12
    for (int r = 0; r < GRAD_ROWS; r++)
#pragma GCC unroll 2
        for (int d = 0; d < depths; d++)
            _mm512_store_ps(grad + r * FUSED_DEPTH + (size_t)d * stride, g->sum[r][d]);
}

/* g += sum over `steps` of weights, `row` floats apart from row to row and `step` from step to step,
 * times u [steps,16], whose depths are `apart` floats apart. */
INLINE void twelve_add(struct twelve *g, const float *w, int row, int step, const float *u,
    size_t apart, int depths, int steps)
{
    for (int n = 0; n < steps; n++, w += step, u += FUSED_DEPTH) {
        const __m512 u0 = _mm512_load_ps(u);
        const __m512 u1 = depths > 1 ? _mm512_load_ps(u + apart) : _mm512_setzero_ps();
#pragma GCC unroll 12
        for (int r = 0; r < GRAD_ROWS; r++) {
            const __m512 one = _mm512_set1_ps(w[r * row]);
            g->sum[r][0] = _mm512_fmadd_ps(one, u0, g->sum[r][0]);
            if (depths > 1)
                g->sum[r][1] = _mm512_fmadd_ps(one, u1, g->sum[r][1]);
        }
    }
}

INLINE void rows_of(float *grad, size_t stride, const struct fused_tile *t, const float *u,
    size_t apart, int depths)
{
    for (int i = 0; i < t->rows; i += GRAD_ROWS) {
        struct twelve g;
        twelve_load(&g, grad + i * FUSED_DEPTH, stride, depths);
        for (int k = 0; k < t->columns; k += FUSED_PANEL) {
            const int rest = t->columns - k;
            twelve_add(&g, t->x[k / FUSED_PANEL][i], FUSED_PANEL, 1, u + (size_t)k * FUSED_DEPTH,
                apart, depths, rest < FUSED_PANEL ? rest : FUSED_PANEL);
        }
        twelve_store(grad + i * FUSED_DEPTH, &g, stride, depths);
    }
}

TARGET static void row_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *b, int padded)
{
    const size_t stride = (size_t)padded * FUSED_DEPTH;
    const size_t apart = (size_t)fused_padded(b->rows) * FUSED_DEPTH;
    int d = 0;
    for (; d + 2 <= b->depth; d += 2)
        rows_of(grad + (size_t)d * stride, stride, t, b->tall + (size_t)d * apart, apart, 2);
    if (d < b->depth)
        rows_of(grad + (size_t)d * stride, stride, t, b->tall + (size_t)d * apart, apart, 1);
}

INLINE void columns_of(float *grad, size_t stride, const struct fused_tile *t, const float *u,
    size_t apart, int depths)
{
    for (int k = 0; k < t->columns; k += GRAD_ROWS) {
        struct twelve g;
        twelve_load(&g, grad + k * FUSED_DEPTH, stride, depths);
        twelve_add(&g, &t->x[k / FUSED_PANEL][0][k % FUSED_PANEL], 1, FUSED_PANEL, u, apart, depths,
            t->rows);
        twelve_store(grad + k * FUSED_DEPTH, &g, stride, depths);
    }
}

TARGET static void column_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *a, int padded)
{
    const size_t stride = (size_t)padded * FUSED_DEPTH;
    const size_t apart = (size_t)fused_padded(a->rows) * FUSED_DEPTH;
    int d = 0;
    for (; d + 2 <= a->depth; d += 2)
        columns_of(grad + (size_t)d * stride, stride, t, a->tall + (size_t)d * apart, apart, 2);
    if (d < a->depth)
        columns_of(grad + (size_t)d * stride, stride, t, a->tall + (size_t)d * apart, apart, 1);
}

const struct fused *fusedavx512_kernels(void)
{
    static const struct fused kernels = {
        "AVX-512", dots, sums, weights, row_gradient, column_gradient};
    return cpu_level() >= CPU_AVX512 ? &kernels : NULL;
}

#else

const struct fused *fusedavx512_kernels(void)
{
    return NULL;
}

#endif
