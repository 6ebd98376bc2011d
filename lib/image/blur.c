/* blur -- Gaussian blur of square planes.
 * SPDX-License-Identifier: MIT */
#include "lib/image/blur.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

int blur_radius(int size)
{
    return size / 10 / 2;
}

enum { LANES = 32 }; /* samples that are summed side by side, in registers */

static size_t pitch(int size)
{
    return ((size_t)size + LANES - 1) / LANES * LANES;
}

void blur_layout(struct blur *scratch, struct arena *arena, int size)
{
    const size_t radius = (size_t)blur_radius(size);
    scratch->plane = arena_take(arena, (size_t)size, pitch(size) * sizeof *scratch->plane);
    scratch->line = arena_take(arena, pitch(size) + 2 * radius, sizeof *scratch->line);
    scratch->weight = arena_take(arena, 2 * radius + 1, sizeof *scratch->weight);
}

/* Returns the radius beyond which weights are less than 2^-32: nothing that a float near 1 would
 * notice, and soon numbers so small that processors take a hundred times as long for them. */
static int make_weights(float *weight, int radius, double sigma)
{
    double sum = 1;
    int reach = 0;
    for (int i = 1; i <= radius; i++)
        sum += 2 * exp(-0.5 * i * i / (sigma * sigma));
    for (int i = 0; i <= radius; i++) {
        weight[radius + i] = weight[radius - i] =
            (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
        if (weight[radius + i] >= 0x1p-32f)
            reach = i;
    }
    return reach;
}

/* out [n] = the sum of `taps` rows, each `step` floats after the last, weighted; n is a multiple of
 * LANES, and so much can be read and written; taps > 0. */
CPU_CLONES static void gather(float *restrict out, const float *restrict in, size_t step,
    const float *restrict weight, int taps, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        float sum[LANES];
        for (int j = 0; j < LANES; j++)
            sum[j] = weight[0] * in[i + j];
        for (int k = 1; k < taps; k++) {
            const float *const row = in + (size_t)k * step + i, w = weight[k];
            for (int j = 0; j < LANES; j++)
                sum[j] += w * row[j];
        }
        memcpy(out + i, sum, sizeof sum);
    }
}

void blur_gaussian(float *planes, int channels, int size, double sigma, const struct blur *scratch)
{
    const int radius = blur_radius(size);
    const int reach = make_weights(scratch->weight, radius, sigma);
    const float *const weight = scratch->weight + radius - reach;
    const size_t side = (size_t)size, wide = pitch(size);
    float *const line = scratch->line, *const plane = scratch->plane;
    memset(line, 0, (wide + 2 * (size_t)radius) * sizeof *line);
    for (int c = 0; c < channels; c++) {
        float *const p = planes + (size_t)c * side * side;
        for (int y = 0; y < size; y++) {
            memcpy(line + reach, p + (size_t)y * side, side * sizeof *p);
            gather(plane + (size_t)y * wide, line, 1, weight, 2 * reach + 1, wide);
        }
        for (int y = 0; y < size; y++) {
            const int first = y < reach ? 0 : y - reach;
            const int end = y + reach < size ? y + reach + 1 : size;
            gather(line, plane + (size_t)first * wide, wide, weight + first - y + reach,
                end - first, wide);
            memcpy(p + (size_t)y * side, line, side * sizeof *p);
        }
        memset(line, 0, (wide + 2 * (size_t)radius) * sizeof *line);
    }
}
