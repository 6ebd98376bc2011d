/* augment -- whole views against values computed in double, and against those of peers.
 * SPDX-License-Identifier: MIT */
#include "lib/image/augment.h"

#include "lib/image/color.h"
#include "lib/image/cutout.h"
#include "lib/image/equalise.h"
#include "lib/image/flip.h"
#include "lib/image/grain.h"
#include "lib/image/solarise.h"
#include "tests/unit/golden.h"

#include <stdbool.h>

enum { SIZE = 24 };

static struct arena arena;
static struct augment_scratch scratch;

static void make_scratch(int size)
{
    struct err err = {0};
    augment_layout(&scratch, &arena, size);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    augment_layout(&scratch, &arena, size);
}

/* The first channel of a picture, or all of it. */
static unsigned char *channels_of(const unsigned char *picture, size_t pixels, int channels)
{
    unsigned char *const out = malloc(3 * pixels);
    for (size_t i = 0; i < pixels; i++)
        memcpy(out + i * (size_t)channels, picture + 3 * i, (size_t)channels);
    return out;
}

static void test_view(const unsigned char *picture, const int64_t *size, int i)
{
    char name[40];
    struct augment recipe = augment_recipe(64);
    recipe.size = SIZE;
    snprintf(name, sizeof name, "draw.%d", i);
    double *const d = golden_get(name, DTYPE_F64, 1, NULL);
    const struct augment_draw draw = {.crop = {(int)d[0], (int)d[1], (int)d[2], (int)d[3]},
        .does = {[AUGMENT_CROP] = true,
            [AUGMENT_FLIP] = d[4] != 0,
            [AUGMENT_JITTER] = d[5] != 0,
            [AUGMENT_GREY] = d[14] != 0,
            [AUGMENT_BLUR] = d[15] > 0},
        .order = {(enum augment_color)d[6], (enum augment_color)d[7], (enum augment_color)d[8],
            (enum augment_color)d[9]},
        .amount = {(float)d[10], (float)d[11], (float)d[12], (float)d[13]},
        .sigma = d[15]};
    const int channels = (int)d[16];
    snprintf(name, sizeof name, "view.%d", i);
    double *const wanted = golden_get(name, DTYPE_F64, 3, NULL);
    unsigned char *const in = channels_of(picture, (size_t)(size[0] * size[1]), channels);
    unsigned char out[SIZE * SIZE][3];
    const struct picture whole = {(int)size[0], (int)size[1], channels, in, 0, 0, 1};
    augment_planes(&recipe, &draw, &whole, &scratch);
    const double error = tap_error(scratch.planes, wanted, sizeof out);
    OK(error < 1e-6, "view %d: error %.1e", i, error);

    augment_view(&out[0][0], &recipe, &draw, &whole, &scratch);
    bool rounded = true;
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < SIZE * SIZE; p++)
            rounded &= fabs(out[p][c] - 255 * wanted[c * SIZE * SIZE + p]) < 0.5 + 1e-4;
    OK(rounded, "view %d: bytes are the nearest ones, channels side by side", i);
    free(d);
    free(wanted);
    free(in);
}

/* ---- whole recipes against TensorFlow and torchvision ----------------------------------------- */

static struct augment_draw read_draw(const char *name, int *channels)
{
    double *const d = golden_get(name, DTYPE_F64, 1, NULL);
    struct augment_draw draw = {.crop = {(int)d[0], (int)d[1], (int)d[2], (int)d[3]},
        .does = {[AUGMENT_CROP] = true,
            [AUGMENT_FLIP] = d[4] != 0,
            [AUGMENT_VFLIP] = d[5] != 0,
            [AUGMENT_JITTER] = d[6] != 0,
            [AUGMENT_GREY] = d[15] != 0,
            [AUGMENT_BLUR] = d[16] > 0,
            [AUGMENT_SOLARISE] = d[17] != 0,
            [AUGMENT_EQUALISE] = d[18] != 0},
        .sigma = d[16]};
    for (int i = 0; i < AUGMENT_COLORS; i++) {
        draw.order[i] = (enum augment_color)d[7 + i];
        draw.amount[i] = (float)d[11 + i];
    }
    *channels = (int)d[19];
    free(d);
    return draw;
}

