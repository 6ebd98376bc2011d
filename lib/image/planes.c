/* planes -- planes of bytes and planes of floats, one from the other.
 * SPDX-License-Identifier: MIT */
#include "lib/image/planes.h"

#include "lib/base/cpu.h"

CPU_CLONES void planes_from_bytes(float *restrict out, const unsigned char *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] * (1.0f / 255);
}

CPU_CLONES void planes_to_bytes(unsigned char *restrict out, const float *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)(int)(255.0f * in[i] + 0.5f);
}

CPU_CLONES static void interleave(unsigned char *restrict out, const unsigned char *restrict r,
    const unsigned char *restrict g, const unsigned char *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[3 * i] = r[i];
        out[3 * i + 1] = g[i];
        out[3 * i + 2] = b[i];
    }
}

void planes_interleave(unsigned char *out, const unsigned char *rgb, size_t n)
{
    interleave(out, rgb, rgb + n, rgb + 2 * n, n);
}
