/* sobel -- edges: how steep each channel is at each pixel.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sobel.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

enum { LINES = 3 };

void sobel_layout(struct sobel *scratch, struct arena *arena, int x)
{
    scratch->line = arena_take(arena, LINES * ((size_t)x + 2), sizeof *scratch->line);
}

/* Row j of a plane, mirrored beyond its ends, to its line. */
static void load(const struct sobel *scratch, const float *in, int j, int x)
{
    float *const line = scratch->line + (size_t)(j % LINES) * ((size_t)x + 2);
    memcpy(line + 1, in + (size_t)j * x, (size_t)x * sizeof *line);
    line[0] = line[2];
    line[x + 1] = line[x - 1];
}

/* Lines begin one pixel to the left: a above, b here, c below. */
CPU_CLONES static void steepness(float *restrict out, const float *restrict a,
    const float *restrict b, const float *restrict c, int x)
{
    for (int i = 0; i < x; i++) {
        const float dx = (a[i + 2] - a[i]) + 2.0f * (b[i + 2] - b[i]) + (c[i + 2] - c[i]);
        const float dy = (c[i] - a[i]) + 2.0f * (c[i + 1] - a[i + 1]) + (c[i + 2] - a[i + 2]);
        const float edge = 0.25f * sqrtf(dx * dx + dy * dy);
        out[i] = edge < 1.0f ? edge : 1.0f;
    }
}

/* The lines above, at and below row j; they are loaded in order, before row j is overwritten. */
static void around(
    const float *line[LINES], const struct sobel *scratch, const float *in, int j, int y, int x)
{
    const int above = j > 0 ? j - 1 : 1, below = j < y - 1 ? j + 1 : y - 2;
    if (j == 0)
        load(scratch, in, 0, x);
    if (j < y - 1)
        load(scratch, in, j + 1, x);
    line[0] = scratch->line + (size_t)(above % LINES) * ((size_t)x + 2);
    line[1] = scratch->line + (size_t)(j % LINES) * ((size_t)x + 2);
    line[2] = scratch->line + (size_t)(below % LINES) * ((size_t)x + 2);
}

void sobel_edges(float *planes, int channels, int y, int x, const struct sobel *scratch)
{
    for (int c = 0; c < channels; c++) {
        float *const plane = planes + (size_t)c * y * x;
        for (int j = 0; j < y; j++) {
            const float *line[LINES];
            around(line, scratch, plane, j, y, x);
            steepness(plane + (size_t)j * x, line[0], line[1], line[2], x);
        }
    }
}
