/* fusedavx2 -- the tiles of NT-Xent in AVX2 and FMA.
 *
 * Products keep 12 accumulators of 8 floats in registers: 4 rows by 24 columns of dots, 6 rows by 16
 * dimensions of gradients. 12 chains hide the latency of a multiply-add (4 cycles, two a cycle), and
 * a step reads 6 to 8 numbers or vectors for 12 of them. What half a panel reads again and again (24 rows
 * of 128 dimensions, 16 dimensions of 192 rows: 12 KiB) stays in the first cache, the tile (144 KiB)
 * in the second.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/fusedavx2.h"

#include "lib/base/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE __attribute__((always_inline, target("avx2,fma"))) static inline

enum { LANES = 8, DOT_ROWS = 4, DOT_VECTORS = 3, GRAD_ROWS = 6, GRAD_VECTORS = 2 };
enum { HALF = DOT_VECTORS * LANES }; /* columns that fit the registers: half a panel */

_Static_assert(FUSED_PANEL == 2 * HALF && FUSED_DEPTH == GRAD_VECTORS * LANES &&
                   FUSED_PANEL % DOT_ROWS == 0 && FUSED_PANEL % GRAD_ROWS == 0 &&
                   FUSED_EDGE % FUSED_PANEL == 0,
    "a panel is whole register tiles");

/* ---- dots ---------------------------------------------------------------------------------------- */

/* x [4,24] of 4 rows of a tall block, whose depths are `stride` floats apart, and half a wide panel. Sums of
 * a depth each are added up in x: short chains round less, which counts where T is small. */
INLINE void four_rows(float *x, const float *a, size_t stride, const float *b, int depth)
{
    for (int d = 0; d < depth; d++, a += stride) {
        __m256 sum[DOT_ROWS][DOT_VECTORS];
#pragma GCC unroll 4
        for (int r = 0; r < DOT_ROWS; r++)
#pragma GCC unroll 3
            for (int v = 0; v < DOT_VECTORS; v++)
                sum[r][v] = _mm256_setzero_ps();
#pragma GCC unroll 4
        for (int j = 0; j < FUSED_DEPTH; j++, b += FUSED_PANEL) {
            const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + LANES),
                         b2 = _mm256_load_ps(b + 2 * LANES);
#pragma GCC unroll 4
            for (int r = 0; r < DOT_ROWS; r++) {
                const __m256 one = _mm256_broadcast_ss(a + r * FUSED_DEPTH + j);
                sum[r][0] = _mm256_fmadd_ps(one, b0, sum[r][0]);
                sum[r][1] = _mm256_fmadd_ps(one, b1, sum[r][1]);
                sum[r][2] = _mm256_fmadd_ps(one, b2, sum[r][2]);
            }
        }
#pragma GCC unroll 4
        for (int r = 0; r < DOT_ROWS; r++)
#pragma GCC unroll 3
            for (int v = 0; v < DOT_VECTORS; v++) {
                float *const at = x + r * FUSED_PANEL + v * LANES;
                if (d > 0)
                    sum[r][v] = _mm256_add_ps(_mm256_load_ps(at), sum[r][v]);
                _mm256_store_ps(at, sum[r][v]);
            }
    }
}

TARGET static void dots(
    struct fused_tile *t, const struct fused_block *a, const struct fused_block *b)
{
    const size_t stride = (size_t)fused_padded(a->rows) * FUSED_DEPTH;
    t->rows = a->rows;
    t->columns = b->rows;
    for (int k = 0; k < fused_padded(b->rows); k += HALF)
        for (int i = 0; i < fused_whole(a->rows); i += DOT_ROWS)
            four_rows(fused_at(t, i, k), a->tall + (size_t)i * FUSED_DEPTH, stride,
                b->wide + fused_wide(b->depth, k, 0), a->depth);
}

/* ---- exponentials -------------------------------------------------------------------------------- */

/* 2^(dot (power + rest)), |dot power| < 126: 2^r = 1 + r L(r) for |r| <= 1/2, where the coefficients of L
 * minimise the largest relative error, which is 2.6e-9. */
