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

void blur_layout(struct blur *scratch, struct arena *arena, int size)
{
    const size_t radius = (size_t)blur_radius(size), side = (size_t)size;
    scratch->plane = arena_take(arena, side * side, sizeof *scratch->plane);
    scratch->line = arena_take(arena, side + 2 * radius, sizeof *scratch->line);
    scratch->weight = arena_take(arena, 2 * radius + 1, sizeof *scratch->weight);
}

static void make_weights(float *weight, int radius, double sigma)
{
    double sum = 1;
    for (int i = 1; i <= radius; i++)
        sum += 2 * exp(-0.5 * i * i / (sigma * sigma));
    for (int i = -radius; i <= radius; i++)
        weight[i + radius] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
}

/* out += weight * in */
CPU_CLONES static void add(float *restrict out, const float *restrict in, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += weight * in[i];
}

void blur_gaussian(float *planes, int channels, int size, double sigma, const struct blur *scratch)
{
    const int radius = blur_radius(size);
    const size_t side = (size_t)size, plane = side * side;
    make_weights(scratch->weight, radius, sigma);
    memset(scratch->line, 0, (side + 2 * (size_t)radius) * sizeof *scratch->line);
    for (int c = 0; c < channels; c++) {
        float *const p = planes + (size_t)c * plane;
        memset(scratch->plane, 0, plane * sizeof *p);
        for (size_t y = 0; y < side; y++) {
            memcpy(scratch->line + radius, p + y * side, side * sizeof *p);
            for (int k = 0; k <= 2 * radius; k++)
                add(scratch->plane + y * side, scratch->line + k, scratch->weight[k], size);
        }
        memset(p, 0, plane * sizeof *p);
        for (int y = 0; y < size; y++)
            for (int k = 0; k <= 2 * radius; k++)
                if (y + k >= radius && y + k - radius < size)
                    add(p + (size_t)y * side, scratch->plane + (size_t)(y + k - radius) * side,
                        scratch->weight[k], size);
    }
}
