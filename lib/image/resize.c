/* resize -- a rectangle of a picture, resampled to planes of another size (bicubic).
 * SPDX-License-Identifier: MIT */
#include "lib/image/resize.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

enum {
    CHANNELS = 3,
    QUAD = 4, /* floats a colour pixel takes between rows and planes; the last is not looked at */
    PAIR = 2, /* source rows that are resampled together */
    LINES = RESIZE_TAPS + PAIR - 1, /* source rows at the new width that are kept */
    WIDE = 512,                     /* pixels of a row that are floats at one time */
};

void resize_layout(struct resize *scratch, struct arena *arena, int y, int x)
{
    const size_t line = QUAD * (size_t)x;
    scratch->row = arena_take(arena, (size_t)y, sizeof *scratch->row);
    scratch->column = arena_take(arena, (size_t)x, sizeof *scratch->column);
    scratch->line = arena_take(arena, LINES * line, sizeof *scratch->line);
    scratch->wide = arena_take(arena, PAIR * (WIDE * CHANNELS + QUAD), sizeof *scratch->wide);
    scratch->mixed = arena_take(arena, line, sizeof *scratch->mixed);
}

/* ---- taps ------------------------------------------------------------------------------------ */

/* Pixels of the reduced picture that `size` pixels from `start` of the whole one touch. */
static int touched(int start, int size, int reduce)
{
    return (start + size - 1) / reduce - start / reduce + 1;
}

/* Keys' cubic with A = -1/2, at distances below 1 and from 1 to 2. */
static double keys_near(double t)
{
    return (1.5 * t - 2.5) * t * t + 1;
}

static double keys_far(double t)
{
    return ((-0.5 * t + 2.5) * t - 4) * t + 2;
}

/* Four weights from pixel `first` of m: nothing outside, and all four pixels inside if m has them. */
static int move_inside(double weight[RESIZE_TAPS], int first, int m)
{
    const int last = m > RESIZE_TAPS ? m - RESIZE_TAPS : 0;
    const int moved = first < 0 ? 0 : first > last ? last : first;
    double out[RESIZE_TAPS] = {0};
    for (int k = 0; k < RESIZE_TAPS; k++)
        if (first + k >= 0 && first + k < m)
            out[first + k - moved] = weight[k];
    memcpy(weight, out, sizeof out);
    return moved;
}

/* The taps of n samples of the `size` pixels from `start`, weights times `scale`. Pixels are counted
 * from the first one touched. */
