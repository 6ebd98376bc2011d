/* micro -- the plain product of bf16 chunks, and the choice among those for one instruction set.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/micro.h"

#include "lib/base/cpu.h"
#include "lib/nn/precision.h"

#include <float.h>
#include <math.h>

/* To float, denormals to zero. What rounds to FLT_MIN is not tiny: x86 looks after rounding. */
static float flushed(double x)
{
    return fabs(x) < 0x1.ffffffp-127 ? (float)copysign(0, x) : (float)x;
}

static float operand(uint16_t bits)
{
    return flushed((double)precision_widen(bits));
}

/* One fused multiply-add. Exact in double before the rounding to float: the product has 16 bits, the
 * sum 24; where all bits do not fit into 53, the smaller is less than 2^-28 of the larger and
 * decides nothing, since the larger is a float and no tie is near. */
static float step_of(float sum, uint16_t a, uint16_t b)
{
    return flushed((double)operand(a) * (double)operand(b) + (double)sum);
}

static float chunk_of(const uint16_t *a, const uint16_t *b)
{
    float even = 0, odd = 0;
    for (int p = 0; p < MICRO_CHUNK / 2; p++, b += (size_t)2 * MICRO_PANEL) {
        even = step_of(even, a[2 * p], b[0]);
        odd = step_of(odd, a[2 * p + 1], b[1]);
    }
    return flushed((double)even + (double)odd);
}

static void product(float *restrict sum, const uint16_t *a0, const uint16_t *a1, size_t step,
    const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks, bool add)
{
    const int columns = b1 == NULL ? MICRO_PANEL : MICRO_COLUMNS;
    for (int m = 0; m < MICRO_ROWS; m++)
        for (int n = 0; n < columns; n++) {
            const uint16_t *const a =
                (m < MICRO_STRIP ? a0 : a1) + (size_t)(m % MICRO_STRIP) * step;
            const uint16_t *const b =
                (n < MICRO_PANEL ? b0 : b1) + (ptrdiff_t)2 * (n % MICRO_PANEL);
            float total = add ? flushed((double)sum[m * MICRO_COLUMNS + n]) : 0;
            for (int j = 0; j < chunks; j++)
                total =
                    flushed((double)total + chunk_of(a + offset[j], b + (ptrdiff_t)j * MICRO_B));
            sum[m * MICRO_COLUMNS + n] = total;
        }
}

CPU_CLONES static void store(uint16_t *restrict out, const float *restrict sum,
    const int *restrict place, size_t stride, int columns)
{
    for (int m = 0; m < MICRO_ROWS; m++) {
        uint16_t *const to = out + (place[m] < 0 ? 0 : (size_t)place[m]) * stride;
        const float *const from = sum + (ptrdiff_t)m * MICRO_COLUMNS;
        if (place[m] >= 0 && columns == MICRO_COLUMNS)
            for (int n = 0; n < MICRO_COLUMNS; n++)
                to[n] = precision_narrow(from[n]);
        else if (place[m] >= 0)
            for (int n = 0; n < columns; n++)
                to[n] = precision_narrow(from[n]);
    }
}

static unsigned begin(void)
{
    return 0;
}

static void end(unsigned state)
{
    (void)state;
}

const struct micro micro_plain = {"plain", begin, end, product, store, store};

const struct micro *micro_choose(int level)
{
#if defined(__x86_64__)
    if (level >= CPU_AMX)
        return &micro_amx;
    if (level >= CPU_BF16)
        return &micro_bf16;
    if (level >= CPU_AVX512)
        return &micro_avx512;
    if (level >= CPU_AVX2)
        return &micro_avx2;
#endif
    (void)level;
    return &micro_plain;
}
