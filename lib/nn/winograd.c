/* winograd -- the transforms of F(2x2, 3x3).
 * SPDX-License-Identifier: MIT */
#include "lib/nn/winograd.h"

#include "lib/base/cpu.h"

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8 };

/* Eight channels; the compiler makes of it what the instruction set has. */
typedef float lanes __attribute__((vector_size(32)));
typedef float lanes_at __attribute__((vector_size(32), aligned(4), may_alias));

/* B' of four values, `by` apart: each row of the result is a row of B'. */
INLINE void input_line(lanes *d, int by)
{
    const lanes a = d[0], b = d[by], c = d[2 * by], e = d[3 * by];
    d[0] = a - c;
    d[by] = b + c;
    d[2 * by] = c - b;
    d[3 * by] = b - e;
}

CPU_CLONES void winograd_input(
    float *out, size_t step, const float *const pixel[WINOGRAD_PLACES], int n)
{
    for (int i = 0; i < n; i += LANES) {
        lanes d[WINOGRAD_PLACES];
#pragma GCC unroll 16
        for (int j = 0; j < WINOGRAD_PLACES; j++)
            d[j] = *(const lanes_at *)(pixel[j] + i);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            input_line(d + j, 4);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            input_line(d + 4 * j, 1);
#pragma GCC unroll 16
        for (int j = 0; j < WINOGRAD_PLACES; j++)
            *(lanes_at *)(out + (size_t)j * step + i) = d[j];
    }
}

CPU_CLONES void winograd_output(
    float *const pixel[WINOGRAD_PIXELS], const float *m, size_t step, int n)
{
    for (int i = 0; i < n; i += LANES) {
        lanes top[4], low[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) { /* A' from the left: of a column */
            const float *const at = m + (size_t)j * step + i;
            const lanes b = *(const lanes_at *)(at + 4 * step);
            const lanes c = *(const lanes_at *)(at + 8 * step);
            top[j] = *(const lanes_at *)at + b + c;
            low[j] = b - c - *(const lanes_at *)(at + 12 * step);
        }
        if (pixel[0] != NULL)
            *(lanes_at *)(pixel[0] + i) = top[0] + top[1] + top[2];
        if (pixel[1] != NULL)
            *(lanes_at *)(pixel[1] + i) = top[1] - top[2] - top[3];
        if (pixel[2] != NULL)
            *(lanes_at *)(pixel[2] + i) = low[0] + low[1] + low[2];
        if (pixel[3] != NULL)
            *(lanes_at *)(pixel[3] + i) = low[1] - low[2] - low[3];
    }
}

/* In the forward pass this was: y = A' m A. */
CPU_CLONES void winograd_gradient(
    float *out, size_t step, const float *const pixel[WINOGRAD_PIXELS], int n)
{
    for (int i = 0; i < n; i += LANES) {
        lanes d[2][4];
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) { /* A' from the right: of a row */
            const lanes a = *(const lanes_at *)(pixel[2 * j] + i);
            const lanes b = *(const lanes_at *)(pixel[2 * j + 1] + i);
            d[j][0] = a;
            d[j][1] = a + b;
            d[j][2] = a - b;
            d[j][3] = -b;
        }
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            float *const at = out + (size_t)j * step + i;
            *(lanes_at *)at = d[0][j];
            *(lanes_at *)(at + 4 * step) = d[0][j] + d[1][j];
            *(lanes_at *)(at + 8 * step) = d[0][j] - d[1][j];
            *(lanes_at *)(at + 12 * step) = -d[1][j];
        }
    }
}

enum { TAPS = 9 };

CPU_CLONES void winograd_filter(float *u, size_t step, const float *g, size_t apart, bool turned)
{
    float tap[TAPS][WINOGRAD_FILTERS], half[4][3][WINOGRAD_FILTERS];
    for (int j = 0; j < WINOGRAD_FILTERS; j++)
        for (int i = 0; i < TAPS; i++)
            tap[i][j] = g[(size_t)j * apart + (size_t)(turned ? TAPS - 1 - i : i)];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < WINOGRAD_FILTERS; j++) {
            const float a = tap[i][j], b = tap[3 + i][j], c = tap[6 + i][j];
            half[0][i][j] = a;
            half[1][i][j] = 0.5f * (a + b + c);
            half[2][i][j] = 0.5f * (a - b + c);
            half[3][i][j] = c;
        }
    for (int i = 0; i < 4; i++, u += 4 * step)
        for (int j = 0; j < WINOGRAD_FILTERS; j++) {
            const float a = half[i][0][j], b = half[i][1][j], c = half[i][2][j];
            u[j] = a;
            u[step + (size_t)j] = 0.5f * (a + b + c);
            u[2 * step + (size_t)j] = 0.5f * (a - b + c);
            u[3 * step + (size_t)j] = c;
        }
}

/* In the forward pass this was: u = G g G'. */
CPU_CLONES void winograd_filter_gradient(
    float *g, size_t apart, const float *const u[WINOGRAD_PLACES])
{
    float half[3][4][WINOGRAD_FILTERS], tap[TAPS][WINOGRAD_FILTERS];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < WINOGRAD_FILTERS; j++) {
            const float b = u[4 + i][j], c = u[8 + i][j];
            half[0][i][j] = u[i][j] + 0.5f * (b + c);
            half[1][i][j] = 0.5f * (b - c);
            half[2][i][j] = 0.5f * (b + c) + u[12 + i][j];
        }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < WINOGRAD_FILTERS; j++) {
            const float b = half[i][1][j], c = half[i][2][j];
            tap[3 * i][j] = half[i][0][j] + 0.5f * (b + c);
            tap[3 * i + 1][j] = 0.5f * (b - c);
            tap[3 * i + 2][j] = 0.5f * (b + c) + half[i][3][j];
        }
    for (int j = 0; j < WINOGRAD_FILTERS; j++)
        for (int i = 0; i < TAPS; i++)
            g[(size_t)j * apart + (size_t)i] += tap[i][j];
}