INLINE __m256 power_of(__m256 dot, __m256 power, __m256 rest)
{
    const __m256 magic = _mm256_set1_ps(12582912.0F); /* 1.5 * 2^23: rounds to n in the low bits */
    const __m256 shifted = _mm256_fmadd_ps(dot, power, magic);
    __m256 r = _mm256_fmsub_ps(dot, power, _mm256_sub_ps(shifted, magic));
    r = _mm256_fmadd_ps(dot, rest, r);
    __m256 l = _mm256_set1_ps(1.55946778e-4F);
    l = _mm256_fmadd_ps(l, r, _mm256_set1_ps(1.34066434e-3F));
    l = _mm256_fmadd_ps(l, r, _mm256_set1_ps(9.61769279e-3F));
    l = _mm256_fmadd_ps(l, r, _mm256_set1_ps(5.55031039e-2F));
    l = _mm256_fmadd_ps(l, r, _mm256_set1_ps(0.240226522F));
    l = _mm256_fmadd_ps(l, r, _mm256_set1_ps(0.693147242F));
    const __m256i result = _mm256_castps_si256(_mm256_fmadd_ps(l, r, _mm256_set1_ps(1)));
    return _mm256_castsi256_ps(
        _mm256_add_epi32(result, _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}

/* e^(4 dot); 0 for marks. */
INLINE __m256 nearness(__m256 dot)
{
    const __m256 least = _mm256_set1_ps(FUSED_NOTHING);
    return _mm256_and_ps(_mm256_cmp_ps(dot, least, _CMP_GT_OQ),
        power_of(_mm256_max_ps(dot, least), _mm256_set1_ps(5.77078009F),
            _mm256_set1_ps(7.70385196e-8F)));
}

/* ---- sums ---------------------------------------------------------------------------------------- */

struct lanes {
    _Alignas(32) float sum[LANES], weighted[LANES], max[LANES];
};

/* Half a panel from column k: its columns are finished, its rows go into lanes. Returns its share of
 * uniformity. */
INLINE __m256 half_sums(struct fused_tile *t, struct lanes *row, int k, const struct fused_scale *s,
    const float *row_near, const float *column_near, bool across, bool square)
{
    const __m256 power = _mm256_set1_ps(s->power), rest = _mm256_set1_ps(s->rest);
    __m256 sum[DOT_VECTORS], weighted[DOT_VECTORS], max[DOT_VECTORS], near[DOT_VECTORS];
    for (int v = 0; v < DOT_VECTORS; v++) {
        sum[v] = weighted[v] = near[v] = _mm256_setzero_ps();
        max[v] = _mm256_set1_ps(s->gone);
    }
    for (int i = 0; i < t->rows; i++) {
        const __m256 factor = _mm256_broadcast_ss(row_near + i);
        __m256 row_sum = _mm256_load_ps(row[i].sum);
        __m256 row_weighted = _mm256_load_ps(row[i].weighted);
        __m256 row_max = _mm256_load_ps(row[i].max);
#pragma GCC unroll 3
        for (int v = 0; v < DOT_VECTORS; v++) {
            const __m256 dot = _mm256_load_ps(fused_at(t, i, k + v * LANES));
            const __m256 e = power_of(dot, power, rest);
            const __m256 e4 = square ? _mm256_mul_ps(e, e) : nearness(dot);
            row_sum = _mm256_add_ps(row_sum, e);
            sum[v] = _mm256_add_ps(sum[v], e);
            near[v] = _mm256_fmadd_ps(e4, factor, near[v]);
            if (across) {
                row_weighted = _mm256_fmadd_ps(e, dot, row_weighted);
                weighted[v] = _mm256_fmadd_ps(e, dot, weighted[v]);
                row_max = _mm256_max_ps(row_max, dot);
                max[v] = _mm256_max_ps(max[v], dot);
            }
        }
        _mm256_store_ps(row[i].sum, row_sum);
        _mm256_store_ps(row[i].weighted, row_weighted);
        _mm256_store_ps(row[i].max, row_max);
    }
    __m256 all = _mm256_setzero_ps();
#pragma GCC unroll 3
    for (int v = 0; v < DOT_VECTORS; v++) {
        const int c = k + v * LANES;
        _mm256_storeu_ps(t->column_sum + c, sum[v]);
        _mm256_storeu_ps(t->column_weighted + c, weighted[v]);
        _mm256_storeu_ps(t->column_max + c, max[v]);
        all = _mm256_fmadd_ps(near[v], _mm256_loadu_ps(column_near + c), all);
    }
    return all;
}

TARGET static double sums(struct fused_tile *t, const struct fused_scale *s, const float *row_near,
    const float *column_near, bool across)
{
    struct lanes row[FUSED_EDGE];
    _Alignas(32) float lane[LANES];
    double near = 0;
    for (int i = 0; i < t->rows; i++)
        for (int l = 0; l < LANES; l++) {
            row[i].sum[l] = row[i].weighted[l] = 0;
            row[i].max[l] = s->gone;
        }
    for (int k = 0; k < t->columns; k += HALF) {
        __m256 all;
        if (across)
            all = s->square ? half_sums(t, row, k, s, row_near, column_near, true, true)
                            : half_sums(t, row, k, s, row_near, column_near, true, false);
        else
            all = s->square ? half_sums(t, row, k, s, row_near, column_near, false, true)
                            : half_sums(t, row, k, s, row_near, column_near, false, false);
        _mm256_store_ps(lane, all);
        for (int l = 0; l < LANES; l++)
            near += lane[l];
    }
    for (int i = 0; i < t->rows; i++) {
        t->row_sum[i] = t->row_weighted[i] = 0;
        t->row_max[i] = s->gone;
        for (int l = 0; l < LANES; l++) {
            t->row_sum[i] += row[i].sum[l];
            t->row_weighted[i] += row[i].weighted[l];
            t->row_max[i] = row[i].max[l] > t->row_max[i] ? row[i].max[l] : t->row_max[i];
        }
    }
    return near;
}

/* ---- weights and gradients ------------------------------------------------------------------------ */

TARGET static void weights(struct fused_tile *t, const struct fused_scale *s,
    const float *row_factor, const float *column_factor)
{
    const __m256 power = _mm256_set1_ps(s->power), rest = _mm256_set1_ps(s->rest);
    for (int k = 0; k < t->columns; k += HALF) {
        for (int i = 0; i < t->rows; i++) {
            const __m256 factor = _mm256_broadcast_ss(row_factor + i);
#pragma GCC unroll 3
            for (int v = 0; v < DOT_VECTORS; v++) {
                float *const x = fused_at(t, i, k + v * LANES);
                const __m256 e = power_of(_mm256_load_ps(x), power, rest);
                const __m256 both =
                    _mm256_add_ps(factor, _mm256_loadu_ps(column_factor + k + v * LANES));
                _mm256_store_ps(x, _mm256_mul_ps(e, both));
            }
        }
    }
}

/* Six rows of gradients, 16 dimensions. */
struct six {
    __m256 sum[GRAD_ROWS][GRAD_VECTORS];
};

INLINE struct six six_load(const float *grad)
{
    struct six g;
#pragma GCC unroll 6
    for (int r = 0; r < GRAD_ROWS; r++) {
        g.sum[r][0] = _mm256_load_ps(grad + r * FUSED_DEPTH);
        g.sum[r][1] = _mm256_load_ps(grad + r * FUSED_DEPTH + LANES);
    }
    return g;
}

INLINE void six_store(float *grad, const struct six *g)
{
#pragma GCC unroll 6
    for (int r = 0; r < GRAD_ROWS; r++) {
        _mm256_store_ps(grad + r * FUSED_DEPTH, g->sum[r][0]);
        _mm256_store_ps(grad + r * FUSED_DEPTH + LANES, g->sum[r][1]);
    }
}

/* g += sum over `steps` of weights, `row` floats apart from row to row and `step` from step to step,
 * times u [steps,16]. */
INLINE struct six six_add(
    struct six g, const float *w, int row, int step, const float *u, int steps)
{
#pragma GCC unroll 4
    for (int n = 0; n < steps; n++, w += step, u += FUSED_DEPTH) {
        const __m256 u0 = _mm256_load_ps(u), u1 = _mm256_load_ps(u + LANES);
#pragma GCC unroll 6
        for (int r = 0; r < GRAD_ROWS; r++) {
            const __m256 one = _mm256_broadcast_ss(w + r * row);
            g.sum[r][0] = _mm256_fmadd_ps(one, u0, g.sum[r][0]);
            g.sum[r][1] = _mm256_fmadd_ps(one, u1, g.sum[r][1]);
        }
    }
    return g;
}

TARGET static void row_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *b, int padded)
{
    const int whole = t->columns / FUSED_PANEL, rest = t->columns % FUSED_PANEL;
    const size_t depth = (size_t)fused_padded(b->rows) * FUSED_DEPTH;
    for (int d = 0; d < b->depth; d++) {
        const float *const u = b->tall + (size_t)d * depth;
        for (int i = 0; i < t->rows; i += GRAD_ROWS) {
            float *const at = grad + ((size_t)d * (size_t)padded + (size_t)i) * FUSED_DEPTH;
            struct six g = six_load(at);
            for (int q = 0; q < whole; q++)
                g = six_add(g, t->x[q][i], FUSED_PANEL, 1,
                    u + (size_t)q * FUSED_PANEL * FUSED_DEPTH, FUSED_PANEL);
            if (rest > 0)
                g = six_add(g, t->x[whole][i], FUSED_PANEL, 1,
                    u + (size_t)whole * FUSED_PANEL * FUSED_DEPTH, rest);
            six_store(at, &g);
        }
    }
}

TARGET static void column_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *a, int padded)
{
    const size_t depth = (size_t)fused_padded(a->rows) * FUSED_DEPTH;
    for (int d = 0; d < a->depth; d++)
        for (int k = 0; k < t->columns; k += GRAD_ROWS) {
            float *const at = grad + ((size_t)d * (size_t)padded + (size_t)k) * FUSED_DEPTH;
            struct six g = six_load(at);
            g = six_add(g, &t->x[k / FUSED_PANEL][0][k % FUSED_PANEL], 1, FUSED_PANEL,
                a->tall + (size_t)d * depth, t->rows);
            six_store(at, &g);
        }
}

const struct fused *fusedavx2_kernels(void)
{
    static const struct fused kernels = {
        "AVX2", dots, sums, weights, row_gradient, column_gradient};
    return cpu_level() >= CPU_AVX2 ? &kernels : NULL;
}

#else

const struct fused *fusedavx2_kernels(void)
{
    return NULL;
}

#endif
