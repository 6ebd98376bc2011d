/* twins -- the same bits from every build: loops as vectors, for the baseline, under a sanitizer.
 *
 * Most operations are plain loops that the compiler clones for several instruction sets (cpu.h). So
 * the twin that a loop is held against is itself, built with VARIANT=baseline or a sanitizer: the
 * digests below must come out there, too. Who means to change what a view is writes new ones.
 * SPDX-License-Identifier: MIT */
#include "lib/image/augment.h"

#include "tests/unit/digest.h"

enum { W = 150, H = 131, PART_X = 9, PART_Y = 7, VIEWS = 8 };

/* Operations as bits; ALL of them at once. */
#define ONE(operation) (1u << AUGMENT_##operation)
#define ALL            ((1u << AUGMENT_OPERATIONS) - 1)

static const struct twin {
    const char *what;
    enum augment_family family;
    unsigned operations;
    int size;
    double degrees; /* of rotations */
    uint64_t digest;
} twins[] = {
    {"crop", AUGMENT_SIMCLR, ONE(CROP), 45, 0, 0x1c25e62ef6a42a3f},
    {"flip", AUGMENT_SIMCLR, ONE(FLIP), 45, 0, 0xda6e6b33cac430ed},
    {"vertical flip", AUGMENT_SIMCLR, ONE(VFLIP), 45, 0, 0x96b7ea061506b96d},
    {"quarter turns", AUGMENT_SIMCLR, ONE(ROTATE), 45, 0, 0x8632620c8acc5df1},
    {"rotation", AUGMENT_SIMCLR, ONE(ROTATE), 45, 180, 0x5f02699901e63089},
    {"jitter", AUGMENT_SIMCLR, ONE(JITTER), 45, 0, 0x35be6c12759716db},
    {"grey", AUGMENT_SIMCLR, ONE(GREY), 45, 0, 0x4ec0d661e964b37d},
    {"blur", AUGMENT_SIMCLR, ONE(BLUR), 45, 0, 0xfcfc21a54f837d5a},
    {"solarise", AUGMENT_SIMCLR, ONE(SOLARISE), 45, 0, 0x1e5fd3b1401210cd},
    {"equalise", AUGMENT_SIMCLR, ONE(EQUALISE), 45, 0, 0x2d091b77a60fb905},
    {"Sobel", AUGMENT_SIMCLR, ONE(SOBEL), 45, 0, 0x6ab479b89b158af5},
    {"noise", AUGMENT_SIMCLR, ONE(NOISE), 45, 0, 0x078ddb1b5d42087c},
    {"cutout", AUGMENT_SIMCLR, ONE(CUTOUT), 45, 0, 0x6379160ac922f4d2},
    {"brightness added", AUGMENT_SIMCLR_V1, ONE(JITTER), 45, 0, 0x9689b6ccd3d75363},
    {"crop of bytes", AUGMENT_TORCHVISION, ONE(CROP), 45, 0, 0x5d268797e586f11a},
    {"jitter of bytes", AUGMENT_TORCHVISION, ONE(JITTER), 45, 0, 0xf447cee27b23ce50},
    {"grey of bytes", AUGMENT_TORCHVISION, ONE(GREY), 45, 0, 0xe6ea33fa40d28765},
    {"blur of bytes", AUGMENT_TORCHVISION, ONE(BLUR), 45, 0, 0xb687182c8887686a},
    {"enlarged", AUGMENT_SIMCLR, 0, 224, 0, 0xac923c50f193ace5},
    {"enlarged bytes", AUGMENT_TORCHVISION, 0, 224, 0, 0x532796aeb2ee5a15},
    {"all of simclr", AUGMENT_SIMCLR, ALL, 1, 30, 0x8df6d737403a55c8},
    {"all of simclr", AUGMENT_SIMCLR, ALL, 33, 30, 0xc64ec2586e53aa27},
    {"all of simclr", AUGMENT_SIMCLR, ALL, 96, 30, 0x8e8f7efc903608a1},
    {"all of simclr-v1", AUGMENT_SIMCLR_V1, ALL, 1, 30, 0x4c1dc410d157ed88},
    {"all of simclr-v1", AUGMENT_SIMCLR_V1, ALL, 33, 30, 0x2be5fcac2c431ad7},
    {"all of simclr-v1", AUGMENT_SIMCLR_V1, ALL, 96, 30, 0x0c9e1bc642094fef},
    {"all of torchvision", AUGMENT_TORCHVISION, ALL, 1, 30, 0xab432593a3e10eb4},
    {"all of torchvision", AUGMENT_TORCHVISION, ALL, 33, 30, 0xb60c8113fcc67ad3},
    {"all of torchvision", AUGMENT_TORCHVISION, ALL, 96, 30, 0x460b1378add23c24},
};

/* FNV-1a, word by word. */
static uint64_t mix(uint64_t digest, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        digest = (digest ^ bits) * 0x100000001B3u;
    }
    return digest;
}

static unsigned char *make_pixels(const char *name, size_t n)
{
    unsigned char *const out = malloc(n);
    const uint64_t key = digest_key(name);
    for (size_t i = 0; i < n; i++) /* slopes, with noise */
        out[i] = (unsigned char)(i / 7 + i % W + digest_hash(key, i) % 32);
    return out;
}

/* Views of a picture of colours, one of grey, and one that is the half of a larger one, in part. */
static uint64_t digest_of(const struct twin *twin, struct picture picture[3])
{
    struct arena arena = {0};
    struct augment_scratch scratch;
    struct augment recipe;
    struct err err = {0};
    uint64_t digest = 0xCBF29CE484222325u;
    augment_named(&recipe, "none", 96);
    recipe.family = twin->family;
    recipe.size = twin->size;
    recipe.degrees = twin->degrees;
    for (int i = 0; i < AUGMENT_OPERATIONS; i++)
        recipe.chance[i] = twin->operations >> i & 1;
    augment_layout(&scratch, &arena, twin->size);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    augment_layout(&scratch, &arena, twin->size);
    for (int i = 0; i < 3 * VIEWS; i++) {
        const struct picture *const p = &picture[i % 3];
        struct augment_draw draw = augment_draw(&recipe, 1, 2, i % 3, i / 3, p->height, p->width);
        draw.crop.x += p->x; /* of what is there, in pixels of the whole */
        draw.crop.y += p->y;
        draw.crop = (struct crop){draw.crop.x * p->reduce, draw.crop.y * p->reduce,
            draw.crop.w * p->reduce, draw.crop.h * p->reduce};
        augment_planes(&recipe, &draw, p, &scratch);
        digest = mix(digest, scratch.planes, 3 * (size_t)twin->size * twin->size);
    }
    arena_free(&arena);
    return digest;
}

int main(void)
{
    struct picture picture[] = {
        {H, W, 3, make_pixels("colours", (size_t)3 * H * W), 0, 0, 1},
        {H, W, 1, make_pixels("grey", (size_t)H * W), 0, 0, 1},
        {H, W, 3, make_pixels("part", (size_t)3 * H * W), PART_X, PART_Y, 2},
    };
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        const struct twin *const t = &twins[i];
        const uint64_t digest = digest_of(t, picture);
        OK(digest == t->digest, "%s, size %d: 0x%016llx", t->what, t->size,
            (unsigned long long)digest);
    }
    for (int i = 0; i < 3; i++)
        free(picture[i].pixels);
    return tap_done();
}
