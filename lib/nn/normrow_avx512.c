/* normrow_avx512 -- the inner loops of batch normalisation by vectors of 16 numbers.
 *
 * All of them wait for memory: so several stretches are taken at a time, that sums and vectors are
 * loaded once for all; what comes a few stretches later is asked for; and what is only written goes past
 * the caches. Columns that fill no vector are left to the twin.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/normrow.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define INLINE AVX512 __attribute__((always_inline)) static inline

enum { LANES = 16, TOGETHER = 4, AHEAD = 2048, LINE = 64 }; /* elements, stretches, bytes, bytes */

INLINE __m512 get(const void *map, size_t i, bool bf16)
{
    if (!bf16)
        return _mm512_loadu_ps((const float *)map + i);
    const __m256i half = _mm256_loadu_si256((const void *)((const uint16_t *)map + i));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* Each as precision_narrow() leaves it in the upper half, rubbish in the lower. */
INLINE __m512i round_up(__m512 v)
{
    const __m512i bits = _mm512_castps_si512(v), one = _mm512_set1_epi32(1);
    const __m512i tie = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    const __m512i up = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF));
    return _mm512_mask_mov_epi32(_mm512_add_epi32(up, tie), _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q),
        _mm512_set1_epi32(0x7FC00000));
}

INLINE __m256i narrow(__m512 v)
{
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_up(v), 16));
}

/* To the precision of a map. */
INLINE __m512 rounded(__m512 v, bool bf16)
{
    const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000);
    return bf16 ? _mm512_castsi512_ps(_mm512_and_si512(round_up(v), upper)) : v;
}

INLINE void put(void *map, size_t i, __m512 v, bool bf16, bool stream)
{
    void *const to = bf16 ? (void *)((uint16_t *)map + i) : (void *)((float *)map + i);
    if (bf16 && stream)
        _mm256_stream_si256(to, narrow(v));
    else if (bf16)
        _mm256_storeu_si256(to, narrow(v));
    else if (stream)
        _mm512_stream_ps(to, v);
    else
        _mm512_storeu_ps(to, v);
}

/* Once a line. */
INLINE void fetch(const void *map, size_t i, bool bf16)
{
    const size_t byte = i * (bf16 ? 2 : 4);
    if (byte % LINE == 0)
        _mm_prefetch((const char *)map + byte + AHEAD, _MM_HINT_T1);
}

static size_t whole(const struct normrow_at *at)
{
    return at->width / LANES * LANES;
}

/* The columns behind the whole vectors; none: width 0. */
static struct normrow_at rest_of(const struct normrow_at *at)
{
    struct normrow_at rest = *at;
    rest.width -= whole(at);
    return rest;
}

static void *behind(const void *map, const struct normrow_at *at)
{
    return map == NULL ? NULL : precision_at(map, at->precision, whole(at));
}

/* Lines can be written whole: each stretch begins one and ends one. */
static bool streams(const struct normrow_at *at, const void *map)
{
    const size_t line = LINE / precision_size(at->precision);
    return at->stream && (uintptr_t)map % LINE == 0 && at->stride % line == 0 &&
           at->width % line == 0;
}

/* ---- statistics ------------------------------------------------------------------------------- */

INLINE void sum_as(bool bf16, const struct normrow_at *at, float *sum, const void *x)
{
    const size_t stride = at->stride, end = whole(at);
    size_t rows = at->rows, first = 0;
    for (; rows >= 4; rows -= 4, first += 4 * stride)
        for (size_t i = 0; i < end; i += LANES) {
            for (size_t j = 0; j < 4; j++)
                fetch(x, first + j * stride + i, bf16);
            const __m512 a =
                _mm512_add_ps(get(x, first + i, bf16), get(x, first + stride + i, bf16));
            const __m512 b = _mm512_add_ps(
                get(x, first + 2 * stride + i, bf16), get(x, first + 3 * stride + i, bf16));
            _mm512_storeu_ps(sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), _mm512_add_ps(a, b)));
        }
    for (; rows > 0; rows--, first += stride)
        for (size_t i = 0; i < end; i += LANES)
            _mm512_storeu_ps(
                sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), get(x, first + i, bf16)));
}

