/* fastexp.h -- e to the power of a float, in a form that compilers turn into vectors.
 *
 * For loops in functions marked CPU_CLONES (cpu.h): no branch, no table, no call. The same bits in
 * every clone, and on every machine.
 *
 * Numerics: within 1 unit in the last place of the true value for -87 <= x <= 88. Below -87 (where
 * the result nears the smallest normal float) it is 0. Not for x above 88, or NaN.
 * x = n ln 2 + r with |r| <= ln(2)/2, and e^r = 1 + r + r^2 q(r); the five coefficients of q minimise
 * the largest relative error, which is 3.7e-9.
 * SPDX-License-Identifier: MIT */
#ifndef FASTEXP_H
#define FASTEXP_H

#include <stdint.h>

#define FASTEXP_LOWEST (-87.0F)

__attribute__((always_inline)) static inline float fastexp(float x)
{
    union {
        float f;
        uint32_t u;
    } shifted, power;
    shifted.f = x * 1.44269504F + 12582912.0F; /* 1.5 * 2^23: rounds to n in the low bits */
    const float n = shifted.f - 12582912.0F;
    const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F; /* ln 2 in two pieces */
    float q = 1.38145406e-3F;
    q = q * r + 8.36874545e-3F;
    q = q * r + 4.16683890e-2F;
    q = q * r + 0.166665211F;
    q = q * r + 0.499999940F;
    power.f = 1.0F + (r + r * r * q);
    power.u += shifted.u << 23;                      /* times 2^n */
    power.u &= 0U - (uint32_t)(x >= FASTEXP_LOWEST); /* 0 by a mask: a branch stops the vectors */
    return power.f;
}

#endif
