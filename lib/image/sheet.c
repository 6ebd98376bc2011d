/* sheet -- lay out, then draw: background, pictures, text.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sheet.h"

#include "lib/base/shape.h"
#include "lib/image/glyphs.h"
#include "lib/image/shrink.h"

#include <stdio.h>
#include <string.h>

enum {
    LEAD = 3,        /* pixels of the font above and below a line of text */
    TEXT_SIDE = 200, /* cells of as many pixels have text of twice the size, and so on */
    TEXT_SIZE = 4096 /* bytes of a line */
};

struct layout {
    const struct sheet_style *style;
    int rows, columns;
    int cell;          /* bounds of one picture */
    int scale;         /* of all pictures: their largest side; 0: each has its own */
    int height, width; /* of the place for a picture */
    int lines, text;   /* of text below it; its scale */
    size_t pitch_x, pitch_y, total_x, total_y;
};

static int larger(int a, int b)
{
    return a > b ? a : b;
}

int sheet_side(int side)
{
    if (side >= SHEET_SMALL)
        return side < SHEET_LARGE ? side : SHEET_LARGE;
    return side * larger(1, (SHEET_SMALL + side / 2) / side);
}

/* One extent, on the scale that brings `side` to at most `cell`. */
static int scaled(int extent, int side, int cell)
{
    if (side <= cell)
        return extent * (cell / side);
    return larger(1, (int)(((long long)extent * cell + side / 2) / side));
}

void sheet_fit(int *height, int *width, int h, int w, int cell)
{
    *height = scaled(h, larger(h, w), cell);
    *width = scaled(w, larger(h, w), cell);
}

/* The extents of a picture as it is shown. */
static void extents(const struct layout *l, const struct picture *p, int *height, int *width)
{
    const int side = l->scale > 0 ? l->scale : larger(p->height, p->width);
    *height = scaled(p->height, side, l->cell);
    *width = scaled(p->width, side, l->cell);
}

/* ---- layout --------------------------------------------------------------------------------- */

