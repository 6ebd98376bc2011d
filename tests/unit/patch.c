/* patch -- strips hold every output once, and their patches what its taps read.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/patch.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* Maps whose values tell where they lie. */
static float value(int n, int h, int w, int c)
{
    return (float)(((n * 64 + h) * 64 + w) * 16 + c);
}

static float *maps_new(const struct geometry_shape *p, int n, int c)
{
    float *const maps = malloc((size_t)(n * p->h * p->w * c) * sizeof *maps), *next = maps;
    for (int i = 0; i < n; i++)
        for (int h = 0; h < p->h; h++)
            for (int w = 0; w < p->w; w++)
                for (int k = 0; k < c; k++)
                    *next++ = value(i, h, w, k);
    return maps;
}

/* Taps of one output that the patch has wrong, of channels from .. from+slice-1. */
static int wrong_taps(
    const struct patch *patch, const float *image, int q, int n, int y, int x, int from, int slice)
{
    const struct geometry_shape *const p = &patch->shape;
    int wrong = 0;
    for (int i = 0; i < p->r; i++)
        for (int j = 0; j < p->s; j++)
            for (int c = 0; c < slice; c++) {
                const int h = y * p->stride + i - p->top, w = x * p->stride + j - p->left;
                const bool inside = h >= 0 && h < p->h && w >= 0 && w < p->w;
                const int pixel = patch->at[q] + i * patch->width + j;
                wrong += image[pixel * slice + c] != (inside ? value(n, h, w, from + c) : 0);
            }
    return wrong;
}

static void check(const struct geometry_shape *p, int n, int c, int from, int slice)
{
    struct err err = {0};
    struct patch patch;
    if (patch_init(&patch, p, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    float *const maps = maps_new(p, n, c);
    float *const image = malloc((size_t)(patch_pixels(&patch) * slice) * sizeof *image);
    int *const seen = calloc((size_t)(n * p->y * p->x), sizeof *seen);
    int wrong = 0, once = 1, longest = 0;
    for (int i = 0; i < patch_strips(&patch, n); i++) {
        const struct patch_strip strip = patch_strip(&patch, n, i);
        memset(image, 0xFF, (size_t)(patch_pixels(&patch) * slice) * sizeof *image);
        patch_copy(image, maps, &patch, &strip, c, from, slice);
        longest = strip.outputs > longest ? strip.outputs : longest;
        for (int q = 0; q < strip.outputs; q++) {
            const int each = strip.rows * p->x, picture = strip.picture + q / each;
            const int y = strip.row + q % each / p->x, x = q % p->x;
            seen[(picture * p->y + y) * p->x + x]++;
            wrong += wrong_taps(&patch, image, q, picture, y, x, from, slice);
        }
    }
    for (int i = 0; i < n * p->y * p->x; i++)
        once &= seen[i] == 1;
    OK(once && wrong == 0 && longest <= patch_outputs(&patch),
        "%d x %dx%d, %dx%d taps, stride %d, %d of %d channels: %d wrong", n, p->h, p->w, p->r, p->s,
        p->stride, slice, c, wrong);
    patch_free(&patch);
    free(maps);
    free(image);
    free(seen);
}

int main(void)
{
    static const struct {
        int h, w, r, s, stride, pad, n, c, from, slice;
    } cases[] = {{32, 32, 3, 3, 1, 1, 2, 8, 0, 8}, {4, 4, 3, 3, 1, 1, 45, 16, 6, 6},
        {56, 56, 3, 3, 2, 1, 1, 4, 0, 4}, {33, 17, 7, 7, 2, 3, 3, 3, 0, 3},
        {7, 7, 1, 1, 2, 0, 9, 16, 10, 6}, {9, 5, 3, 3, 1, 1, 30, 16, 12, 4},
        {1, 1, 3, 3, 1, 1, 400, 12, 0, 12}, {5, 60, 3, 1, 1, 0, 2, 14, 1, 12},
        {6, 6, 2, 2, 1, 0, 3, 5, 1, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct geometry_shape shape;
        geometry_forward(
            &shape, cases[i].h, cases[i].w, cases[i].r, cases[i].s, cases[i].stride, cases[i].pad);
        check(&shape, cases[i].n, cases[i].c, cases[i].from, cases[i].slice);
    }
    /* A phase of a data gradient, which does not begin at the border. */
    check(&(struct geometry_shape){6, 6, 5, 5, 2, 2, 1, -1, -1}, 4, 8, 0, 8);
    return tap_done();
}
