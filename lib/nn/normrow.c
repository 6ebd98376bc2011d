/* normrow -- the inner loops of batch normalisation in plain C.
 *
 * Each loop is written once, for an element type that the compiler knows where it is inlined, and
 * becomes vectors for either. ivdep: outputs may be inputs, element for element.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/normrow.h"

#include "lib/base/cpu.h"

#define INLINE __attribute__((always_inline)) static inline

/* Row `row` of a map; NULL of none. */
INLINE void *row_of(const void *map, const struct normrow_at *at, size_t row)
{
    return map == NULL ? NULL : precision_at(map, at->precision, row * at->stride);
}

/* ---- statistics ------------------------------------------------------------------------------- */

INLINE void sum_as(bool bf16, const struct normrow_at *at, float *restrict sum, const void *x)
{
    const size_t stride = at->stride, width = at->width;
    size_t rows = at->rows, first = 0;
    for (; rows >= 4; rows -= 4, first += 4 * stride)
        for (size_t i = 0; i < width; i++)
            sum[i] +=
                (precision_get(x, first + i, bf16) + precision_get(x, first + stride + i, bf16)) +
                (precision_get(x, first + 2 * stride + i, bf16) +
                    precision_get(x, first + 3 * stride + i, bf16));
    for (; rows > 0; rows--, first += stride)
        for (size_t i = 0; i < width; i++)
            sum[i] += precision_get(x, first + i, bf16);
}

CPU_CLONES static void sum_of(const struct normrow_at *at, float *sum, const void *x)
{
    if (at->precision == PRECISION_BF16)
        sum_as(true, at, sum, x);
    else
        sum_as(false, at, sum, x);
}

INLINE void squares_as(bool bf16, const struct normrow_at *at, float *restrict sum, const void *x,
    const float *restrict mean)
{
    const size_t stride = at->stride, width = at->width;
    size_t rows = at->rows, first = 0;
    for (; rows >= 2; rows -= 2, first += 2 * stride)
        for (size_t i = 0; i < width; i++) {
            const float a = precision_get(x, first + i, bf16) - mean[i];
            const float b = precision_get(x, first + stride + i, bf16) - mean[i];
            sum[i] += a * a + b * b;
        }
    for (size_t i = 0; rows > 0 && i < width; i++) {
        const float a = precision_get(x, first + i, bf16) - mean[i];
        sum[i] += a * a;
    }
}

CPU_CLONES static void squares(
    const struct normrow_at *at, float *sum, const void *x, const float *mean)
{
    if (at->precision == PRECISION_BF16)
        squares_as(true, at, sum, x, mean);
    else
        squares_as(false, at, sum, x, mean);
}

/* ---- forward ---------------------------------------------------------------------------------- */

INLINE void forward_as(bool bf16, bool add, bool relu, void *y, const void *x, const void *residual,
    const float *restrict mean, const float *restrict scale, const float *restrict beta, size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        float value = (precision_get(x, i, bf16) - mean[i]) * scale[i] + beta[i];
        if (add)
            value += precision_get(residual, i, bf16);
        precision_put(y, i, relu && value < 0 ? 0 : value, bf16);
    }
}

CPU_CLONES static void forward_row(int which, void *y, const void *x, const void *residual,
    const float *mean, const float *scale, const float *beta, size_t n)
{
    switch (which) {
    case 0:
        forward_as(false, false, false, y, x, residual, mean, scale, beta, n);
        break;
    case 1:
        forward_as(false, false, true, y, x, residual, mean, scale, beta, n);
        break;
    case 2:
        forward_as(false, true, false, y, x, residual, mean, scale, beta, n);
        break;
    case 3:
        forward_as(false, true, true, y, x, residual, mean, scale, beta, n);
        break;
    case 4:
        forward_as(true, false, false, y, x, residual, mean, scale, beta, n);
        break;
    case 5:
        forward_as(true, false, true, y, x, residual, mean, scale, beta, n);
        break;
    case 6:
        forward_as(true, true, false, y, x, residual, mean, scale, beta, n);
        break;
    default:
        forward_as(true, true, true, y, x, residual, mean, scale, beta, n);
        break;
    }
}

static void forward(const struct normrow_at *at, void *y, const void *x, const void *residual,
    const float *mean, const float *scale, const float *beta, bool relu)
{
    const int which = (at->precision == PRECISION_BF16) * 4 + (residual != NULL) * 2 + relu;
    for (size_t row = 0; row < at->rows; row++)
        forward_row(which, row_of(y, at, row), row_of(x, at, row), row_of(residual, at, row), mean,
            scale, beta, at->width);
}

/* ---- backward --------------------------------------------------------------------------------- */

enum gate { OPEN, BY_Y, BY_X };

static enum gate gate_of(const struct normrow_gate *gate)
{
    return gate->y != NULL ? BY_Y : gate->beta != NULL ? BY_X : OPEN;
}

