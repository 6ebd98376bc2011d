/* resize -- a rectangle of a picture, resampled to planes of another size (bicubic).
 * SPDX-License-Identifier: MIT */
#include "lib/image/resize.h"

#include "lib/base/cpu.h"

#include <math.h>

enum { CHANNELS = 3 };

void resize_layout(struct resize *scratch, struct arena *arena, int y, int x)
{
    scratch->row = arena_take(arena, (size_t)y, sizeof *scratch->row);
    scratch->column = arena_take(arena, (size_t)x, sizeof *scratch->column);
    scratch->line = arena_take(arena, RESIZE_TAPS * CHANNELS * (size_t)x, sizeof *scratch->line);
}

/* Keys' cubic with A = -1/2 at distance t. */
static double keys(double t)
{
    t = fabs(t);
    if (t < 1)
        return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* The taps of n samples across m pixels, weights times `scale`. */
static void make_taps(struct resize_taps *taps, int m, int n, double scale)
{
    for (int i = 0; i < n; i++) {
        const double centre = (i + 0.5) * m / n - 0.5;
        const int first = (int)floor(centre) - 1;
        double weight[RESIZE_TAPS], sum = 0;
        for (int k = 0; k < RESIZE_TAPS; k++) {
            const int at = first + k;
            weight[k] = at >= 0 && at < m ? keys(centre - at) : 0;
            sum += weight[k];
            taps[i].index[k] = at < 0 ? 0 : at < m ? at : m - 1;
        }
        for (int k = 0; k < RESIZE_TAPS; k++)
            taps[i].weight[k] = (float)(weight[k] / sum * scale);
    }
}

/* One source row at the new width: out [C][X]. */
CPU_CLONES static void across(float *restrict out, const unsigned char *restrict in,
    const struct resize_taps *restrict column, int channels, int x)
{
    for (int i = 0; i < x; i++) {
        const struct resize_taps *const t = &column[i];
        for (int c = 0; c < channels; c++) {
            float sum = 0;
            for (int k = 0; k < RESIZE_TAPS; k++)
                sum += t->weight[k] * (float)in[t->index[k] * channels + c];
            out[c * x + i] = sum;
        }
    }
}

/* Four rows of one plane, weighted. */
CPU_CLONES static void down(float *restrict out, const float *restrict a, const float *restrict b,
    const float *restrict c, const float *restrict d, const float *restrict weight, int x)
{
    const float wa = weight[0], wb = weight[1], wc = weight[2], wd = weight[3];
    for (int i = 0; i < x; i++)
        out[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
}

/* A copy at the same size: [H,W,C] bytes to [C][H][W] planes. */
CPU_CLONES static void split(float *restrict out, const unsigned char *restrict in, size_t pitch,
    int channels, int h, int w, float scale)
{
    for (int c = 0; c < channels; c++)
        for (int j = 0; j < h; j++)
            for (int i = 0; i < w; i++)
                out[((size_t)c * h + j) * w + i] = scale * (float)in[pitch * j + i * channels + c];
}

void resize_bicubic(float *out, const struct picture *in, struct crop crop, int y, int x,
    float scale, const struct resize *scratch)
{
    const int channels = in->channels;
    const size_t pitch = (size_t)in->width * channels, line = (size_t)channels * x;
    const size_t plane = (size_t)y * x;
    const unsigned char *const corner =
        in->pixels + pitch * (crop.y - in->y) + (size_t)(crop.x - in->x) * channels;
    if (crop.h == y && crop.w == x) {
        split(out, corner, pitch, channels, y, x, scale);
        return;
    }
    make_taps(scratch->column, crop.w, x, scale);
    make_taps(scratch->row, crop.h, y, 1);
    int next = 0; /* source rows below this one are in their lines, as far as they are needed */
    for (int j = 0; j < y; j++) {
        const struct resize_taps *const t = &scratch->row[j];
        const float *at[RESIZE_TAPS];
        if (next < t->index[0])
            next = t->index[0];
        for (; next <= t->index[RESIZE_TAPS - 1]; next++)
            across(scratch->line + (size_t)(next % RESIZE_TAPS) * line, corner + pitch * next,
                scratch->column, channels, x);
        for (int k = 0; k < RESIZE_TAPS; k++)
            at[k] = scratch->line + (size_t)(t->index[k] % RESIZE_TAPS) * line;
        for (int c = 0; c < channels; c++) {
            const size_t o = (size_t)c * x;
            down(out + c * plane + (size_t)j * x, at[0] + o, at[1] + o, at[2] + o, at[3] + o,
                t->weight, x);
        }
    }
}
