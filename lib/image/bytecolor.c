/* bytecolor -- brightness, contrast, saturation, hue and grey of bytes, as Pillow has them.
 * SPDX-License-Identifier: MIT */
#include "lib/image/bytecolor.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <stdint.h>

static inline float clip(float x)
{
    const float most = x < 255.0f ? x : 255.0f;
    return most > 0.0f ? most : 0.0f;
}

/* From a towards v and beyond, cut off to a byte. */
static inline unsigned char blend(int a, int v, float factor)
{
    return (unsigned char)(int)clip((float)a + factor * (float)(v - a));
}

static inline int luminance(int r, int g, int b)
{
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
}

CPU_CLONES static void spread(unsigned char *x, size_t n, int around, float factor)
{
    for (size_t i = 0; i < n; i++)
        x[i] = blend(around, x[i], factor);
}

void bytecolor_brightness(unsigned char *rgb, size_t n, float factor)
{
    spread(rgb, 3 * n, 0, factor);
}

enum { RUN = 1 << 16 }; /* pixels whose luminance a 32-bit sum holds */

CPU_CLONES static uint32_t sum(const unsigned char *restrict r, const unsigned char *restrict g,
    const unsigned char *restrict b, size_t n)
{
    uint32_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (uint32_t)luminance(r[i], g[i], b[i]);
    return total;
}

void bytecolor_contrast(unsigned char *rgb, size_t n, float factor)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i += RUN)
        total += sum(rgb + i, rgb + n + i, rgb + 2 * n + i, n - i < RUN ? n - i : RUN);
    spread(rgb, 3 * n, (int)((double)total / (double)n + 0.5), factor);
}

CPU_CLONES static void saturate(unsigned char *restrict r, unsigned char *restrict g,
    unsigned char *restrict b, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++) {
        const int grey = luminance(r[i], g[i], b[i]);
        r[i] = blend(grey, r[i], factor);
        g[i] = blend(grey, g[i], factor);
        b[i] = blend(grey, b[i], factor);
    }
}

void bytecolor_saturation(unsigned char *rgb, size_t n, float factor)
{
    saturate(rgb, rgb + n, rgb + 2 * n, n, factor);
}

CPU_CLONES static void mix(
    unsigned char *restrict r, unsigned char *restrict g, unsigned char *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char grey = (unsigned char)luminance(r[i], g[i], b[i]);
        r[i] = grey;
        g[i] = grey;
        b[i] = grey;
    }
}

void bytecolor_grey(unsigned char *rgb, size_t n)
{
    mix(rgb, rgb + n, rgb + 2 * n, n);
}

static void turn_hue(unsigned char *r, unsigned char *g, unsigned char *b, size_t n, int turn)
{
    for (size_t i = 0; i < n; i++) {
        const int high = r[i] > g[i] ? (r[i] > b[i] ? r[i] : b[i]) : (g[i] > b[i] ? g[i] : b[i]);
        const int low = r[i] < g[i] ? (r[i] < b[i] ? r[i] : b[i]) : (g[i] < b[i] ? g[i] : b[i]);
        int h = 0, s = 0;
        if (high > low) {
            const float range = (float)(high - low), rc = (float)(high - r[i]) / range;
            const float gc = (float)(high - g[i]) / range, bc = (float)(high - b[i]) / range;
            float angle = r[i] == high   ? bc - gc
                          : g[i] == high ? (float)(2.0 + (double)rc - (double)bc)
                                         : (float)(4.0 + (double)gc - (double)rc);
            angle = (float)fmod((double)angle / 6.0 + 1.0, 1.0);
            h = (int)((double)angle * 255.0);
            s = (int)((double)(range / (float)high) * 255.0);
        }
        h = (h + turn) & 255;
        if (s == 0) {
            r[i] = g[i] = b[i] = (unsigned char)high;
            continue;
        }
        const double sixths = h * 6.0 / 255.0;
        const int sector = (int)sixths;
        const float f = (float)(sixths - sector), fs = (float)(s / 255.0);
        const unsigned char v = (unsigned char)high, p = (unsigned char)round(v * (1.0 - fs));
        const unsigned char q = (unsigned char)round(v * (1.0 - (double)(fs * f)));
        const unsigned char t = (unsigned char)round(v * (1.0 - fs * (1.0 - f)));
        const unsigned char red[] = {v, q, p, p, t, v}, green[] = {t, v, v, q, p, p};
        const unsigned char blue[] = {p, p, t, v, v, q};
        r[i] = red[sector % 6];
        g[i] = green[sector % 6];
        b[i] = blue[sector % 6];
    }
}

void bytecolor_hue(unsigned char *rgb, size_t n, double turn)
{
    turn_hue(rgb, rgb + n, rgb + 2 * n, n, (int)(turn * 255));
}
