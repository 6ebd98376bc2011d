/* normrow -- the inner loops of batch normalisation.
 *
 * Each loop is written once, for an element type that the compiler knows where it is inlined, and
 * becomes vectors for either. ivdep: outputs may be inputs, element for element.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/normrow.h"

#include "lib/base/cpu.h"

#define INLINE __attribute__((always_inline)) static inline

/* ---- statistics ------------------------------------------------------------------------------- */

INLINE void sum_as(
    bool bf16, float *restrict sum, const void *x, size_t rows, size_t stride, size_t width)
{
    size_t at = 0;
    for (; rows >= 4; rows -= 4, at += 4 * stride)
        for (size_t i = 0; i < width; i++)
            sum[i] += (precision_get(x, at + i, bf16) + precision_get(x, at + stride + i, bf16)) +
                      (precision_get(x, at + 2 * stride + i, bf16) +
                          precision_get(x, at + 3 * stride + i, bf16));
    for (; rows > 0; rows--, at += stride)
        for (size_t i = 0; i < width; i++)
            sum[i] += precision_get(x, at + i, bf16);
}

CPU_CLONES void normrow_sum(
    float *sum, const void *x, enum precision precision, size_t rows, size_t stride, size_t width)
{
    if (precision == PRECISION_BF16)
        sum_as(true, sum, x, rows, stride, width);
    else
        sum_as(false, sum, x, rows, stride, width);
}

INLINE void squares_as(bool bf16, float *restrict sum, const void *x, const float *restrict mean,
    size_t rows, size_t stride, size_t width)
{
    size_t at = 0;
    for (; rows >= 2; rows -= 2, at += 2 * stride)
        for (size_t i = 0; i < width; i++) {
            const float a = precision_get(x, at + i, bf16) - mean[i];
            const float b = precision_get(x, at + stride + i, bf16) - mean[i];
            sum[i] += a * a + b * b;
        }
    for (size_t i = 0; rows > 0 && i < width; i++) {
        const float a = precision_get(x, at + i, bf16) - mean[i];
        sum[i] += a * a;
    }
}

CPU_CLONES void normrow_squares(float *sum, const void *x, const float *mean,
    enum precision precision, size_t rows, size_t stride, size_t width)
{
    if (precision == PRECISION_BF16)
        squares_as(true, sum, x, mean, rows, stride, width);
    else
        squares_as(false, sum, x, mean, rows, stride, width);
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

CPU_CLONES void normrow_forward(void *y, const void *x, const void *residual,
    enum precision precision, const float *mean, const float *scale, const float *beta, size_t n,
    bool relu)
{
    const int which = (precision == PRECISION_BF16) * 4 + (residual != NULL) * 2 + relu;
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

/* ---- backward --------------------------------------------------------------------------------- */

INLINE void sums_as(bool bf16, bool relu, bool store, float *restrict sum, float *restrict product,
    void *keep, const void *dy, const void *x, const void *y, const float *restrict mean, size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        float g = precision_get(dy, i, bf16);
        if (relu)
            g = precision_get(y, i, bf16) > 0 ? g : 0;
        sum[i] += g;
        product[i] += g * (precision_get(x, i, bf16) - mean[i]);
        if (store)
            precision_put(keep, i, g, bf16);
    }
}

CPU_CLONES void normrow_sums(float *sum, float *product, void *keep, const void *dy, const void *x,
    const void *y, enum precision precision, const float *mean, size_t n)
{
    const bool store = keep != NULL && (y != NULL || keep != dy);
    const int which = (precision == PRECISION_BF16) * 4 + (y != NULL) * 2 + store;
    switch (which) {
    case 0:
        sums_as(false, false, false, sum, product, keep, dy, x, y, mean, n);
        break;
    case 1:
        sums_as(false, false, true, sum, product, keep, dy, x, y, mean, n);
        break;
    case 2:
        sums_as(false, true, false, sum, product, keep, dy, x, y, mean, n);
        break;
    case 3:
        sums_as(false, true, true, sum, product, keep, dy, x, y, mean, n);
        break;
    case 4:
        sums_as(true, false, false, sum, product, keep, dy, x, y, mean, n);
        break;
    case 5:
        sums_as(true, false, true, sum, product, keep, dy, x, y, mean, n);
        break;
    case 6:
        sums_as(true, true, false, sum, product, keep, dy, x, y, mean, n);
        break;
    default:
        sums_as(true, true, true, sum, product, keep, dy, x, y, mean, n);
        break;
    }
}

INLINE void backward_as(bool bf16, bool relu, void *dx, const void *dy, const void *x,
    const void *y, const float *restrict mean, const float *restrict scale,
    const float *restrict offset, const float *restrict slope, size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        float g = precision_get(dy, i, bf16);
        if (relu)
            g = precision_get(y, i, bf16) > 0 ? g : 0;
        precision_put(dx, i,
            scale[i] * (g - offset[i] - (precision_get(x, i, bf16) - mean[i]) * slope[i]), bf16);
    }
}

CPU_CLONES void normrow_backward(void *dx, const void *dy, const void *x, const void *y,
    enum precision precision, const float *mean, const float *scale, const float *offset,
    const float *slope, size_t n)
{
    if (precision == PRECISION_BF16 && y != NULL)
        backward_as(true, true, dx, dy, x, y, mean, scale, offset, slope, n);
    else if (precision == PRECISION_BF16)
        backward_as(true, false, dx, dy, x, y, mean, scale, offset, slope, n);
    else if (y != NULL)
        backward_as(false, true, dx, dy, x, y, mean, scale, offset, slope, n);
    else
        backward_as(false, false, dx, dy, x, y, mean, scale, offset, slope, n);
}
