/* sheet -- where the pictures stand, how large, and what stands under them.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sheet.h"

#include "lib/image/glyphs.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* A picture of one colour; borrowed pixels. */
static struct picture plain(unsigned char *pixels, int h, int w, int channels, int value)
{
    memset(pixels, value, (size_t)(h * w * channels));
    return (struct picture){h, w, channels, pixels, 0, 0, 1};
}

static int pixel(const struct picture *p, int x, int y)
{
    const unsigned char *const at = p->pixels + (y * p->width + x) * 3;
    return at[0] << 16 | at[1] << 8 | at[2];
}

/* Is the rectangle of this colour, and nothing around it? */
static int is_rectangle(const struct picture *p, int x, int y, int w, int h, int color)
{
    int wrong = 0;
    for (int j = y - 1; j <= y + h; j++)
        for (int i = x - 1; i <= x + w; i++)
            wrong += (pixel(p, i, j) == color) != (i >= x && j >= y && i < x + w && j < y + h);
    return wrong == 0;
}

static int inks(const struct picture *p, int y0, int y1, int color)
{
    int count = 0;
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < p->width; x++)
            count += pixel(p, x, y) == color;
    return count;
}

static void check_sides(void)
{
    int h, w;
    OK(sheet_side(32) == 96 && sheet_side(28) == 84 && sheet_side(1) == 96 &&
            sheet_side(64) == 128 && sheet_side(95) == 95,
        "small sides become multiples near 96");
    OK(sheet_side(96) == 96 && sheet_side(224) == 224 && sheet_side(257) == 256, "others stay");
    sheet_fit(&h, &w, 300, 400, 100);
    OK(h == 75 && w == 100, "a photograph in 100 pixels");
    sheet_fit(&h, &w, 20, 30, 100);
    OK(h == 60 && w == 90, "a small one three times as large");
    sheet_fit(&h, &w, 1, 5000, 100);
    OK(h == 1 && w == 100, "never to nothing");
}

static void check_places(void)
{
    unsigned char a[5 * 4 * 3], b[4 * 5], c[2 * 2 * 3];
    struct sheet_cell cell[] = {{0, 0, plain(a, 5, 4, 3, 0x40), {0}},
        {0, 1, plain(b, 4, 5, 1, 0x50), {0}}, {1, 1, plain(c, 2, 2, 3, 0x60), {0}}};
    struct sheet_style style = {.cell = 10, .gap = 3, .rows = true, .background = {1, 2, 3}};
    struct picture out;
    struct err err = {0};
    OK(sheet_draw(&out, cell, 3, &style, &err) == 0 && out.height == 23 && out.width == 27 &&
            out.channels == 3,
        "two rows of two columns");
    OK(is_rectangle(&out, 3, 3, 8, 10, 0x404040), "on one scale: the first, in a narrower column");
    OK(is_rectangle(&out, 14, 4, 10, 8, 0x505050), "grey in three channels");
    OK(is_rectangle(&out, 17, 16, 4, 4, 0x606060), "a smaller one in the middle, in a lower row");
    OK(pixel(&out, 0, 0) == 0x010203 && pixel(&out, 5, 18) == 0x010203, "paper, and a gap");
    picture_free(&out);
    style.rows = false;
    OK(sheet_draw(&out, cell, 3, &style, &err) == 0 && is_rectangle(&out, 16, 16, 10, 10, 0x606060),
        "on a scale of its own");
    picture_free(&out);
    style = (struct sheet_style){.cell = 3, .rows = true};
    OK(sheet_draw(&out, cell, 3, &style, &err) == 0 && out.height == 4 && out.width == 5 &&
            pixel(&out, 0, 0) == 0x404040 && pixel(&out, 3, 3) == 0x606060 &&
            pixel(&out, 2, 3) == 0,
        "made smaller, without a gap");
    picture_free(&out);
    style.cell = 0;
    OK(sheet_draw(&out, cell, 3, &style, &err) == 0 && out.height == 133,
        "five pixels, nineteen times as large");
    picture_free(&out);
}