AVX512 static void sum_of(const struct normrow_at *at, float *sum, const void *x)
{
    const struct normrow_at rest = rest_of(at);
    if (at->precision == PRECISION_BF16)
        sum_as(true, at, sum, x);
    else
        sum_as(false, at, sum, x);
    if (rest.width > 0)
        normrow_plain.sum(&rest, sum + whole(at), behind(x, at));
}

INLINE __m512 square(const void *x, size_t i, bool bf16, __m512 mean)
{
    const __m512 off = _mm512_sub_ps(get(x, i, bf16), mean);
    return _mm512_mul_ps(off, off);
}

INLINE void squares_as(
    bool bf16, const struct normrow_at *at, float *sum, const void *x, const float *mean)
{
    const size_t stride = at->stride, end = whole(at);
    size_t rows = at->rows, first = 0;
    for (; rows >= 2; rows -= 2, first += 2 * stride)
        for (size_t i = 0; i < end; i += LANES) {
            const __m512 m = _mm512_loadu_ps(mean + i);
            const __m512 both = _mm512_add_ps(
                square(x, first + i, bf16, m), square(x, first + stride + i, bf16, m));
            _mm512_storeu_ps(sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), both));
        }
    for (size_t i = 0; rows > 0 && i < end; i += LANES) {
        const __m512 more = square(x, first + i, bf16, _mm512_loadu_ps(mean + i));
        _mm512_storeu_ps(sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), more));
    }
}

AVX512 static void squares(
    const struct normrow_at *at, float *sum, const void *x, const float *mean)
{
    const struct normrow_at rest = rest_of(at);
    if (at->precision == PRECISION_BF16)
        squares_as(true, at, sum, x, mean);
    else
        squares_as(false, at, sum, x, mean);
    if (rest.width > 0)
        normrow_plain.squares(&rest, sum + whole(at), behind(x, at), mean + whole(at));
}

/* ---- forward ---------------------------------------------------------------------------------- */

INLINE void forward_rows(bool bf16, bool stream, const struct normrow_at *at, size_t first,
    size_t rows, void *y, const void *x, const void *residual, const float *mean,
    const float *scale, const float *beta, bool relu)
{
    const size_t end = whole(at);
    for (size_t i = 0; i < end; i += LANES) {
        const __m512 m = _mm512_loadu_ps(mean + i), s = _mm512_loadu_ps(scale + i);
        const __m512 b = _mm512_loadu_ps(beta + i);
#pragma GCC unroll 4
        for (size_t row = 0; row < rows; row++) {
            const size_t place = first + row * at->stride + i;
            fetch(x, place, bf16);
            __m512 value =
                _mm512_add_ps(_mm512_mul_ps(_mm512_sub_ps(get(x, place, bf16), m), s), b);
            if (residual != NULL) {
                fetch(residual, place, bf16);
                value = _mm512_add_ps(value, get(residual, place, bf16));
            }
            if (relu)
                value = _mm512_mask_mov_ps(value,
                    _mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_LT_OQ),
                    _mm512_setzero_ps());
            put(y, place, value, bf16, stream);
        }
    }
}

INLINE void forward_as(bool bf16, bool stream, const struct normrow_at *at, void *y, const void *x,
    const void *residual, const float *mean, const float *scale, const float *beta, bool relu)
{
    size_t rows = at->rows, first = 0;
    for (; rows >= TOGETHER; rows -= TOGETHER, first += TOGETHER * at->stride)
        forward_rows(bf16, stream, at, first, TOGETHER, y, x, residual, mean, scale, beta, relu);
    for (; rows > 0; rows--, first += at->stride)
        forward_rows(bf16, stream, at, first, 1, y, x, residual, mean, scale, beta, relu);
    if (stream)
        _mm_sfence();
}