/* Bytes of whole views: how far the mean and the worst of them are off. */
static void test_peer(const char *recipe, const char *prefix, int views, double mean, int most)
{
    enum { SIDE = 40, SAMPLES = SIDE * SIDE * 3 };
    static unsigned char out[SAMPLES];
    int64_t size[3];
    struct augment augment;
    OK(augment_named(&augment, recipe, SIDE), "recipe %s", recipe);
    unsigned char *const picture = golden_get("picture", DTYPE_U8, 3, size);
    for (int i = 0; i < views; i++) {
        char name[40];
        int channels, worst = 0;
        double sum = 0;
        snprintf(name, sizeof name, "%s.%d.draw", prefix, i);
        const struct augment_draw draw = read_draw(name, &channels);
        snprintf(name, sizeof name, "%s.%d.view", prefix, i);
        unsigned char *const wanted = golden_get(name, DTYPE_U8, 3, NULL);
        unsigned char *const in = channels_of(picture, (size_t)(size[0] * size[1]), channels);
        const struct picture whole = {(int)size[0], (int)size[1], channels, in, 0, 0, 1};
        augment_view(out, &augment, &draw, &whole, &scratch);
        for (int j = 0; j < SAMPLES; j++) {
            sum += abs(out[j] - wanted[j]);
            worst = abs(out[j] - wanted[j]) > worst ? abs(out[j] - wanted[j]) : worst;
        }
        OK(sum / SAMPLES <= mean && worst <= most,
            "%s, view %d: bytes are off by %.4f in the mean, at most by %d", recipe, i,
            sum / SAMPLES, worst);
        free(in);
        free(wanted);
    }
    free(picture);
}

/* The same size, nothing drawn: the picture itself. */
static void test_identity(void)
{
    struct augment recipe = augment_recipe(16);
    memset(recipe.chance, 0, sizeof recipe.chance);
    unsigned char in[16][16][3], out[16][16][3];
    for (int i = 0; i < 16 * 16 * 3; i++)
        in[i / 48][i / 3 % 16][i % 3] = (unsigned char)(i % 256);
    const struct picture p = {16, 16, 3, &in[0][0][0], 0, 0, 1};
    const struct augment_draw draw = augment_draw(&recipe, 1, 2, 3, 0, 16, 16);
    augment_view(&out[0][0][0], &recipe, &draw, &p, &scratch);
    OK(memcmp(in, out, sizeof in) == 0, "everything switched off: the same bytes");

    recipe.chance[AUGMENT_JITTER] = 1;
    augment_strength(&recipe, 0);
    const struct augment_draw idle = augment_draw(&recipe, 1, 2, 3, 0, 16, 16);
    augment_view(&out[0][0][0], &recipe, &idle, &p, &scratch);
    OK(memcmp(in, out, sizeof in) == 0, "a jitter of strength 0: the same bytes");
}

/* ---- the operations, one after another -------------------------------------------------------- */

