/* augment -- the recipe: how a picture becomes a view.
 * SPDX-License-Identifier: MIT */
#include "lib/image/augment.h"

#include "lib/base/cpu.h"
#include "lib/base/rng.h"
#include "lib/image/bytecolor.h"
#include "lib/image/color.h"
#include "lib/image/cutout.h"
#include "lib/image/equalise.h"
#include "lib/image/flip.h"
#include "lib/image/grain.h"
#include "lib/image/planes.h"
#include "lib/image/solarise.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 3, SMALL = 32 /* pixels; CIFAR's recipe up to here */ };

static const char *const names[AUGMENT_OPERATIONS] = {
    [AUGMENT_CROP] = "crop",
    [AUGMENT_FLIP] = "flip",
    [AUGMENT_VFLIP] = "vflip",
    [AUGMENT_ROTATE] = "rotate",
    [AUGMENT_JITTER] = "jitter",
    [AUGMENT_GREY] = "grey",
    [AUGMENT_BLUR] = "blur",
    [AUGMENT_SOLARISE] = "solarise",
    [AUGMENT_EQUALISE] = "equalise",
    [AUGMENT_SOBEL] = "sobel",
    [AUGMENT_NOISE] = "noise",
    [AUGMENT_CUTOUT] = "cutout",
};

const char *augment_name(enum augment_operation operation)
{
    return names[operation];
}

/* ---- recipes -------------------------------------------------------------------------------- */

#define SIMCLR_CHANCES                                                                             \
    {                                                                                              \
        [AUGMENT_CROP] = 1, [AUGMENT_FLIP] = 0.5, [AUGMENT_JITTER] = 0.8, [AUGMENT_GREY] = 0.2,    \
        [AUGMENT_BLUR] = 0.5                                                                       \
    }

/* Where recipes differ; blur is that above SMALL. */
static const struct recipe {
    const char *name;
    enum augment_family family;
    bool central;
    double chance[AUGMENT_OPERATIONS];
} recipes[] = {
    {"simclr", AUGMENT_SIMCLR, false, SIMCLR_CHANCES},
    {"simclr-v1", AUGMENT_SIMCLR_V1, false, SIMCLR_CHANCES},
    {"torchvision", AUGMENT_TORCHVISION, false, SIMCLR_CHANCES},
    {"eval", AUGMENT_SIMCLR, true, {0}},
    {"none", AUGMENT_SIMCLR, false, {0}},
};

/* What they share. */
static const struct augment common = {
    .range = {0.08, 1, 3.0 / 4, 4.0 / 3, 0.1},
    .sigma_min = 0.1,
    .sigma_max = 2,
    .threshold = SOLARISE_LEVEL,
    .noise_min = 0.01,
    .noise_max = 0.1,
    .hole_min = 0.02,
    .hole_max = 0.33,
};

void augment_strength(struct augment *recipe, double strength)
{
    for (int i = 0; i < AUGMENT_COLORS; i++)
        recipe->strength[i] = (i == AUGMENT_HUE ? 0.2 : 0.8) * strength;
}

bool augment_named(struct augment *out, const char *name, int size)
{
    const bool small = size <= SMALL;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        if (strcmp(recipes[i].name, name) != 0)
            continue;
        *out = common;
        out->size = size;
        out->family = recipes[i].family;
        out->central = recipes[i].central;
        out->share = small ? 1 : 0.875;
        memcpy(out->chance, recipes[i].chance, sizeof out->chance);
        if (small)
            out->chance[AUGMENT_BLUR] = 0;
        augment_strength(out, small ? 0.5 : 1);
        return true;
    }
    return false;
}

struct augment augment_recipe(int size)
{
    struct augment recipe;
    augment_named(&recipe, recipes[0].name, size);
    return recipe;
}

/* ---- draws ---------------------------------------------------------------------------------- */

struct key {
    int64_t seed, epoch, id, view;
};

static struct rng sequence(const struct key *key, const char *name)
{
    return rng_key(key->seed, key->epoch, key->id, key->view, name);
}

/* Whether an operation is done to this view; its parameters are drawn from what is left of `rng`. */
static bool happens(struct augment_draw *draw, struct rng *rng, const struct augment *recipe,
    const struct key *key, enum augment_operation operation)
{
    if (recipe->chance[operation] <= 0 || (key->view > 0 && (recipe->first >> operation & 1)))
        return false;
    *rng = sequence(key, names[operation]);
    return draw->does[operation] = rng_uniform(rng) < recipe->chance[operation];
}

static const char *const color_names[AUGMENT_COLORS] = {
    [AUGMENT_BRIGHTNESS] = "brightness",
    [AUGMENT_CONTRAST] = "contrast",
    [AUGMENT_SATURATION] = "saturation",
    [AUGMENT_HUE] = "hue",
};

/* A factor around 1, never below 0; or what is added, around 0. */
static float draw_amount(
    const struct augment *recipe, const struct key *key, enum augment_color color)
{
    struct rng rng = sequence(key, color_names[color]);
    const double strength = recipe->strength[color];
    const bool added = color == AUGMENT_HUE ||
                       (color == AUGMENT_BRIGHTNESS && recipe->family == AUGMENT_SIMCLR_V1);
    if (added)
        return (float)rng_range(&rng, -strength, strength);
    return (float)rng_range(&rng, strength < 1 ? 1 - strength : 0, 1 + strength);
}