CPU_CLONES static void make_taps(
    struct resize_taps *taps, int start, int size, int reduce, int n, double scale)
{
    const int m = touched(start, size, reduce);
    const double shrink = 1.0 / reduce; /* a power of two: exact */
    for (int i = 0; i < n; i++) {
        const double centre = ((i + 0.5) * size / n + start % reduce) * shrink - 0.5;
        const int first = (int)floor(centre) - 1;
        const double t = centre - (first + 1);
        double weight[RESIZE_TAPS] = {
            keys_far(centre - first), keys_near(t), keys_near(1 - t), keys_far(2 - t)};
        taps[i].first =
            first >= 0 && first <= m - RESIZE_TAPS ? first : move_inside(weight, first, m);
        const double sum = weight[0] + weight[1] + weight[2] + weight[3];
        for (int k = 0; k < RESIZE_TAPS; k++)
            taps[i].weight[k] = (float)(weight[k] / sum * scale);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

CPU_CLONES static void widen(float *restrict out, const unsigned char *restrict in, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (float)in[i];
}

/* Samples of two rows of colour pixels: [X][QUAD] each. */
CPU_CLONES static void sample_colour(float *restrict out_a, float *restrict out_b,
    const float *restrict a, const float *restrict b, const struct resize_taps *restrict column,
    int from, int x)
{
    for (int i = 0; i < x; i++) {
        const size_t at = CHANNELS * (size_t)(column[i].first - from);
        const float *const p = a + at, *const q = b + at, *const w = column[i].weight;
        float sum[QUAD];
        for (int c = 0; c < QUAD; c++)
            sum[c] = w[0] * p[c] + w[1] * p[CHANNELS + c] + w[2] * p[2 * CHANNELS + c] +
                     w[3] * p[3 * CHANNELS + c];
        for (int c = 0; c < QUAD; c++)
            out_a[QUAD * i + c] = sum[c];
        for (int c = 0; c < QUAD; c++)
            sum[c] = w[0] * q[c] + w[1] * q[CHANNELS + c] + w[2] * q[2 * CHANNELS + c] +
                     w[3] * q[3 * CHANNELS + c];
        for (int c = 0; c < QUAD; c++)
            out_b[QUAD * i + c] = sum[c];
    }
}

static void sample_grey(float *restrict out, const float *restrict in,
    const struct resize_taps *restrict column, int from, int x)
{
    for (int i = 0; i < x; i++) {
        const float *const p = in + column[i].first - from, *const w = column[i].weight;
        out[i] = w[0] * p[0] + w[1] * p[1] + w[2] * p[2] + w[3] * p[3];
    }
}

/* Two source rows of m pixels at the new width: [X][QUAD], or [X] of grey. */
static void across(float *line_a, float *line_b, const unsigned char *a, const unsigned char *b,
    int m, int channels, int x, const struct resize *scratch)
{
    float *const wide_a = scratch->wide, *const wide_b = wide_a + WIDE * CHANNELS + QUAD;
    const int fit = (int)((WIDE - 2 - RESIZE_TAPS) * (long long)x / m), step = fit < 1 ? 1 : fit;
    for (int i = 0; i < x; i += step) {
        const int n = x - i < step ? x - i : step;
        const struct resize_taps *const column = scratch->column + i;
        const int from = column[0].first, to = column[n - 1].first + RESIZE_TAPS;
        const size_t skip = (size_t)from * channels;
        widen(wide_a, a + skip, ((to < m ? to : m) - from) * channels);
        widen(wide_b, b + skip, ((to < m ? to : m) - from) * channels);
        if (channels == CHANNELS) {
            const size_t at = QUAD * (size_t)i;
            sample_colour(line_a + at, line_b + at, wide_a, wide_b, column, from, n);
        } else {
            sample_grey(line_a + i, wide_a, column, from, n);
            sample_grey(line_b + i, wide_b, column, from, n);
        }
    }
}

/* Four rows, weighted. */
CPU_CLONES static void down(float *restrict out, const float *restrict a, const float *restrict b,
    const float *restrict c, const float *restrict d, const float *restrict weight, int n)
{
    const float wa = weight[0], wb = weight[1], wc = weight[2], wd = weight[3];
    for (int i = 0; i < n; i++)
        out[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
}

/* Interleaved colours to planes. */
CPU_CLONES static void part(
    float *restrict r, float *restrict g, float *restrict b, const float *restrict in, int x)
{
    for (int i = 0; i < x; i++) {
        r[i] = in[QUAD * i];
        g[i] = in[QUAD * i + 1];
        b[i] = in[QUAD * i + 2];
    }
}

static void put_row(float *out, size_t plane, const float *in, int channels, int x)
{
    if (channels == CHANNELS)
        part(out, out + plane, out + 2 * plane, in, x);
    else
        memcpy(out, in, (size_t)x * sizeof *out);
}

/* A copy at the same size. */
CPU_CLONES static void copy_colour(float *restrict r, float *restrict g, float *restrict b,
    const unsigned char *restrict in, int n, float scale)
{
    for (int i = 0; i < n; i++) {
        r[i] = scale * (float)in[CHANNELS * i];
        g[i] = scale * (float)in[CHANNELS * i + 1];
        b[i] = scale * (float)in[CHANNELS * i + 2];
    }
}

CPU_CLONES static void copy_grey(
    float *restrict out, const unsigned char *restrict in, int n, float scale)
{
    for (int i = 0; i < n; i++)
        out[i] = scale * (float)in[i];
}

/* ---- planes ---------------------------------------------------------------------------------- */

static float *line_at(const struct resize *scratch, int row, int x)
{
    return scratch->line + (size_t)(row % LINES) * QUAD * (size_t)x;
}

void resize_bicubic(float *out, const struct picture *in, struct crop crop, int y, int x,
    float scale, const struct resize *scratch)
{
    const int channels = in->channels, reduce = in->reduce;
    const int h = touched(crop.y, crop.h, reduce), w = touched(crop.x, crop.w, reduce);
    const size_t pitch = (size_t)in->width * channels, plane = (size_t)y * x;
    const unsigned char *const corner = in->pixels + pitch * (crop.y / reduce - in->y) +
                                        (size_t)(crop.x / reduce - in->x) * channels;
    if (reduce == 1 && h == y && w == x) {
        for (int j = 0; j < y; j++) {
            float *const row = out + (size_t)j * x;
            if (channels == CHANNELS)
                copy_colour(row, row + plane, row + 2 * plane, corner + pitch * j, x, scale);
            else
                copy_grey(row, corner + pitch * j, x, scale);
        }
        return;
    }
    make_taps(scratch->column, crop.x, crop.w, reduce, x, scale);
    make_taps(scratch->row, crop.y, crop.h, reduce, y, 1);
    const int n = channels == CHANNELS ? QUAD * x : x;
    int next = 0; /* source rows below this one are in their lines, as far as they are needed */
    for (int j = 0; j < y; j++) {
        const struct resize_taps *const t = &scratch->row[j];
        const float *at[RESIZE_TAPS];
        if (next < t->first)
            next = t->first;
        for (; next < t->first + RESIZE_TAPS && next < h; next += PAIR) {
            const unsigned char *const row = corner + pitch * next;
            across(line_at(scratch, next, x), line_at(scratch, next + 1, x), row,
                next + 1 < h ? row + pitch : row, w, channels, x, scratch);
        }
        for (int k = 0; k < RESIZE_TAPS; k++)
            at[k] = line_at(scratch, t->first + k, x);
        down(scratch->mixed, at[0], at[1], at[2], at[3], t->weight, n);
        put_row(out + (size_t)j * x, plane, scratch->mixed, channels, x);
    }
}