INLINE float rounded(float value, bool bf16)
{
    return bf16 ? precision_widen(precision_narrow(value)) : value;
}

/* g where the gate is open at element i, else zero. */
INLINE float behind(bool bf16, enum gate kind, float g, float off, const void *y,
    const float *restrict scale, const float *restrict beta, size_t i)
{
    if (kind == BY_Y)
        return precision_get(y, i, bf16) > 0 ? g : 0;
    if (kind == BY_X)
        return off * scale[i] + beta[i] > 0 ? g : 0;
    return g;
}

INLINE void sums_as(bool bf16, enum gate kind, bool store, float *restrict sum,
    float *restrict product, void *keep, const void *dy, const void *more, const void *x,
    const void *y, const struct normrow_gate *gate, const float *restrict mean, size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        const float off = precision_get(x, i, bf16) - mean[i];
        float g = precision_get(dy, i, bf16);
        if (more != NULL)
            g = rounded(g + precision_get(more, i, bf16), bf16);
        g = behind(bf16, kind, g, off, y, gate->scale, gate->beta, i);
        sum[i] += g;
        product[i] += g * off;
        if (store)
            precision_put(keep, i, g, bf16);
    }
}

CPU_CLONES static void sums_row(bool bf16, enum gate kind, float *sum, float *product, void *keep,
    const void *dy, const void *more, const void *x, const void *y, const struct normrow_gate *gate,
    const float *mean, size_t n)
{
    const bool store = keep != NULL && (kind != OPEN || more != NULL || keep != dy);
    switch (bf16 * 6 + (int)kind * 2 + store) {
    case 0:
        sums_as(false, OPEN, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 1:
        sums_as(false, OPEN, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 2:
        sums_as(false, BY_Y, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 3:
        sums_as(false, BY_Y, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 4:
        sums_as(false, BY_X, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 5:
        sums_as(false, BY_X, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 6:
        sums_as(true, OPEN, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 7:
        sums_as(true, OPEN, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 8:
        sums_as(true, BY_Y, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 9:
        sums_as(true, BY_Y, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    case 10:
        sums_as(true, BY_X, false, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    default:
        sums_as(true, BY_X, true, sum, product, keep, dy, more, x, y, gate, mean, n);
        break;
    }
}

static void sums(const struct normrow_at *at, float *sum, float *product, void *keep,
    const void *dy, const void *more, const void *x, const struct normrow_gate *gate,
    const float *mean)
{
    const bool bf16 = at->precision == PRECISION_BF16;
    for (size_t row = 0; row < at->rows; row++)
        sums_row(bf16, gate_of(gate), sum, product, row_of(keep, at, row), row_of(dy, at, row),
            row_of(more, at, row), row_of(x, at, row), row_of(gate->y, at, row), gate, mean,
            at->width);
}

INLINE void backward_as(bool bf16, enum gate kind, void *dx, const void *dy, const void *x,
    const void *y, const struct normrow_gate *gate, const float *restrict mean,
    const float *restrict scale, const float *restrict offset, const float *restrict slope,
    size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        const float off = precision_get(x, i, bf16) - mean[i];
        const float g =
            behind(bf16, kind, precision_get(dy, i, bf16), off, y, gate->scale, gate->beta, i);
        precision_put(dx, i, scale[i] * (g - offset[i] - off * slope[i]), bf16);
    }
}

CPU_CLONES static void backward_row(bool bf16, enum gate kind, void *dx, const void *dy,
    const void *x, const void *y, const struct normrow_gate *gate, const float *mean,
    const float *scale, const float *offset, const float *slope, size_t n)
{
    switch (bf16 * 3 + (int)kind) {
    case 0:
        backward_as(false, OPEN, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    case 1:
        backward_as(false, BY_Y, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    case 2:
        backward_as(false, BY_X, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    case 3:
        backward_as(true, OPEN, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    case 4:
        backward_as(true, BY_Y, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    default:
        backward_as(true, BY_X, dx, dy, x, y, gate, mean, scale, offset, slope, n);
        break;
    }
}

static void backward(const struct normrow_at *at, void *dx, const void *dy, const void *x,
    const struct normrow_gate *gate, const float *mean, const float *scale, const float *offset,
    const float *slope)
{
    const bool bf16 = at->precision == PRECISION_BF16;
    for (size_t row = 0; row < at->rows; row++)
        backward_row(bf16, gate_of(gate), row_of(dx, at, row), row_of(dy, at, row),
            row_of(x, at, row), row_of(gate->y, at, row), gate, mean, scale, offset, slope,
            at->width);
}

const struct normrow normrow_plain = {"plain", sum_of, squares, forward, sums, backward};

const struct normrow *normrow_choose(int level)
{
#if defined(__x86_64__)
    if (level >= CPU_AVX512)
        return &normrow_avx512;
#endif
    (void)level;
    return &normrow_plain;
}
