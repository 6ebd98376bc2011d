/* patch -- maps cut into strips of a few hundred outputs, and what a strip reads, with its zeros.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/patch.h"

#include <stdlib.h>
#include <string.h>

/* Outputs of a strip: 16 columns of so many take 20 KB, which leaves room in a first-level cache of
 * 32 KB for what they are multiplied with, and a patch of 128 channels fits the second level. */
enum { OUTPUTS = 320 };

int patch_init(struct patch *patch, const struct geometry_shape *p, struct err *err)
{
    *patch = (struct patch){.shape = *p, .pictures = 1, .rows = p->y};
    if (p->y * p->x <= OUTPUTS) {
        patch->pictures = OUTPUTS / (p->y * p->x);
    } else { /* rows as evenly as they go */
        const int most = p->x < OUTPUTS ? OUTPUTS / p->x : 1, strips = (p->y + most - 1) / most;
        patch->rows = (p->y + strips - 1) / strips;
    }
    patch->height = (patch->rows - 1) * p->stride + p->r;
    patch->width = (p->x - 1) * p->stride + p->s;
    patch->at = malloc((size_t)patch_outputs(patch) * sizeof *patch->at);
    if (patch->at == NULL)
        return err_memory(err, "convolutions");
    int32_t *at = patch->at;
    for (int i = 0; i < patch->pictures; i++)
        for (int y = 0; y < patch->rows; y++)
            for (int x = 0; x < p->x; x++)
                *at++ = (i * patch->height + y * p->stride) * patch->width + x * p->stride;
    return 0;
}

void patch_free(struct patch *patch)
{
    free(patch->at);
    patch->at = NULL;
}

int patch_outputs(const struct patch *patch)
{
    return patch->pictures * patch->rows * patch->shape.x;
}

int patch_pixels(const struct patch *patch)
{
    return patch->pictures * patch->height * patch->width;
}

/* Strips of a picture, where it has several. */
static int cuts(const struct patch *patch)
{
    return (patch->shape.y + patch->rows - 1) / patch->rows;
}

int patch_strips(const struct patch *patch, int n)
{
    return (n + patch->pictures - 1) / patch->pictures * cuts(patch);
}

struct patch_strip patch_strip(const struct patch *patch, int n, int i)
{
    const int each = cuts(patch);
    struct patch_strip strip = {.picture = i / each * patch->pictures,
        .pictures = patch->pictures,
        .row = i % each * patch->rows,
        .rows = patch->rows};
    if (strip.pictures > n - strip.picture)
        strip.pictures = n - strip.picture;
    if (strip.rows > patch->shape.y - strip.row)
        strip.rows = patch->shape.y - strip.row;
    strip.outputs = strip.pictures * strip.rows * patch->shape.x;
    return strip;
}

static inline void copy(float *restrict out, const float *restrict in, int n, int c, int slice)
{
    for (int i = 0; i < n; i++, out += slice, in += c)
        memcpy(out, in, (size_t)slice * sizeof *out);
}

/* Slices of six, moved as eight: the next pixel writes over the two that are too many, and the last
 * one, which has no next, is moved as six. */
static void copy_sixes(float *restrict out, const float *restrict in, int n, int c)
{
    for (int i = 0; i < n - 1; i++, out += 6, in += c)
        memcpy(out, in, 8 * sizeof *out);
    memcpy(out, in, 6 * sizeof *out);
}

/* n > 0 pixels of `slice` of c channels; the compiler knows the slices that kernels ask for. */
static void copy_pixels(float *restrict out, const float *restrict in, int n, int c, int slice)
{
    if (slice == c)
        memcpy(out, in, (size_t)n * (size_t)c * sizeof *out);
    else if (slice == 6)
        copy_sixes(out, in, n, c);
    else if (slice == 4)
        copy(out, in, n, c, 4);
    else if (slice == 12)
        copy(out, in, n, c, 12);
    else
        copy(out, in, n, c, slice);
}

static void zero(float *out, int pixels, int slice)
{
    if (pixels > 0)
        memset(out, 0, (size_t)pixels * (size_t)slice * sizeof *out);
}

void patch_copy(float *restrict out, const float *restrict maps, const struct patch *patch,
    const struct patch_strip *strip, int c, int from, int slice)
{
    const struct geometry_shape *const p = &patch->shape;
    const int height = (strip->rows - 1) * p->stride + p->r, width = patch->width;
    int first = p->left > 0 ? p->left : 0, last = p->w + p->left; /* columns from the map */
    last = last > width ? width : last;
    first = first > last ? last : first;
    for (int i = 0; i < strip->pictures; i++)
        for (int y = 0; y < height; y++) {
            float *const row = out + (size_t)(i * patch->height + y) * (size_t)(width * slice);
            const int h = strip->row * p->stride + y - p->top;
            const size_t picture = (size_t)(strip->picture + i) * (size_t)p->h;
            if (h < 0 || h >= p->h || first >= last) {
                zero(row, width, slice);
                continue;
            }
            const float *const in =
                maps +
                ((picture + (size_t)h) * (size_t)p->w + (size_t)(first - p->left)) * (size_t)c +
                from;
            zero(row, first, slice);
            copy_pixels(row + first * slice, in, last - first, c, slice);
            zero(row + last * slice, width - last, slice);
        }
}