AVX512 static void forward(const struct normrow_at *at, void *y, const void *x,
    const void *residual, const float *mean, const float *scale, const float *beta, bool relu)
{
    const struct normrow_at rest = rest_of(at);
    const size_t w = whole(at);
    switch ((at->precision == PRECISION_BF16) * 2 + streams(at, y)) {
    case 0:
        forward_as(false, false, at, y, x, residual, mean, scale, beta, relu);
        break;
    case 1:
        forward_as(false, true, at, y, x, residual, mean, scale, beta, relu);
        break;
    case 2:
        forward_as(true, false, at, y, x, residual, mean, scale, beta, relu);
        break;
    default:
        forward_as(true, true, at, y, x, residual, mean, scale, beta, relu);
        break;
    }
    if (rest.width > 0)
        normrow_plain.forward(&rest, behind(y, at), behind(x, at), behind(residual, at), mean + w,
            scale + w, beta + w, relu);
}

/* ---- backward --------------------------------------------------------------------------------- */

/* What the gate needs of these columns. */
struct open {
    __m512 scale, beta;
};

INLINE struct open open_of(const struct normrow_gate *gate, size_t i)
{
    struct open open = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    if (gate->y == NULL && gate->beta != NULL)
        open = (struct open){_mm512_loadu_ps(gate->scale + i), _mm512_loadu_ps(gate->beta + i)};
    return open;
}

/* g at a place; off: x - mean there. */
INLINE __m512 gradient(const void *dy, const void *more, size_t place, bool bf16,
    const struct normrow_gate *gate, const struct open *open, __m512 off)
{
    const __m512 zero = _mm512_setzero_ps();
    fetch(dy, place, bf16);
    __m512 g = get(dy, place, bf16);
    if (more != NULL) {
        fetch(more, place, bf16);
        g = rounded(_mm512_add_ps(g, get(more, place, bf16)), bf16);
    }
    if (gate->y == NULL && gate->beta == NULL)
        return g;
    if (gate->y != NULL)
        fetch(gate->y, place, bf16);
    const __m512 y = gate->y != NULL ? get(gate->y, place, bf16)
                                     : _mm512_add_ps(_mm512_mul_ps(off, open->scale), open->beta);
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, zero, _CMP_GT_OQ), g);
}

INLINE void sums_rows(bool bf16, const struct normrow_at *at, size_t first, size_t rows, float *sum,
    float *product, void *keep, const void *dy, const void *more, const void *x,
    const struct normrow_gate *gate, const float *mean)
{
    const size_t end = whole(at);
    for (size_t i = 0; i < end; i += LANES) {
        const struct open open = open_of(gate, i);
        const __m512 m = _mm512_loadu_ps(mean + i);
        __m512 a = _mm512_loadu_ps(sum + i), b = _mm512_loadu_ps(product + i);
#pragma GCC unroll 4
        for (size_t row = 0; row < rows; row++) {
            const size_t place = first + row * at->stride + i;
            fetch(x, place, bf16);
            const __m512 off = _mm512_sub_ps(get(x, place, bf16), m);
            const __m512 g = gradient(dy, more, place, bf16, gate, &open, off);
            a = _mm512_add_ps(a, g);
            b = _mm512_add_ps(b, _mm512_mul_ps(g, off));
            if (keep != NULL)
                put(keep, place, g, bf16, false);
        }
        _mm512_storeu_ps(sum + i, a);
        _mm512_storeu_ps(product + i, b);
    }
}

INLINE void sums_as(bool bf16, const struct normrow_at *at, float *sum, float *product, void *keep,
    const void *dy, const void *more, const void *x, const struct normrow_gate *gate,
    const float *mean)
{
    size_t rows = at->rows, first = 0;
    for (; rows >= TOGETHER; rows -= TOGETHER, first += TOGETHER * at->stride)
        sums_rows(bf16, at, first, TOGETHER, sum, product, keep, dy, more, x, gate, mean);
    for (; rows > 0; rows--, first += at->stride)
        sums_rows(bf16, at, first, 1, sum, product, keep, dy, more, x, gate, mean);
}

/* The gate of the columns behind the whole vectors. */
static struct normrow_gate gate_behind(const struct normrow_gate *gate, const struct normrow_at *at)
{
    struct normrow_gate rest = {.y = behind(gate->y, at)};
    if (gate->beta != NULL) {
        rest.scale = gate->scale + whole(at);
        rest.beta = gate->beta + whole(at);
    }
    return rest;
}

