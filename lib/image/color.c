/* color -- brightness, contrast, saturation, hue and grey of three planes.
 *
 * Nothing branches on a pixel, and comparisons select between values that are there already: then
 * the compiler makes vector code of the loops. A range of nothing is divided by as 1e-30: 0 / 1e-30.
 * SPDX-License-Identifier: MIT */
#include "lib/image/color.h"

#include "lib/base/cpu.h"

#include <math.h>

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

static inline float clip(float x)
{
    return smaller(larger(x, 0.0f), 1.0f);
}

CPU_CLONES void color_brightness(float *rgb, size_t n, float factor)
{
    for (size_t i = 0; i < 3 * n; i++)
        rgb[i] = clip(rgb[i] * factor);
}

CPU_CLONES void color_add(float *rgb, size_t n, float summand)
{
    for (size_t i = 0; i < 3 * n; i++)
        rgb[i] = clip(rgb[i] + summand);
}

enum { LANES = 16, RUN = 64 * LANES };

/* Partial sums in a fixed pattern: float within a run, double across runs. */
CPU_CLONES static double sum(const float *x, size_t n)
{
    double total = 0;
    for (size_t start = 0; start < n; start += RUN) {
        const size_t end = n - start < RUN ? n : start + RUN;
        float lane[LANES] = {0};
        size_t i = start;
        for (; i + LANES <= end; i += LANES)
            for (size_t j = 0; j < LANES; j++)
                lane[j] += x[i + j];
        for (; i < end; i++)
            lane[0] += x[i];
        for (size_t j = 0; j < LANES; j++)
            total += (double)lane[j];
    }
    return total;
}

CPU_CLONES static void spread(float *x, size_t n, float factor, float mean)
{
    for (size_t i = 0; i < n; i++)
        x[i] = clip((x[i] - mean) * factor + mean);
}

void color_contrast(float *rgb, size_t n, float factor)
{
    for (size_t c = 0; c < 3; c++)
        spread(rgb + c * n, n, factor, (float)(sum(rgb + c * n, n) / (double)n));
}

/* At constant hue and V each channel's distance from V is proportional to S: no angle is needed. */
CPU_CLONES static void saturate(
    float *restrict r, float *restrict g, float *restrict b, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++) {
        const float value = larger(larger(r[i], g[i]), b[i]);
        const float range = value - smaller(smaller(r[i], g[i]), b[i]);
        const float most = larger(value, 0.0f) / larger(range, 1e-30f); /* 1 / S */
        const float k = smaller(factor, most);
        r[i] = clip(value - (value - r[i]) * k);
        g[i] = clip(value - (value - g[i]) * k);
        b[i] = clip(value - (value - b[i]) * k);
    }
}

void color_saturation(float *rgb, size_t n, float factor)
{
    saturate(rgb, rgb + n, rgb + 2 * n, n, factor);
}

/* Distance of x, -9 .. 9, from the nearest multiple of 6. */
static inline float distance(float x)
{
    return fabsf(3.0f - fabsf(3.0f - fabsf(x)));
}

/* How much of a colour there is at hue x from its corner: 1 up to a distance of 1, 0 from 2 on. */
static inline float share(float x)
{
    const float d = distance(x);
    return 0.5f * (1.0f + fabsf(2.0f - d) - fabsf(1.0f - d));
}

/* Hue in sixths of the circle, so that its corners are whole numbers: red 0, green 2, blue -2. With
 * channels stretched to 0 .. 1 (one is 0, one is 1) it is 1 - r + g + b on green's side of the
 * circle, and the negative of that on blue's. */
CPU_CLONES static void turn_hue(
    float *restrict r, float *restrict g, float *restrict b, size_t n, float sixths)
{
    for (size_t i = 0; i < n; i++) {
        const float low = smaller(smaller(r[i], g[i]), b[i]);
        const float range = larger(larger(r[i], g[i]), b[i]) - low;
        const float cold = (g[i] - low) + (b[i] - low) - (r[i] - low);
        const float angle = 1.0f + cold / larger(range, 1e-30f);
        const float hue = copysignf(angle, g[i] - b[i]) + sixths; /* -6 .. 6 */
        r[i] = clip(low + range * share(hue));
        g[i] = clip(low + range * share(hue - 2.0f));
        b[i] = clip(low + range * share(hue + 2.0f));
    }
}

void color_hue(float *rgb, size_t n, float turn)
{
    turn_hue(rgb, rgb + n, rgb + 2 * n, n, 6.0f * turn);
}

CPU_CLONES static void mix(float *restrict r, float *restrict g, float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float grey = 0.2989f * r[i] + 0.5870f * g[i] + 0.1140f * b[i];
        r[i] = grey;
        g[i] = grey;
        b[i] = grey;
    }
}

void color_grey(float *rgb, size_t n)
{
    mix(rgb, rgb + n, rgb + 2 * n, n);
}

CPU_CLONES void color_clip(float *rgb, size_t n)
{
    for (size_t i = 0; i < 3 * n; i++)
        rgb[i] = clip(rgb[i]);
}
