/* precision -- f32 and bf16, and the way between them.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/precision.h"

#include "lib/base/cpu.h"

const char *precision_name(enum precision precision)
{
    return precision == PRECISION_BF16 ? "bf16" : "f32";
}

size_t precision_size(enum precision precision)
{
    return precision == PRECISION_BF16 ? sizeof(uint16_t) : sizeof(float);
}

enum precision precision_auto(void)
{
    return cpu_level() >= CPU_AMX ? PRECISION_BF16 : PRECISION_F32;
}

CPU_CLONES static void widen(float *restrict out, const uint16_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = precision_widen(in[i]);
}

CPU_CLONES static void narrow(uint16_t *restrict out, const float *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = precision_narrow(in[i]);
}

const float *precision_read(float *buffer, const void *in, enum precision precision, size_t n)
{
    if (precision == PRECISION_F32)
        return in;
    widen(buffer, in, n);
    return buffer;
}

void precision_write(void *out, const float *in, enum precision precision, size_t n)
{
    if (precision == PRECISION_F32)
        memmove(out, in, n * sizeof *in);
    else
        narrow(out, in, n);
}
