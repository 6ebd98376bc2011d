/* quad -- f32 convolution with 3x3 filters, stride 1 and pad 1, in tiles of 2x2 outputs.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/quad.h"

#include "lib/nn/winograd.h"

#include <stdlib.h>

/* Tiles of a strip, where the channels are few and where they are many: then more tiles share what
 * it costs to fetch the weights, which no second-level cache holds. Multiples of 6 and 12. */
enum { TILES = 48, TILES_WIDE = 96, WIDE = 128 };

/* With fewer channels the transforms cost more than they save (measured: 16 lose 20 %, 32 gain 25). */
enum { LEAST = 32 };

enum { SLICE = 256 };  /* channels that are multiplied in one go */
enum { GROUP = 64 };   /* filters whose products wait for their transform at a time */
enum { SHARE = 128 };  /* filters of a task */
enum { SKEW = PANEL }; /* floats between places, lest all lie in the same sets of the caches */

struct quad {
    const struct panel_kernels *kernels;
    bool data;
    int h, w, ic, oc;
    int tiles; /* of a strip */
    int slice;
    float *weight; /* [slice][place][panel][channels of the slice][16]; owned */
    float *zeros;  /* [ic]; owned */
    int32_t *at;   /* [tiles]: their places in the products; owned */
};

bool quad_serves(const struct conv2d_shape *p)
{
    return p->r == 3 && p->s == 3 && p->stride == 1 && p->pad == 1 && p->c >= LEAST &&
           p->k >= LEAST && p->c % PANEL == 0 && p->k % PANEL == 0;
}

/* ---- making --------------------------------------------------------------------------------- */

static int group_width(const struct quad *quad)
{
    return quad->oc < GROUP ? quad->oc : GROUP;
}

