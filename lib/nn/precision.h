/* precision.h -- the two element types of activations, and the way between them.
 *
 * f32, and bf16: the upper half of a float, 8 bits of significand. Maps (activations and their
 * gradients) and the operands of convolutions are of either; statistics, weights, gradients of
 * weights and sums are always f32.
 *
 * Numerics: rounding is to nearest, ties to even; overflow becomes infinity; NaN stays NaN. Widening
 * is exact. The same bits on every CPU.
 * SPDX-License-Identifier: MIT */
#ifndef PRECISION_H
#define PRECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum precision { PRECISION_F32, PRECISION_BF16 };

const char *precision_name(enum precision precision); /* "f32", "bf16" */
size_t precision_size(enum precision precision);      /* bytes of an element */

/* What this CPU computes fastest: bf16 where it has tiles for it, else f32. */
enum precision precision_auto(void);

/* Element i of a map. */
static inline void *precision_at(const void *map, enum precision precision, size_t i)
{
    return (char *)map + i * (precision == PRECISION_BF16 ? 2 : 4);
}

/* For loops in functions marked CPU_CLONES: no branch, no call. */
__attribute__((always_inline)) static inline float precision_widen(uint16_t x)
{
    union {
        uint32_t u;
        float f;
    } bits = {(uint32_t)x << 16};
    return bits.f;
}

__attribute__((always_inline)) static inline uint16_t precision_narrow(float x)
{
    union {
        float f;
        uint32_t u;
    } bits = {x};
    const uint32_t rounded = bits.u + 0x7FFFU + (bits.u >> 16 & 1U);
    const uint32_t nan = 0U - (uint32_t)(x != x); /* all ones */
    return (uint16_t)((((rounded & ~nan) | (0x7FC00000U & nan)) >> 16));
}

/* Element i of a map whose type is known where this is inlined. */
__attribute__((always_inline)) static inline float precision_get(
    const void *map, size_t i, bool bf16)
{
    return bf16 ? precision_widen(((const uint16_t *)map)[i]) : ((const float *)map)[i];
}

__attribute__((always_inline)) static inline void precision_put(
    void *map, size_t i, float value, bool bf16)
{
    if (bf16)
        ((uint16_t *)map)[i] = precision_narrow(value);
    else
        ((float *)map)[i] = value;
}

/* n elements as floats: `in` itself if they are, else converted into `buffer`. */
const float *precision_read(float *buffer, const void *in, enum precision precision, size_t n);

/* n floats into a map. */
void precision_write(void *out, const float *in, enum precision precision, size_t n);

#endif