static void draw_jitter(
    struct augment_draw *draw, const struct augment *recipe, const struct key *key)
{
    struct rng order = sequence(key, "order");
    for (int i = 0; i < AUGMENT_COLORS; i++) { /* Fisher and Yates, from the inside out */
        const int64_t j = rng_below(&order, i + 1);
        draw->order[i] = draw->order[j];
        draw->order[j] = (enum augment_color)i;
        draw->amount[i] = draw_amount(recipe, key, (enum augment_color)i);
    }
}

struct augment_draw augment_draw(const struct augment *recipe, int64_t seed, int64_t epoch,
    int64_t id, int64_t view, int h, int w)
{
    const struct key key = {seed, epoch, id, view};
    struct augment_draw draw = {.crop = {0, 0, w, h}};
    struct rng rng;
    if (recipe->central) {
        draw.crop = crop_central(h, w, recipe->share);
        return draw;
    }
    if (happens(&draw, &rng, recipe, &key, AUGMENT_CROP))
        draw.crop = (recipe->family == AUGMENT_TORCHVISION ? crop_random_area : crop_random)(
            &rng, &recipe->range, h, w);
    happens(&draw, &rng, recipe, &key, AUGMENT_FLIP);
    happens(&draw, &rng, recipe, &key, AUGMENT_VFLIP);
    if (happens(&draw, &rng, recipe, &key, AUGMENT_ROTATE))
        draw.degrees = recipe->degrees > 0 ? rng_range(&rng, -recipe->degrees, recipe->degrees)
                                           : 90.0 * (double)(1 + rng_below(&rng, 3));
    if (happens(&draw, &rng, recipe, &key, AUGMENT_JITTER))
        draw_jitter(&draw, recipe, &key);
    happens(&draw, &rng, recipe, &key, AUGMENT_GREY);
    if (happens(&draw, &rng, recipe, &key, AUGMENT_BLUR))
        draw.sigma = rng_range(&rng, recipe->sigma_min, recipe->sigma_max);
    happens(&draw, &rng, recipe, &key, AUGMENT_SOLARISE);
    happens(&draw, &rng, recipe, &key, AUGMENT_EQUALISE);
    happens(&draw, &rng, recipe, &key, AUGMENT_SOBEL);
    if (happens(&draw, &rng, recipe, &key, AUGMENT_NOISE)) {
        draw.deviation = rng_range(&rng, recipe->noise_min, recipe->noise_max);
        draw.grain = sequence(&key, "grain");
    }
    if (happens(&draw, &rng, recipe, &key, AUGMENT_CUTOUT)) {
        const double area = rng_range(&rng, recipe->hole_min, recipe->hole_max);
        draw.hole = cutout_place(&rng, area, recipe->size, recipe->size);
    }
    return draw;
}

/* ---- views ---------------------------------------------------------------------------------- */

/* Taps of torchvision's blur, as users of it choose them: a tenth of the size, made odd. */
static int blur_taps(int size)
{
    return size / 10 | 1;
}

void augment_layout(struct augment_scratch *scratch, struct arena *arena, int size)
{
    const size_t side = (size_t)size;
    resize_layout(&scratch->resize, arena, size, size);
    resample_layout(&scratch->resample, arena, size, size);
    rotate_layout(&scratch->rotate, arena, size, size);
    blur_layout(&scratch->blur, arena, size);
    gauss_layout(&scratch->gauss, arena, size, size, blur_taps(size));
    sobel_layout(&scratch->sobel, arena, size);
    scratch->planes = arena_take(arena, CHANNELS * side, side * sizeof *scratch->planes);
    scratch->bytes = arena_take(arena, CHANNELS * side, side);
}

/* The crop at its new size, mirrored and turned, in three channels. */
static void shape(const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch)
{
    const int size = recipe->size, channels = in->channels;
    const size_t n = (size_t)size * (size_t)size;
    float *const rgb = scratch->planes;
    if (recipe->family == AUGMENT_TORCHVISION) {
        resample_bytes(
            scratch->bytes, in, draw->crop, size, size, RESAMPLE_BILINEAR, &scratch->resample);
        planes_from_bytes(rgb, scratch->bytes, (size_t)channels * n);
    } else {
        resize_bicubic(rgb, in, draw->crop, size, size, 1.0f / 255, &scratch->resize);
    }
    if (draw->does[AUGMENT_FLIP])
        flip_horizontal(rgb, channels, size, size);
    if (draw->does[AUGMENT_VFLIP])
        flip_vertical(rgb, channels, size, size);
    if (draw->does[AUGMENT_ROTATE])
        rotate_planes(rgb, channels, size, size, draw->degrees, &scratch->rotate);
    for (int c = channels; c < CHANNELS; c++)
        memcpy(rgb + (size_t)c * n, rgb, n * sizeof *rgb);
}