static void check_pixels(void)
{
    unsigned char a[2 * 2 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct sheet_cell cell = {0, 0, {2, 2, 3, a, 0, 0, 1}, {0}};
    struct sheet_style style = {.cell = 7};
    struct picture out;
    struct err err = {0};
    int wrong = sheet_draw(&out, &cell, 1, &style, &err) < 0 || out.height != 6;
    for (int y = 0; y < 6 && !wrong; y++)
        for (int x = 0; x < 6; x++)
            wrong += memcmp(out.pixels + (y * 6 + x) * 3, a + (y / 3 * 2 + x / 3) * 3, 3) != 0;
    OK(wrong == 0, "each pixel becomes a square");
    picture_free(&out);
}

static void check_cross(void)
{
    struct sheet_cell cell = {0, 0, {0}, {0}};
    struct sheet_style style = {.cell = 9, .gap = 1, .background = {255, 255, 255}};
    struct picture out;
    struct err err = {0};
    OK(sheet_draw(&out, &cell, 1, &style, &err) == 0 && out.height == 11, "no picture");
    OK(pixel(&out, 1, 1) == 0 && pixel(&out, 9, 1) == 0 && pixel(&out, 5, 9) == 0 &&
            pixel(&out, 5, 5) == 0 && pixel(&out, 3, 7) == 0 && pixel(&out, 3, 5) == 0xffffff &&
            pixel(&out, 10, 10) == 0xffffff,
        "is a crossed box");
    picture_free(&out);
    style.background[0] = style.background[1] = style.background[2] = 0;
    OK(sheet_draw(&out, &cell, 1, &style, &err) == 0 && pixel(&out, 1, 1) == 0xffffff,
        "white on black");
    picture_free(&out);
}

static void check_text(void)
{
    unsigned char a[20 * 20 * 3];
    char name[] = "HH", class[] = "H";
    struct sheet_cell cell[] = {
        {0, 0, plain(a, 20, 20, 3, 0x40), {name, class}}, {0, 1, plain(a, 20, 20, 3, 0x40), {0}}};
    struct sheet_style style = {.cell = 20, .background = {255, 255, 255}};
    struct picture out;
    struct err err = {0};
    OK(sheet_draw(&out, cell, 2, &style, &err) == 0 && out.height == 20 + 2 * 12 + 3,
        "two lines under images");
    OK(inks(&out, 20, 33, 0) == 2 * inks(&out, 33, 47, 0) && inks(&out, 33, 47, 0) == 17,
        "a name and a class");
    OK(pixel(&out, 4, 23) == 0 && pixel(&out, 14, 23) == 0 && pixel(&out, 7, 35) == 0,
        "in the middle of the place");
    picture_free(&out);
    style.rows = true;
    OK(sheet_draw(&out, cell, 2, &style, &err) == 0 && out.height == 20 + 12 + 3 &&
            inks(&out, 20, 35, 0) == 3 * 17 && pixel(&out, 0, 23) == 0,
        "one line under a row");
    picture_free(&out);
    OK(sheet_draw(&out, cell, 1, &style, &err) == 0 && out.height == 20 + 2 * 12 + 3,
        "two if it has one column");
    picture_free(&out);
    cell[0].caption[0] = cell[0].caption[1] = NULL;
    OK(sheet_draw(&out, cell, 2, &style, &err) == 0 && out.height == 20, "none without text");
    picture_free(&out);
}

static void check_limits(void)
{
    unsigned char a[3];
    struct sheet_cell cell = {0, 0, plain(a, 1, 1, 3, 0), {0}};
    struct sheet_style style = {.cell = 20000};
    struct picture out;
    struct err err = {0};
    OK(sheet_draw(&out, &cell, 1, &style, &err) < 0 && err.status == ERR_FAILED &&
            out.pixels == NULL && strstr(err.text, "20000 x 20000 pixels") && err.hint[0] != '\0',
        "a sheet that is too large: %s", err.text);
}

int main(void)
{
    check_sides();
    check_places();
    check_pixels();
    check_cross();
    check_text();
    check_limits();
    return tap_done();
}
