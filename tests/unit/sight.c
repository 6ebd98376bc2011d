/* sight -- which part of a picture its views need, and how far that may be reduced.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sight.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static struct augment large, small;
static const struct augment *recipe[] = {&large, &small};
static struct sight sight = {.recipe = recipe, .views = 2, .seed = 3, .rules = {1000, false}};

static void test_region(struct crop a, struct crop b, struct picture_region wanted)
{
    const struct augment_draw draw[] = {{.crop = a}, {.crop = b}};
    const struct picture_region r = sight_region(draw, &sight);
    OK(r.x == wanted.x && r.y == wanted.y && r.w == wanted.w && r.h == wanted.h &&
            r.reduce == wanted.reduce,
        "%dx%d and %dx%d: %dx%d from %d,%d at 1/%d", a.w, a.h, b.w, b.h, r.w, r.h, r.x, r.y,
        r.reduce);
}

/* A grey picture of w x h, as a file. */
static unsigned char *make_file(int w, int h, size_t *size)
{
    unsigned char *const out = malloc(40 + (size_t)w * (size_t)h);
    *size = (size_t)sprintf((char *)out, "P5\n%d %d\n255\n", w, h);
    for (int i = 0; i < w * h; i++)
        out[(*size)++] = (unsigned char)(i % 251);
    return out;
}

static void test_decode(void)
{
    struct err err = {0};
    struct picture picture;
    struct augment_draw draw[2], again[2];
    size_t size;
    unsigned char *const file = make_file(40, 25, &size);
    OK(sight_decode(&picture, draw, &sight, 1, 7, file, size, &err) == 0 && picture.channels == 1,
        "a picture of as many pixels as are allowed%s", err.text);
    sight_draw(again, &sight, 1, 7, 25, 40);
    bool same = true;
    for (int view = 0; view < 2; view++)
        same &= memcmp(&draw[view].crop, &again[view].crop, sizeof draw->crop) == 0 &&
                memcmp(draw[view].amount, again[view].amount, sizeof draw->amount) == 0;
    OK(same, "draws are those for its extents");
    const struct picture_region r = sight_region(draw, &sight);
    OK(picture.x <= r.x && picture.y <= r.y && picture.x + picture.width >= r.x + r.w &&
            picture.y + picture.height >= r.y + r.h,
        "what is decoded covers their crops");
    picture_free(&picture);

    OK(sight_decode(&picture, draw, &sight, 1, 7, file, size - 1, &err) < 0, "%s", err.text);
    err = (struct err){0};
    sight.rules.max_pixels = 999;
    OK(sight_decode(&picture, draw, &sight, 1, 7, file, size, &err) < 0 &&
            err.status == ERR_INPUT && strstr(err.text, "40") != NULL,
        "one pixel too many: %s", err.text);
    free(file);
}

int main(void)
{
    large = augment_recipe(20);
    small = augment_recipe(10);
    test_region((struct crop){3, 4, 20, 20}, (struct crop){5, 6, 10, 10},
        (struct picture_region){3, 4, 20, 20, 1});
    test_region((struct crop){50, 10, 40, 43}, (struct crop){5, 60, 20, 21},
        (struct picture_region){5, 10, 85, 71, 2});
    test_region((struct crop){0, 0, 400, 300}, (struct crop){9, 9, 80, 80},
        (struct picture_region){0, 0, 400, 300, 8});
    test_region((struct crop){0, 0, 400, 300}, (struct crop){9, 9, 79, 80},
        (struct picture_region){0, 0, 400, 300, 4});
    test_region((struct crop){0, 0, 1, 1}, (struct crop){0, 1, 1, 1},
        (struct picture_region){0, 0, 1, 2, 1});
    test_decode();
    return tap_done();
}
