/* grain -- Gaussian noise, independent at every sample.
 * SPDX-License-Identifier: MIT */
#include "lib/image/grain.h"

#include "lib/base/cpu.h"
#include "lib/base/philox.h"

#include <math.h>
#include <string.h>

enum { WORDS = 4, LANES = 16, RUN = WORDS * LANES };

#define INLINE __attribute__((always_inline)) static inline

/* Blocks `first` and the next ones of the sequence, one in each lane (see rng.c). */
INLINE void blocks(uint32_t word[WORDS][LANES], const struct rng *rng, uint32_t first)
{
    for (uint32_t i = 0; i < LANES; i++) {
        uint32_t a = first + i, b = rng->counter[1], c = rng->counter[2], d = rng->counter[3];
        philox(&a, &b, &c, &d, rng->key);
        word[0][i] = a;
        word[1][i] = b;
        word[2][i] = c;
        word[3][i] = d;
    }
}

/* ln x of a normal x > 0: x = 2^e (1 + f) with 1 + f between the roots of 1/2 and 2, and
 * ln(1 + f) = f - f^2/2 + f^3 q(f), where q's largest error is 9e-7. */
INLINE float logarithm(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t e = (bits - 0x3f3504f3) >> 23;
    bits -= (int32_t)((uint32_t)e << 23);
    memcpy(&x, &bits, sizeof x);
    const float f = x - 1.0f;
    float q = 0.09500937f;
    q = q * f - 0.14201736f;
    q = q * f + 0.14646156f;
    q = q * f - 0.16583464f;
    q = q * f + 0.19986236f;
    q = q * f - 0.25001129f;
    q = q * f + 0.33333403f;
    return (float)e * 0.69314718f + (f - f * f * (0.5f - f * q));
}

/* Two samples of two words. v is how far the angle's size is from a quarter of a turn, -1/4 .. 1/4:
 * cos = -sin(2 pi v) and |sin| = cos(2 pi v), both by polynomials within 5e-8. */
INLINE void pair(float *first, float *second, uint32_t a, uint32_t b)
{
    const float u = (float)(int32_t)((a >> 8) + 1) * 0x1p-24f;
    const float radius = sqrtf(-2.0f * logarithm(u));
    const float angle = (float)(int32_t)b * 0x1p-32f; /* -1/2 .. 1/2 of a turn */
    const float v = fabsf(angle) - 0.25f, s = v * v;
    float cosine = 39.76161561f;
    cosine = cosine * s - 76.58139624f;
    cosine = cosine * s + 81.60248510f;
    cosine = cosine * s - 41.34168072f;
    cosine = cosine * s + 6.28318528f;
    float sine = 56.24237745f;
    sine = sine * s - 85.24032995f;
    sine = sine * s + 64.93459061f;
    sine = sine * s - 19.73917143f;
    sine = sine * s + 0.99999995f;
    *first = radius * (-v * cosine);
    *second = radius * copysignf(sine, angle);
}

INLINE void make_run(float out[RUN], const struct rng *rng, uint32_t first)
{
    uint32_t word[WORDS][LANES];
    blocks(word, rng, first);
    for (int i = 0; i < LANES; i++)
        pair(&out[i], &out[LANES + i], word[0][i], word[1][i]);
    for (int i = 0; i < LANES; i++)
        pair(&out[2 * LANES + i], &out[3 * LANES + i], word[2][i], word[3][i]);
}

CPU_CLONES void grain_normal(float *out, size_t n, const struct rng *rng)
{
    uint32_t block = rng->counter[0];
    for (size_t i = 0; i < n; i += RUN, block += LANES) {
        float run[RUN];
        make_run(run, rng, block);
        memcpy(out + i, run, (n - i < RUN ? n - i : RUN) * sizeof *run);
    }
}

CPU_CLONES void grain_add(float *x, size_t n, float sigma, const struct rng *rng)
{
    uint32_t block = rng->counter[0];
    for (size_t i = 0; i < n; i += RUN, block += LANES) {
        const size_t count = n - i < RUN ? n - i : RUN;
        float run[RUN];
        make_run(run, rng, block);
        for (size_t j = 0; j < count; j++) {
            const float sum = x[i + j] + sigma * run[j];
            const float most = sum < 1.0f ? sum : 1.0f;
            x[i + j] = most > 0.0f ? most : 0.0f;
        }
    }
}