static void lay_out(struct layout *l, const struct sheet_cell *cell, int cells)
{
    int side = 0;
    for (int i = 0; i < cells; i++) {
        l->rows = larger(l->rows, cell[i].row + 1);
        l->columns = larger(l->columns, cell[i].column + 1);
        if (cell[i].picture.pixels != NULL)
            side = larger(side, larger(cell[i].picture.height, cell[i].picture.width));
        for (int k = 0; k < SHEET_LINES; k++)
            if (cell[i].caption[k] != NULL)
                l->lines = larger(l->lines, k + 1);
    }
    l->cell = l->style->cell > 0 ? l->style->cell : side > 0 ? sheet_side(side) : SHEET_SMALL;
    l->scale = l->style->rows ? side : 0;
    l->height = l->width = side > 0 ? 1 : l->cell;
    for (int i = 0; i < cells; i++) {
        int height, width;
        if (cell[i].picture.pixels == NULL)
            continue;
        extents(l, &cell[i].picture, &height, &width);
        l->height = larger(l->height, height);
        l->width = larger(l->width, width);
    }
    if (l->style->rows && l->columns > 1 && l->lines > 1)
        l->lines = 1;
    l->text = 1 + larger(l->height, l->width) / TEXT_SIDE;
    const int below = l->lines > 0 ? (l->lines * (GLYPHS_HEIGHT + LEAD) + LEAD) * l->text : 0;
    const size_t gap = (size_t)l->style->gap;
    l->pitch_x = (size_t)l->width + gap;
    l->pitch_y = (size_t)l->height + (size_t)below + gap;
    l->total_x = shape_plus(shape_times(l->pitch_x, (size_t)l->columns), gap);
    l->total_y = shape_plus(shape_times(l->pitch_y, (size_t)l->rows), gap);
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* A picture, each pixel a square, with its upper left corner at (x,y); it lies inside. */
static void paste(struct picture *out, size_t x, size_t y, const struct picture *in, int times)
{
    const size_t width = (size_t)in->width * times, line = (size_t)out->width * 3;
    const int green = in->channels == 3 ? 1 : 0, blue = 2 * green;
    for (int j = 0; j < in->height; j++) {
        const unsigned char *const from = in->pixels + (size_t)j * in->width * in->channels;
        unsigned char *const to = out->pixels + (y + (size_t)j * times) * line + x * 3;
        for (size_t i = 0; i < width; i++) {
            const unsigned char *const p = from + i / times * in->channels;
            to[3 * i] = p[0];
            to[3 * i + 1] = p[green];
            to[3 * i + 2] = p[blue];
        }
        for (int k = 1; k < times; k++)
            memcpy(to + k * line, to, 3 * width);
    }
}

static int draw_picture(struct picture *out, const struct layout *l, size_t x, size_t y,
    const struct picture *in, struct err *err)
{
    struct picture small = {0};
    int height, width;
    extents(l, in, &height, &width);
    const bool fits = height >= in->height && width >= in->width;
    if (!fits && shrink_to(&small, in, height, width, err) < 0)
        return -1;
    paste(out, x + (size_t)(l->width - width) / 2, y + (size_t)(l->height - height) / 2,
        fits ? in : &small, fits ? height / in->height : 1);
    picture_free(&small);
    return 0;
}

/* The border and the diagonals of a place. */
static void draw_cross(
    struct picture *out, const struct layout *l, size_t x, size_t y, const unsigned char color[3])
{
    for (int j = 0; j < l->height; j++)
        for (int i = 0; i < l->width; i++) {
            const long long a = (long long)i * l->height, b = (long long)j * l->width;
            const long long c = (long long)(l->width - 1 - i) * l->height;
            const int side = larger(l->height, l->width);
            const bool ink = i == 0 || j == 0 || i == l->width - 1 || j == l->height - 1 ||
                             (a - b < side && b - a < side) || (c - b < side && b - c < side);
            if (ink)
                memcpy(out->pixels + ((y + j) * out->width + x + i) * 3, color, 3);
        }
}

static void draw_text(struct picture *out, const struct layout *l, size_t x, size_t y,
    const struct sheet_cell *cell, const unsigned char color[3])
{
    const int room =
        (l->style->rows ? (int)(l->total_x - 2 * (size_t)l->style->gap) : l->width) / l->text;
    for (int k = 0; k < l->lines; k++) {
        char whole[TEXT_SIZE], line[TEXT_SIZE];
        const char *const first = cell->caption[k] != NULL ? cell->caption[k] : "";
        const char *const second = l->lines == 1 && cell->caption[1] ? cell->caption[1] : "";
        snprintf(whole, sizeof whole, "%s%s%s", first, *first && *second ? "   " : "", second);
        glyphs_fit(line, sizeof line, whole, room);
        const int spare = l->style->rows ? 0 : l->width - glyphs_width(line) * l->text;
        glyphs_draw(out, (int)x + spare / 2, (int)y + k * (GLYPHS_HEIGHT + LEAD) * l->text, line,
            l->text, color);
    }
}

static int draw_cell(struct picture *out, const struct layout *l, const struct sheet_cell *cell,
    const unsigned char color[3], struct err *err)
{
    const size_t left = (size_t)l->style->gap, y = left + l->pitch_y * (size_t)cell->row;
    const size_t x = left + l->pitch_x * (size_t)cell->column;
    if (cell->picture.pixels == NULL)
        draw_cross(out, l, x, y, color);
    else if (draw_picture(out, l, x, y, &cell->picture, err) < 0)
        return -1;
    if (cell->caption[0] != NULL || cell->caption[1] != NULL)
        draw_text(out, l, l->style->rows ? left : x,
            y + (size_t)l->height + (size_t)(LEAD * l->text), cell, color);
    return 0;
}

int sheet_draw(struct picture *out, const struct sheet_cell *cell, int cells,
    const struct sheet_style *style, struct err *err)
{
    struct layout l = {.style = style};
    const unsigned char *const b = style->background;
    memset(out, 0, sizeof *out);
    lay_out(&l, cell, cells);
    if (shape_times(l.total_x, l.total_y) > SHEET_PIXELS) {
        err_set(err, ERR_FAILED, "a sheet of %zu x %zu pixels is more than %zu million", l.total_x,
            l.total_y, SHEET_PIXELS / 1000000);
        return err_hint(err, "show fewer --rows or --columns, or smaller ones by --cell");
    }
    if (picture_alloc(out, (int)l.total_y, (int)l.total_x, 3, SHEET_PIXELS, "a sheet", err) < 0)
        return -1;
    for (size_t i = 0; i < l.total_x * l.total_y; i++)
        memcpy(out->pixels + 3 * i, b, 3);
    /* Black or white, whichever is easier to see; sRGB's weights of brightness. */
    const bool bright = 2126 * b[0] + 7152 * b[1] + 722 * b[2] > 1275000;
    const unsigned char ink = bright ? 0 : 255, color[3] = {ink, ink, ink};
    for (int i = 0; i < cells; i++)
        if (draw_cell(out, &l, &cell[i], color, err) < 0) {
            picture_free(out);
            return -1;
        }
    return 0;
}