/* The four operations of the jitter, on planes of float and on planes of bytes. */
static void jitter(
    float *rgb, size_t n, const struct augment *recipe, const struct augment_draw *draw)
{
    const bool first_version = recipe->family == AUGMENT_SIMCLR_V1;
    for (int i = 0; i < AUGMENT_COLORS; i++) {
        const enum augment_color color = draw->order[i];
        const float amount = draw->amount[color];
        if (recipe->strength[color] <= 0)
            color_clip(rgb, n); /* which each of the operations does */
        else if (color == AUGMENT_BRIGHTNESS)
            (first_version ? color_add : color_brightness)(rgb, n, amount);
        else if (color == AUGMENT_CONTRAST)
            color_contrast(rgb, n, amount);
        else if (color == AUGMENT_SATURATION)
            color_saturation(rgb, n, amount);
        else
            color_hue(rgb, n, amount);
    }
}

static void jitter_bytes(
    unsigned char *rgb, size_t n, const struct augment *recipe, const struct augment_draw *draw)
{
    for (int i = 0; i < AUGMENT_COLORS; i++) {
        const enum augment_color color = draw->order[i];
        const float amount = draw->amount[color];
        if (recipe->strength[color] <= 0)
            continue;
        else if (color == AUGMENT_BRIGHTNESS)
            bytecolor_brightness(rgb, n, amount);
        else if (color == AUGMENT_CONTRAST)
            bytecolor_contrast(rgb, n, amount);
        else if (color == AUGMENT_SATURATION)
            bytecolor_saturation(rgb, n, amount);
        else
            bytecolor_hue(rgb, n, amount);
    }
}

static void colour(const struct augment *recipe, const struct augment_draw *draw,
    const struct augment_scratch *scratch)
{
    const size_t n = (size_t)recipe->size * (size_t)recipe->size;
    float *const rgb = scratch->planes;
    if (draw->does[AUGMENT_JITTER])
        jitter(rgb, n, recipe, draw);
    if (draw->does[AUGMENT_GREY])
        color_grey(rgb, n);
    if (!draw->does[AUGMENT_JITTER]) /* which has clipped, and grey leaves no range */
        color_clip(rgb, n);
    if (draw->does[AUGMENT_BLUR]) {
        blur_gaussian(rgb, CHANNELS, recipe->size, draw->sigma, &scratch->blur);
        color_clip(rgb, n);
    }
}

static void colour_bytes(const struct augment *recipe, const struct augment_draw *draw,
    const struct augment_scratch *scratch)
{
    const int size = recipe->size;
    const size_t n = (size_t)size * (size_t)size;
    unsigned char *const rgb = scratch->bytes;
    planes_to_bytes(rgb, scratch->planes, CHANNELS * n);
    if (draw->does[AUGMENT_JITTER])
        jitter_bytes(rgb, n, recipe, draw);
    if (draw->does[AUGMENT_GREY])
        bytecolor_grey(rgb, n);
    if (draw->does[AUGMENT_BLUR])
        gauss_blur(rgb, CHANNELS, size, size, blur_taps(size), draw->sigma, &scratch->gauss);
    planes_from_bytes(scratch->planes, rgb, CHANNELS * n);
}

/* What the recipes of SimCLR lack and figure 5 has: from [0,1] to [0,1]. */
static void disturb(const struct augment *recipe, const struct augment_draw *draw,
    const struct augment_scratch *scratch)
{
    const int size = recipe->size;
    const size_t n = (size_t)size * (size_t)size;
    float *const rgb = scratch->planes;
    if (draw->does[AUGMENT_SOLARISE])
        solarise_invert(rgb, CHANNELS * n, (int)ceil(recipe->threshold));
    if (draw->does[AUGMENT_EQUALISE])
        equalise_planes(rgb, CHANNELS, n);
    if (draw->does[AUGMENT_SOBEL] && size > 1)
        sobel_edges(rgb, CHANNELS, size, size, &scratch->sobel);
    if (draw->does[AUGMENT_NOISE])
        grain_add(rgb, CHANNELS * n, (float)draw->deviation, &draw->grain);
    if (draw->does[AUGMENT_CUTOUT])
        cutout_fill(rgb, CHANNELS, size, size, draw->hole, (float)recipe->filling);
}

void augment_planes(const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch)
{
    shape(recipe, draw, in, scratch);
    (recipe->family == AUGMENT_TORCHVISION ? colour_bytes : colour)(recipe, draw, scratch);
    disturb(recipe, draw, scratch);
}

CPU_CLONES static void interleave(unsigned char *restrict out, const float *restrict r,
    const float *restrict g, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[3 * i] = (unsigned char)(int)(255.0f * r[i] + 0.5f);
        out[3 * i + 1] = (unsigned char)(int)(255.0f * g[i] + 0.5f);
        out[3 * i + 2] = (unsigned char)(int)(255.0f * b[i] + 0.5f);
    }
}

void augment_view(unsigned char *out, const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch)
{
    const size_t n = (size_t)recipe->size * (size_t)recipe->size;
    augment_planes(recipe, draw, in, scratch);
    interleave(out, scratch->planes, scratch->planes + n, scratch->planes + 2 * n, n);
}