/* Everything at once is what the operations make one by one, in the order of augment.h. */
static void test_order(const unsigned char *picture, const int64_t *size)
{
    const size_t n = (size_t)SIZE * SIZE;
    const struct picture in = {(int)size[0], (int)size[1], 3, (unsigned char *)picture, 0, 0, 1};
    static float wanted[3 * SIZE * SIZE];
    struct augment recipe = augment_recipe(SIZE);
    recipe.threshold = 99.5;
    recipe.filling = 0.25;
    struct augment_draw draw = {.crop = {3, 5, 37, 30},
        .degrees = 25,
        .order = {AUGMENT_HUE, AUGMENT_BRIGHTNESS, AUGMENT_SATURATION, AUGMENT_CONTRAST},
        .amount = {1.2f, 0.7f, 1.4f, 0.1f},
        .sigma = 1.5,
        .deviation = 0.05,
        .grain = rng_key(1, 2, 3, 4, "grain"),
        .hole = {2, 9, 8, 6}};
    for (int i = 0; i < AUGMENT_OPERATIONS; i++)
        draw.does[i] = true;
    resize_bicubic(wanted, &in, draw.crop, SIZE, SIZE, 1.0f / 255, &scratch.resize);
    flip_horizontal(wanted, 3, SIZE, SIZE);
    flip_vertical(wanted, 3, SIZE, SIZE);
    rotate_planes(wanted, 3, SIZE, SIZE, 25, &scratch.rotate);
    color_hue(wanted, n, 0.1f);
    color_brightness(wanted, n, 1.2f);
    color_saturation(wanted, n, 1.4f);
    color_contrast(wanted, n, 0.7f);
    color_grey(wanted, n);
    color_clip(wanted, n);
    blur_gaussian(wanted, 3, SIZE, 1.5, &scratch.blur);
    color_clip(wanted, n);
    solarise_invert(wanted, 3 * n, 100);
    equalise_planes(wanted, 3, n);
    sobel_edges(wanted, 3, SIZE, SIZE, &scratch.sobel);
    grain_add(wanted, 3 * n, 0.05f, &draw.grain);
    cutout_fill(wanted, 3, SIZE, SIZE, draw.hole, 0.25f);
    augment_planes(&recipe, &draw, &in, &scratch);
    OK(memcmp(wanted, scratch.planes, sizeof wanted) == 0,
        "all operations at once are the operations one by one");
    bool good = true;
    for (size_t i = 0; i < 3 * n; i++)
        good &= scratch.planes[i] >= 0 && scratch.planes[i] <= 1;
    OK(good, "and stay in [0,1]");
}

/* ---- recipes ---------------------------------------------------------------------------------- */

static void test_recipe(void)
{
    const struct augment small = augment_recipe(32), large = augment_recipe(33);
    NEAR(small.strength[AUGMENT_BRIGHTNESS], 0.4, 1e-12, "up to 32 pixels: brightness 0.4");
    NEAR(small.strength[AUGMENT_HUE], 0.1, 1e-12, "hue 0.1");
    OK(small.chance[AUGMENT_BLUR] == 0 && small.share == 1, "no blur, no central crop");
    NEAR(large.strength[AUGMENT_CONTRAST], 0.8, 1e-12, "above: contrast 0.8");
    OK(large.chance[AUGMENT_BLUR] == 0.5 && large.share == 0.875, "blur, and a central 7/8");
    struct augment eval = large;
    eval.central = true;
    const struct augment_draw d = augment_draw(&eval, 1, 1, 1, 0, 97, 120);
    OK(d.crop.w == 85 && d.crop.y == 6 && d.crop.x == 18 && !d.does[AUGMENT_FLIP] &&
            !d.does[AUGMENT_JITTER] && !d.does[AUGMENT_GREY] && d.sigma == 0,
        "the test-time recipe draws nothing");

    struct augment named;
    OK(!augment_named(&named, "simclr-v3", 32) && !augment_named(&named, "", 32),
        "what is no recipe is none");
    OK(augment_named(&named, "eval", 96) && named.central, "eval is the test-time recipe");
    OK(augment_named(&named, "none", 96) && !named.central && named.strength[AUGMENT_HUE] == 0.2,
        "none is not, and has strengths");
    bool off = true;
    for (int i = 0; i < AUGMENT_OPERATIONS; i++)
        off &= named.chance[i] == 0;
    OK(off, "but no operation");
}

int main(void)
{
    int64_t size[3];
    golden_open("tests/golden/augment.safetensors");
    make_scratch(SIZE);
    unsigned char *const picture = golden_get("picture", DTYPE_U8, 3, size);
    for (int i = 0; i < 5; i++)
        test_view(picture, size, i);
    test_order(picture, size);
    test_identity();
    test_recipe();
    free(picture);
    safetensors_free(&golden);

    golden_open("tests/golden/recipes.safetensors");
    arena_free(&arena);
    make_scratch(40);
    test_peer("simclr-v1", "v1", 4, 0.01, 1);
    test_peer("torchvision", "torchvision", 6, 0, 0);
    arena_free(&arena);
    safetensors_free(&golden);
    return tap_done();
}
