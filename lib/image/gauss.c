/* gauss -- Gaussian blur of planes of bytes, mirrored at the borders.
 * SPDX-License-Identifier: MIT */
#include "lib/image/gauss.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

void gauss_layout(struct gauss *scratch, struct arena *arena, int y, int x, int taps)
{
    scratch->plane = arena_take(arena, (size_t)y * (size_t)x, sizeof *scratch->plane);
    scratch->line = arena_take(arena, (size_t)x + (size_t)taps, sizeof *scratch->line);
    scratch->row = arena_take(arena, (size_t)x, sizeof *scratch->row);
    scratch->weight = arena_take(arena, (size_t)taps, sizeof *scratch->weight);
    scratch->at = arena_take(arena, (size_t)taps, sizeof *scratch->at);
}

static void make_weights(float *weight, int radius, double sigma)
{
    double sum = 1;
    for (int i = 1; i <= radius; i++)
        sum += 2 * exp(-0.5 * i * i / (sigma * sigma));
    for (int i = -radius; i <= radius; i++)
        weight[i + radius] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
}

/* Where position i, at most n - 1 outside 0 .. n-1, is found when the border is a mirror. */
static int mirror(int i, int n)
{
    return i < 0 ? -i : i < n ? i : 2 * n - 2 - i;
}

/* Weights are the same from both ends, so lines are added in pairs, and four pairs at a time: each
 * time the sums are loaded and stored once. */
enum { PAIRS = 4 };

CPU_CLONES static void scale(float *restrict out, const float *restrict in, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = weight * in[i];
}

CPU_CLONES static void add_pair(float *restrict out, const float *restrict first,
    const float *restrict last, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += weight * (first[i] + last[i]);
}

/* The pairs at[0] and last[0], at[1] and last[-1], ... */
CPU_CLONES static void add_pairs(float *restrict out, const float *const *at,
    const float *const *last, const float *weight, int n)
{
    const float *restrict const a = at[0], *restrict const b = at[1], *restrict const c = at[2];
    const float *restrict const d = at[3], *restrict const e = last[-3];
    const float *restrict const f = last[-2], *restrict const g = last[-1];
    const float *restrict const h = last[0];
    const float wa = weight[0], wb = weight[1], wc = weight[2], wd = weight[3];
    for (int i = 0; i < n; i++)
        out[i] +=
            (wa * (a[i] + h[i]) + wb * (b[i] + g[i])) + (wc * (c[i] + f[i]) + wd * (d[i] + e[i]));
}

/* out [n] = the weighted sum of 2 radius + 1 lines at[], which may overlap each other. */
static void add_lines(float *out, const float *const *at, const float *weight, int radius, int n)
{
    int k = 0;
    scale(out, at[radius], weight[radius], n);
    for (; k + PAIRS <= radius; k += PAIRS)
        add_pairs(out, at + k, at + 2 * radius - k, weight + k, n);
    for (; k < radius; k++)
        add_pair(out, at[k], at[2 * radius - k], weight[k], n);
}

CPU_CLONES static void widen(float *restrict out, const unsigned char *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i];
}

CPU_CLONES static void narrow(unsigned char *restrict out, const float *restrict in, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (unsigned char)(int)((in[i] + 12582912.0f) - 12582912.0f); /* 1.5 * 2^23 rounds */
}

/* The columns of row j to scratch->line, which is then mirrored at both ends. */
static void down(const struct gauss *scratch, int radius, int j, int y, int x)
{
    float *const line = scratch->line, *const end = line + radius + x - 1;
    for (int k = -radius; k <= radius; k++)
        scratch->at[k + radius] = scratch->plane + (size_t)mirror(j + k, y) * x;
    add_lines(line + radius, scratch->at, scratch->weight, radius, x);
    for (int i = 1; i <= radius; i++) {
        line[radius - i] = line[radius + i];
        end[i] = end[-i];
    }
}

void gauss_blur(unsigned char *planes, int channels, int y, int x, int taps, double sigma,
    const struct gauss *scratch)
{
    const int radius = taps / 2;
    const size_t plane = (size_t)y * x;
    make_weights(scratch->weight, radius, sigma);
    for (int c = 0; c < channels; c++) {
        unsigned char *const p = planes + (size_t)c * plane;
        widen(scratch->plane, p, plane);
        for (int j = 0; j < y; j++) {
            down(scratch, radius, j, y, x);
            for (int k = 0; k < taps; k++)
                scratch->at[k] = scratch->line + k;
            add_lines(scratch->row, scratch->at, scratch->weight, radius, x);
            narrow(p + (size_t)j * x, scratch->row, x);
        }
    }
}
