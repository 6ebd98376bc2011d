/* scatterpng -- pixels of the colours that were asked for, where they belong.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scatterpng.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *name(const void *context, int point, size_t *bytes)
{
    (void)context;
    (void)point;
    *bytes = 1;
    return "x";
}

static int color_at(const struct picture *p, double x, double y)
{
    const unsigned char *const at = p->pixels + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
    return at[0] << 16 | at[1] << 8 | at[2];
}

static int count(const struct picture *p, int color)
{
    int n = 0;
    for (int i = 0; i < p->height * p->width; i++)
        n += color_at(p, i % p->width, i / p->width) == color;
    return n;
}

static const double at[] = {0, 0, 1, 0, 0, 1, 1, 1, 0.5, 0.5};
static const struct scatter_class legend[] = {{"blue", 0}, {"green square", 10}};
static const int class[] = {0, 1, SCATTER_NONE, 0, 1};

static struct scatter plain(void)
{
    return (struct scatter){.points = 5,
        .at = at,
        .class = class,
        .classes = 2,
        .legend = legend,
        .caption = "five points",
        .size = 300,
        .name = name};
}

static void test_points(void)
{
    struct err err = {0};
    struct picture p, dark, again;
    struct scatter s = plain();
    OK(scatterpng_draw(&p, &s, &err) == 0 && p.width == 300 && p.channels == 3, "a picture %s",
        err.text);
    OK(color_at(&p, 0, 0) == 0xffffff && color_at(&p, 150, 100) == 0xffffff, "white paper");
    OK(count(&p, 0x0072b2) > 20 && count(&p, 0x009e73) > 20, "both colours");
    OK(count(&p, 0x222222) > 20, "text");
    OK(scatterpng_draw(&again, &s, &err) == 0 &&
            memcmp(p.pixels, again.pixels, (size_t)p.height * 900) == 0,
        "the same again");
    s.painted = true;
    s.background[2] = 30;
    s.title = "with a title";
    OK(scatterpng_draw(&dark, &s, &err) == 0 && color_at(&dark, 1, 1) == 0x00001e &&
            count(&dark, 0xe6e6e6) > 20 && dark.height > p.height,
        "dark paper, bright text, a title");
    s = plain();
    s.classes = 0;
    picture_free(&again);
    OK(scatterpng_draw(&again, &s, &err) == 0 && count(&again, 0x009e73) == 0 &&
            count(&again, 0x0072b2) > 40,
        "without classes all look alike");
    picture_free(&p);
    picture_free(&dark);
    picture_free(&again);
}

static void test_thumbnails(void)
{
    struct err err = {0};
    struct scatter s = plain();
    struct picture p;
    unsigned char red[20 * 20 * 3], grey[9 * 4];
    for (int i = 0; i < 400; i++)
        memcpy(red + 3 * i, (unsigned char[]){250, 10, 20}, 3);
    memset(grey, 77, sizeof grey);
    s.cell = 40;
    int *const shown = scatter_cells(&s.cells, &s, &err);
    struct picture *const thumb = calloc((size_t)s.cells, sizeof *thumb);
    for (int i = 0; i < s.cells; i++)
        if (shown[i] == 0)
            thumb[i] = (struct picture){20, 20, 3, red, 0, 0, 1};
        else if (shown[i] == 1)
            thumb[i] = (struct picture){9, 4, 1, grey, 0, 0, 1};
    s.shown = shown;
    s.thumb = thumb;
    OK(scatterpng_draw(&p, &s, &err) == 0, "thumbnails %s", err.text);
    OK(count(&p, 0xfa0a14) == 400, "a picture, pixel by pixel");
    OK(count(&p, 0x4d4d4d) == 9 * 4 * 9, "a small grey one, three times as large");
    OK(count(&p, 0x0072b2) >= 24 * 24 - 400, "a frame of its class");
    free(shown);
    free(thumb);
    picture_free(&p);
}

int main(void)
{
    test_points();
    test_thumbnails();
    return tap_done();
}