struct quad *quad_new(
    const struct conv2d_shape *p, bool data, const struct panel_kernels *kernels, struct err *err)
{
    struct quad *quad = calloc(1, sizeof *quad);
    if (quad == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    *quad = (struct quad){.kernels = kernels, .data = data, .h = p->h, .w = p->w};
    quad->ic = data ? p->k : p->c;
    quad->oc = data ? p->c : p->k;
    quad->tiles = quad->ic > WIDE ? TILES_WIDE : TILES;
    const int slices = (quad->ic + SLICE - 1) / SLICE;
    quad->slice = (quad->ic / PANEL + slices - 1) / slices * PANEL;
    const size_t floats = (size_t)quad->ic * (size_t)quad->oc * WINOGRAD_PLACES;
    void *weight = NULL;
    if (posix_memalign(&weight, 64, floats * sizeof *quad->weight) == 0)
        quad->weight = weight;
    quad->zeros = calloc((size_t)quad->ic, sizeof *quad->zeros);
    quad->at = malloc((size_t)quad->tiles * sizeof *quad->at);
    if (quad->weight == NULL || quad->zeros == NULL || quad->at == NULL) {
        err_memory(err, "convolutions");
        quad_free(quad);
        return NULL;
    }
    for (int t = 0; t < quad->tiles; t++)
        quad->at[t] = t * group_width(quad);
    return quad;
}

void quad_free(struct quad *quad)
{
    if (quad == NULL)
        return;
    free(quad->weight);
    free(quad->zeros);
    free(quad->at);
    free(quad);
}

/* Floats between the places of a transformed tile: of a slice, and of products. */
static size_t slice_step(const struct quad *quad)
{
    return (size_t)(quad->tiles * quad->slice + SKEW);
}

static size_t group_step(const struct quad *quad)
{
    return (size_t)(quad->tiles * group_width(quad) + SKEW);
}

static int slices(const struct quad *quad)
{
    return (quad->ic + quad->slice - 1) / quad->slice;
}

size_t quad_scratch(const struct quad *quad)
{
    return WINOGRAD_PLACES * ((size_t)slices(quad) * slice_step(quad) + group_step(quad));
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Where the transformed weight of a slice, place and panel begins. */
static float *weight_of(const struct quad *quad, int from, int width, int place, int panel)
{
    const int panels = quad->oc / PANEL;
    const size_t slice = (size_t)from * WINOGRAD_PLACES * (size_t)quad->oc;
    return quad->weight + slice + (size_t)(place * panels + panel) * (size_t)(width * PANEL);
}

void quad_refresh(struct quad *quad, const float *weight)
{
    const size_t taps = 9, c = (size_t)(quad->data ? quad->oc : quad->ic);
    for (int from = 0; from < quad->ic; from += quad->slice) {
        const int width = quad->ic - from < quad->slice ? quad->ic - from : quad->slice;
        const size_t step =
            (size_t)(weight_of(quad, from, width, 1, 0) - weight_of(quad, from, width, 0, 0));
        for (int panel = 0; panel < quad->oc / PANEL; panel++)
            for (int i = 0; i < width; i++) {
                const size_t in = (size_t)(from + i), out = (size_t)(panel * PANEL);
                const size_t kc = quad->data ? in * c + out : out * c + in;
                winograd_filter(weight_of(quad, from, width, 0, panel) + i * PANEL, step,
                    weight + kc * taps, quad->data ? taps : c * taps, quad->data);
            }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

struct pass {
    const struct quad *quad;
    float *out;
    const float *in;
    int n, shares;
    float *scratch;
    size_t room;
};

struct tile {
    size_t picture; /* its first pixel */
    int y, x;       /* first output */
};

static int tiles_across(const struct quad *quad)
{
    return (quad->w + 1) / 2;
}

static int tiles_of(const struct quad *quad)
{
    return (quad->h + 1) / 2 * tiles_across(quad);
}

static struct tile tile_of(const struct quad *quad, size_t number)
{
    const size_t each = (size_t)tiles_of(quad);
    const int rest = (int)(number % each), across = tiles_across(quad);
    return (struct tile){
        number / each * (size_t)(quad->h * quad->w), rest / across * 2, rest % across * 2};
}

/* The transformed pixels of tiles first .. first+count-1: [slice][place][tile][channel]. */
static void transform_in(const struct pass *pass, float *out, size_t first, int count)
{
    const struct quad *const quad = pass->quad;
    for (int t = 0; t < count; t++) {
        const struct tile tile = tile_of(quad, first + (size_t)t);
        const float *pixel[WINOGRAD_PLACES];
        for (int from = 0, i = 0; from < quad->ic; from += quad->slice, i++) {
            const int width = quad->ic - from < quad->slice ? quad->ic - from : quad->slice;
            for (int j = 0; j < WINOGRAD_PLACES; j++) {
                const int y = tile.y - 1 + j / 4, x = tile.x - 1 + j % 4;
                const bool inside = y >= 0 && y < quad->h && x >= 0 && x < quad->w;
                pixel[j] = !inside
                               ? quad->zeros
                               : pass->in + from +
                                     (tile.picture + (size_t)(y * quad->w + x)) * (size_t)quad->ic;
            }
            winograd_input(
                out + (size_t)i * WINOGRAD_PLACES * slice_step(quad) + (size_t)(t * width),
                slice_step(quad), pixel, width);
        }
    }
}

/* `width` filters from `filter` on, of products [place][tile][width], to the output map. */
static void transform_out(
    const struct pass *pass, const float *products, size_t first, int count, int filter, int width)
{
    const struct quad *const quad = pass->quad;
    const int pitch = group_width(quad);
    for (int t = 0; t < count; t++) {
        const struct tile tile = tile_of(quad, first + (size_t)t);
        float *pixel[WINOGRAD_PIXELS];
        for (int j = 0; j < WINOGRAD_PIXELS; j++) {
            const int y = tile.y + j / 2, x = tile.x + j % 2;
            const size_t at = tile.picture + (size_t)(y * quad->w + x);
            pixel[j] =
                y < quad->h && x < quad->w ? pass->out + at * (size_t)quad->oc + filter : NULL;
        }
        winograd_output(pixel, products + t * pitch, group_step(quad), width);
    }
}

static void strip_work(void *context, int task, int thread)
{
    const struct pass *const pass = context;
    const struct quad *const quad = pass->quad;
    const size_t all = (size_t)pass->n * (size_t)tiles_of(quad);
    const size_t first = (size_t)(task / pass->shares) * (size_t)quad->tiles;
    const int count = all - first < (size_t)quad->tiles ? (int)(all - first) : quad->tiles;
    const int begin = task % pass->shares * SHARE;
    const int end = quad->oc - begin < SHARE ? quad->oc : begin + SHARE;
    float *const in = pass->scratch + (size_t)thread * pass->room;
    float *const products = in + (size_t)slices(quad) * WINOGRAD_PLACES * slice_step(quad);
    int32_t in_at[TILES_WIDE];
    transform_in(pass, in, first, count);
    for (int group = begin; group < end; group += GROUP) {
        const int width = end - group < GROUP ? end - group : GROUP;
        for (int from = 0, i = 0; from < quad->ic; from += quad->slice, i++) {
            const int channels = quad->ic - from < quad->slice ? quad->ic - from : quad->slice;
            for (int t = 0; t < count; t++)
                in_at[t] = t * channels;
            for (int place = 0; place < WINOGRAD_PLACES; place++)
                for (int k = 0; k < width; k += PANEL)
                    quad->kernels->rows(products + (size_t)place * group_step(quad) + k, quad->at,
                        in + (size_t)(i * WINOGRAD_PLACES + place) * slice_step(quad), in_at, count,
                        0, 1, channels, weight_of(quad, from, channels, place, (group + k) / PANEL),
                        i > 0);
        }
        transform_out(pass, products, first, count, group, width);
    }
}

void quad_run(const struct quad *quad, struct parallel *parallel, float *out, const float *in,
    int n, float *scratch, size_t room)
{
    const size_t tiles = (size_t)n * (size_t)tiles_of(quad);
    const int strips = (int)((tiles + (size_t)quad->tiles - 1) / (size_t)quad->tiles);
    const int shares = (quad->oc + SHARE - 1) / SHARE;
    struct pass pass = {quad, out, in, n, shares, scratch, room};
    parallel_run(parallel, strips * shares, strip_work, &pass);
}
