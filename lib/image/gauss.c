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
    scratch->weight = arena_take(arena, (size_t)taps, sizeof *scratch->weight);
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

/* out += weight * in */
CPU_CLONES static void add(
    float *restrict out, const unsigned char *restrict in, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += weight * (float)in[i];
}

CPU_CLONES static void across(unsigned char *restrict out, const float *restrict in,
    const float *restrict weight, int taps, int n)
{
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int k = 0; k < taps; k++)
            sum += weight[k] * in[i + k];
        out[i] = (unsigned char)(int)((sum + 12582912.0f) - 12582912.0f); /* 1.5 * 2^23 rounds */
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
        memset(scratch->plane, 0, plane * sizeof *scratch->plane);
        for (int j = 0; j < y; j++)
            for (int k = -radius; k <= radius; k++)
                add(scratch->plane + (size_t)j * x, p + (size_t)mirror(j + k, y) * x,
                    scratch->weight[k + radius], x);
        for (int j = 0; j < y; j++) {
            memcpy(scratch->line + radius, scratch->plane + (size_t)j * x,
                (size_t)x * sizeof *scratch->line);
            for (int i = 1; i <= radius; i++) {
                scratch->line[radius - i] = scratch->line[radius + i];
                scratch->line[radius + x - 1 + i] = scratch->line[radius + x - 1 - i];
            }
            across(p + (size_t)j * x, scratch->line, scratch->weight, taps, x);
        }
    }
}