AVX512 static void sums(const struct normrow_at *at, float *sum, float *product, void *keep,
    const void *dy, const void *more, const void *x, const struct normrow_gate *gate,
    const float *mean)
{
    const struct normrow_at rest = rest_of(at);
    const struct normrow_gate rest_gate = gate_behind(gate, at);
    const size_t w = whole(at);
    if (at->precision == PRECISION_BF16)
        sums_as(true, at, sum, product, keep, dy, more, x, gate, mean);
    else
        sums_as(false, at, sum, product, keep, dy, more, x, gate, mean);
    if (rest.width > 0)
        normrow_plain.sums(&rest, sum + w, product + w, behind(keep, at), behind(dy, at),
            behind(more, at), behind(x, at), &rest_gate, mean + w);
}

INLINE void backward_rows(bool bf16, bool stream, const struct normrow_at *at, size_t first,
    size_t rows, void *dx, const void *dy, const void *x, const struct normrow_gate *gate,
    const float *mean, const float *scale, const float *offset, const float *slope)
{
    const size_t end = whole(at);
    for (size_t i = 0; i < end; i += LANES) {
        const struct open open = open_of(gate, i);
        const __m512 m = _mm512_loadu_ps(mean + i), s = _mm512_loadu_ps(scale + i);
        const __m512 o = _mm512_loadu_ps(offset + i), l = _mm512_loadu_ps(slope + i);
#pragma GCC unroll 4
        for (size_t row = 0; row < rows; row++) {
            const size_t place = first + row * at->stride + i;
            fetch(x, place, bf16);
            const __m512 off = _mm512_sub_ps(get(x, place, bf16), m);
            const __m512 g = gradient(dy, NULL, place, bf16, gate, &open, off);
            const __m512 left = _mm512_sub_ps(_mm512_sub_ps(g, o), _mm512_mul_ps(off, l));
            put(dx, place, _mm512_mul_ps(s, left), bf16, stream);
        }
    }
}

INLINE void backward_as(bool bf16, bool stream, const struct normrow_at *at, void *dx,
    const void *dy, const void *x, const struct normrow_gate *gate, const float *mean,
    const float *scale, const float *offset, const float *slope)
{
    size_t rows = at->rows, first = 0;
    for (; rows >= TOGETHER; rows -= TOGETHER, first += TOGETHER * at->stride)
        backward_rows(
            bf16, stream, at, first, TOGETHER, dx, dy, x, gate, mean, scale, offset, slope);
    for (; rows > 0; rows--, first += at->stride)
        backward_rows(bf16, stream, at, first, 1, dx, dy, x, gate, mean, scale, offset, slope);
    if (stream)
        _mm_sfence();
}

AVX512 static void backward(const struct normrow_at *at, void *dx, const void *dy, const void *x,
    const struct normrow_gate *gate, const float *mean, const float *scale, const float *offset,
    const float *slope)
{
    const struct normrow_at rest = rest_of(at);
    const struct normrow_gate rest_gate = gate_behind(gate, at);
    const size_t w = whole(at);
    switch ((at->precision == PRECISION_BF16) * 2 + streams(at, dx)) {
    case 0:
        backward_as(false, false, at, dx, dy, x, gate, mean, scale, offset, slope);
        break;
    case 1:
        backward_as(false, true, at, dx, dy, x, gate, mean, scale, offset, slope);
        break;
    case 2:
        backward_as(true, false, at, dx, dy, x, gate, mean, scale, offset, slope);
        break;
    default:
        backward_as(true, true, at, dx, dy, x, gate, mean, scale, offset, slope);
        break;
    }
    if (rest.width > 0)
        normrow_plain.backward(&rest, behind(dx, at), behind(dy, at), behind(x, at), &rest_gate,
            mean + w, scale + w, offset + w, slope + w);
}

const struct normrow normrow_avx512 = {"AVX-512", sum_of, squares, forward, sums, backward};
#endif
