/* bytecolor -- brightness, contrast, saturation, hue and grey of bytes, as Pillow has them.
 * SPDX-License-Identifier: MIT */
#include "lib/image/bytecolor.h"

#include "lib/base/cpu.h"

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

#define INLINE __attribute__((always_inline)) static inline

static inline int larger(int a, int b)
{
    return a > b ? a : b;
}

static inline int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* a where it holds, else b: by a mask, since a branch stops the vectors. */
static inline int choose(int holds, int a, int b)
{
    return b ^ ((a ^ b) & -holds);
}

enum { BLOCK = 64 };

/* A block of pixels, each number in 32 bits: red, green and blue, or hue, saturation and value. */
struct block {
    int r[BLOCK], g[BLOCK], b[BLOCK];
    int h[BLOCK], s[BLOCK], v[BLOCK];
};

/* S and V, 0 .. 255, and of the hue what the next step needs: the sixth of the circle where the
 * largest channel stands, on which side of it, and how far the middle channel is from the largest. */
INLINE void measure(struct block *p, float away[BLOCK], int base[BLOCK], int side[BLOCK])
{
    for (int i = 0; i < BLOCK; i++) {
        const int r = p->r[i], g = p->g[i], b = p->b[i];
        const int v = larger(larger(r, g), b), low = smaller(smaller(r, g), b);
        const int range = larger(v - low, 1), red = r == v, green = g == v;
        const int up = v - choose(red, b, choose(green, r, g));
        const int down = v - choose(red, g, choose(green, b, r)); /* up or down is the range */
        p->s[i] = (int)((float)(v - low) / (float)larger(v, 1) * 255.0f);
        p->v[i] = v;
        away[i] = (float)(up + down - range) / (float)range;
        base[i] = choose(red, 0, choose(green, 2, 4));
        side[i] = choose(up >= down, 1, -1);
    }
}

/* H, 0 .. 255 for a turn, cut off. Floats and doubles are rounded where Pillow rounds them: many
 * colours lie exactly between two bytes of hue. */
INLINE void find_hue(struct block *p, const float *away, const int *base, const int *side)
{
    for (int i = 0; i < BLOCK; i++) {
        const float angle = (float)((double)base[i] + (double)side[i] * (1.0 - (double)away[i]));
        const double turns = (double)angle * (1.0 / 6) + 1.0; /* angle: -1 .. 5 */
        const float share = (float)(turns - (double)(int)turns);
        p->h[i] = (int)((double)share * 255.0);
    }
}

/* v (1 - s f / (255 * 85)) rounded; exact in floats, since no case comes nearer to a half than
 * 1/43350 and the division is off by less. */
static inline int fade(int v, int s, int f)
{
    return (int)((float)(2 * v * (21675 - s * f) + 21675) / 43350.0f);
}

/* Which sixth of the circle the turned hue is in, and the two channels that are not V. */
INLINE void find_sixth(const struct block *p, int turn, int *sixth, int *middle, int *lowest)
{
    for (int i = 0; i < BLOCK; i++) {
        const int h = 2 * ((p->h[i] + turn) & 255), whole = (h * 772) >> 16; /* h / 85 */
        const int f = h - 85 * whole;
        middle[i] = fade(p->v[i], p->s[i], choose(whole & 1, f, 85 - f));
        lowest[i] = fade(p->v[i], p->s[i], 85);
        sixth[i] = choose(whole == 6, 0, whole);
    }
}

INLINE void find_colors(struct block *p, const int *sixth, const int *middle, const int *lowest)
{
    for (int i = 0; i < BLOCK; i++) {
        const int at = sixth[i], v = p->v[i], m = middle[i], low = lowest[i];
        p->r[i] = choose((at == 0) | (at == 5), v, choose((at == 1) | (at == 4), m, low));
        p->g[i] = choose((at == 1) | (at == 2), v, choose((at == 0) | (at == 3), m, low));
        p->b[i] = choose((at == 3) | (at == 4), v, choose((at == 2) | (at == 5), m, low));
    }
}

/* In four steps: one loop of all of them becomes no vectors. */
CPU_CLONES static void turn_block(struct block *p, int turn)
{
    float away[BLOCK];
    int base[BLOCK], side[BLOCK], sixth[BLOCK], middle[BLOCK], lowest[BLOCK];
    measure(p, away, base, side);
    find_hue(p, away, base, side);
    find_sixth(p, turn, sixth, middle, lowest);
    find_colors(p, sixth, middle, lowest);
}

static void turn_hue(unsigned char *r, unsigned char *g, unsigned char *b, size_t n, int turn)
{
    struct block p = {.r = {0}};
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t count = n - i < BLOCK ? n - i : BLOCK;
        for (size_t j = 0; j < count; j++) {
            p.r[j] = r[i + j];
            p.g[j] = g[i + j];
            p.b[j] = b[i + j];
        }
        turn_block(&p, turn);
        for (size_t j = 0; j < count; j++) {
            r[i + j] = (unsigned char)p.r[j];
            g[i + j] = (unsigned char)p.g[j];
            b[i + j] = (unsigned char)p.b[j];
        }
    }
}

void bytecolor_hue(unsigned char *rgb, size_t n, double turn)
{
    turn_hue(rgb, rgb + n, rgb + 2 * n, n, (int)(turn * 255));
}
