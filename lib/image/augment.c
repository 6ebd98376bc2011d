/* augment -- the recipe: how a picture becomes a view.
 * SPDX-License-Identifier: MIT */
#include "lib/image/augment.h"

#include "lib/base/cpu.h"
#include "lib/base/rng.h"
#include "lib/image/color.h"
#include "lib/image/flip.h"

#include <string.h>

enum { CHANNELS = 3, SMALL = 32 /* pixels; CIFAR's recipe up to here */ };

/* ---- the recipe ----------------------------------------------------------------------------- */

void augment_strength(struct augment *recipe, double strength)
{
    recipe->brightness = recipe->contrast = recipe->saturation = 0.8 * strength;
    recipe->hue = 0.2 * strength;
}

struct augment augment_recipe(int size)
{
    const bool small = size <= SMALL;
    struct augment recipe = {
        .size = size,
        .share = small ? 1 : 0.875,
        .crop = 1,
        .range = {0.08, 1, 3.0 / 4, 4.0 / 3, 0.1},
        .flip = 0.5,
        .jitter = 0.8,
        .grey = 0.2,
        .blur = small ? 0 : 0.5,
        .sigma_min = 0.1,
        .sigma_max = 2,
    };
    augment_strength(&recipe, small ? 0.5 : 1);
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

static bool happens(const struct key *key, const char *name, double probability)
{
    struct rng rng = sequence(key, name);
    return rng_uniform(&rng) < probability;
}

/* A factor around 1; the library of the reference allows none below 0. */
static float factor(const struct key *key, const char *name, double strength)
{
    struct rng rng = sequence(key, name);
    return (float)rng_range(&rng, strength < 1 ? 1 - strength : 0, 1 + strength);
}

static void draw_jitter(
    struct augment_draw *draw, const struct augment *recipe, const struct key *key)
{
    struct rng order = sequence(key, "order"), hue = sequence(key, "hue");
    for (int i = 0; i < AUGMENT_COLORS; i++) { /* Fisher and Yates, from the inside out */
        const int64_t j = rng_below(&order, i + 1);
        draw->order[i] = draw->order[j];
        draw->order[j] = (enum augment_color)i;
    }
    draw->amount[AUGMENT_BRIGHTNESS] = factor(key, "brightness", recipe->brightness);
    draw->amount[AUGMENT_CONTRAST] = factor(key, "contrast", recipe->contrast);
    draw->amount[AUGMENT_SATURATION] = factor(key, "saturation", recipe->saturation);
    draw->amount[AUGMENT_HUE] = (float)rng_range(&hue, -recipe->hue, recipe->hue);
}

struct augment_draw augment_draw(const struct augment *recipe, int64_t seed, int64_t epoch,
    int64_t id, int64_t view, int h, int w)
{
    const struct key key = {seed, epoch, id, view};
    struct augment_draw draw = {.crop = {0, 0, w, h}};
    if (recipe->central) {
        draw.crop = crop_central(h, w, recipe->share);
        return draw;
    }
    struct rng crop = sequence(&key, "crop"), blur = sequence(&key, "blur");
    if (rng_uniform(&crop) < recipe->crop)
        draw.crop = crop_random(&crop, &recipe->range, h, w);
    draw.flip = happens(&key, "flip", recipe->flip);
    draw.jitter = happens(&key, "jitter", recipe->jitter);
    if (draw.jitter)
        draw_jitter(&draw, recipe, &key);
    draw.grey = happens(&key, "grey", recipe->grey);
    if (rng_uniform(&blur) < recipe->blur)
        draw.sigma = rng_range(&blur, recipe->sigma_min, recipe->sigma_max);
    return draw;
}

/* ---- views ---------------------------------------------------------------------------------- */

void augment_layout(struct augment_scratch *scratch, struct arena *arena, int size)
{
    resize_layout(&scratch->resize, arena, size, size);
    blur_layout(&scratch->blur, arena, size);
    scratch->planes = arena_take(arena, CHANNELS * (size_t)size, (size_t)size * sizeof(float));
}

/* Each operation clips; one that is switched off leaves the clip to be done. */
static void jitter(
    float *rgb, size_t n, const struct augment *recipe, const struct augment_draw *draw)
{
    const double strength[AUGMENT_COLORS] = {
        [AUGMENT_BRIGHTNESS] = recipe->brightness,
        [AUGMENT_CONTRAST] = recipe->contrast,
        [AUGMENT_SATURATION] = recipe->saturation,
        [AUGMENT_HUE] = recipe->hue,
    };
    static void (*const operation[AUGMENT_COLORS])(float *, size_t, float) = {
        [AUGMENT_BRIGHTNESS] = color_brightness,
        [AUGMENT_CONTRAST] = color_contrast,
        [AUGMENT_SATURATION] = color_saturation,
        [AUGMENT_HUE] = color_hue,
    };
    for (int i = 0; i < AUGMENT_COLORS; i++) {
        const enum augment_color color = draw->order[i];
        if (strength[color] > 0)
            operation[color](rgb, n, draw->amount[color]);
        else
            color_clip(rgb, n);
    }
}

void augment_planes(const struct augment *recipe, const struct augment_draw *draw,
    const struct picture *in, const struct augment_scratch *scratch)
{
    const int size = recipe->size, channels = in->channels;
    const size_t n = (size_t)size * (size_t)size;
    float *const rgb = scratch->planes;
    resize_bicubic(rgb, in, draw->crop, size, size, 1.0f / 255, &scratch->resize);
    if (draw->flip)
        flip_horizontal(rgb, channels, size, size);
    for (int c = channels; c < CHANNELS; c++)
        memcpy(rgb + (size_t)c * n, rgb, n * sizeof *rgb);
    if (draw->jitter)
        jitter(rgb, n, recipe, draw);
    if (draw->grey)
        color_grey(rgb, n);
    color_clip(rgb, n);
    if (draw->sigma > 0) {
        blur_gaussian(rgb, CHANNELS, size, draw->sigma, &scratch->blur);
        color_clip(rgb, n);
    }
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
