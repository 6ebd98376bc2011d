/* sheet -- lay out, then draw: background, pictures, text.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sheet.h"

#include "lib/base/shape.h"
#include "lib/image/glyphs.h"
#include "lib/image/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAD = 3,        /* pixels of the font above and below a line of text */
    SPARE = 6,       /* of a line, so that text does not run into that of the next cell */
    TEXT_SIDE = 200, /* cells of as many pixels have text of twice the size, and so on */
    TEXT_SIZE = 4096 /* bytes of a line */
};

struct layout {
    const struct sheet_style *style;
    int rows, columns;
    int cell;          /* bounds of one picture */
    int scale;         /* of all pictures: their largest side; 0: each has its own */
    int height, width; /* of the largest picture as it is shown */
    int lines, text;   /* of text below it; its scale */
    int below;         /* from the end of a place to the top of the next: text and gap */
    size_t *top;       /* [rows+1] of the places of a row; the last is the height of the sheet */
    size_t *left;      /* [columns+1] likewise */
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

/* What can be known of all cells together. */
static void measure(struct layout *l, const struct sheet_cell *cell, int cells)
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
}

static void widen(size_t *most, int value)
{
    *most = *most > (size_t)value ? *most : (size_t)value;
}

/* Extents become places: each begins where the one before ends, and a little more. */
static void add_up(size_t *place, int places, int gap, int between)
{
    place[0] = (size_t)gap;
    for (int i = 0; i < places; i++)
        place[i + 1] = shape_plus(place[i + 1], place[i] + (size_t)between);
}

static int lay_out(struct layout *l, const struct sheet_cell *cell, int cells, struct err *err)
{
    const int gap = l->style->gap;
    measure(l, cell, cells);
    if (l->style->rows && l->columns > 1 && l->lines > 1)
        l->lines = 1;
    l->text = 1 + larger(l->height, l->width) / TEXT_SIDE;
    l->below = gap + (l->lines > 0 ? (l->lines * (GLYPHS_HEIGHT + LEAD) + LEAD) * l->text : 0);
    l->top = calloc((size_t)l->rows + 1, sizeof *l->top);
    l->left = calloc((size_t)l->columns + 1, sizeof *l->left);
    if (l->top == NULL || l->left == NULL)
        return err_memory(err, "the rows of a sheet");
    for (int i = 0; i < cells; i++) { /* of each row and column, in the place behind its own */
        int height = l->height, width = l->width;
        if (cell[i].picture.pixels != NULL)
            extents(l, &cell[i].picture, &height, &width);
        widen(&l->top[cell[i].row + 1], height);
        widen(&l->left[cell[i].column + 1], l->style->rows ? width : l->width);
    }
    add_up(l->top, l->rows, gap, l->below);
    add_up(l->left, l->columns, gap, gap);
    return 0;
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

/* In the middle of the place [h,w] at (x,y). */
static int draw_picture(struct picture *out, const struct layout *l, size_t x, size_t y, int h,
    int w, const struct picture *in, struct err *err)
{
    struct picture small = {0};
    int height, width;
    extents(l, in, &height, &width);
    const bool fits = height >= in->height && width >= in->width;
    if (!fits && shrink_to(&small, in, height, width, err) < 0)
        return -1;
    paste(out, x + (size_t)(w - width) / 2, y + (size_t)(h - height) / 2, fits ? in : &small,
        fits ? height / in->height : 1);
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
    const int row = (int)(l->left[l->columns] - 2 * (size_t)l->style->gap);
    const int room = l->style->rows ? row / l->text : l->width / l->text - SPARE;
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
    const size_t *const top = l->top + cell->row, *const left = l->left + cell->column;
    const int height = (int)(top[1] - top[0]) - l->below;
    const int width = (int)(left[1] - left[0]) - l->style->gap;
    if (cell->picture.pixels == NULL)
        draw_cross(out, l, left[0], top[0], color);
    else if (draw_picture(out, l, left[0], top[0], height, width, &cell->picture, err) < 0)
        return -1;
    if (cell->caption[0] != NULL || cell->caption[1] != NULL)
        draw_text(out, l, l->style->rows ? l->left[0] : left[0],
            top[0] + (size_t)height + (size_t)(LEAD * l->text), cell, color);
    return 0;
}

static int draw(struct picture *out, const struct layout *l, const struct sheet_cell *cell,
    int cells, struct err *err)
{
    const unsigned char *const b = l->style->background;
    const size_t height = l->top[l->rows], width = l->left[l->columns];
    if (shape_times(height, width) > SHEET_PIXELS) {
        err_set(err, ERR_FAILED, "a sheet of %zu x %zu pixels is more than %zu million", width,
            height, SHEET_PIXELS / 1000000);
        return err_hint(err, "show fewer --rows or --columns, or smaller ones by --cell");
    }
    if (picture_alloc(out, (int)height, (int)width, 3, SHEET_PIXELS, "a sheet", err) < 0)
        return -1;
    for (size_t i = 0; i < height * width; i++)
        memcpy(out->pixels + 3 * i, b, 3);
    /* Black or white, whichever is easier to see; sRGB's weights of brightness. */
    const bool bright = 2126 * b[0] + 7152 * b[1] + 722 * b[2] > 1275000;
    const unsigned char ink = bright ? 0 : 255, color[3] = {ink, ink, ink};
    for (int i = 0; i < cells; i++)
        if (draw_cell(out, l, &cell[i], color, err) < 0)
            return -1;
    return 0;
}

int sheet_draw(struct picture *out, const struct sheet_cell *cell, int cells,
    const struct sheet_style *style, struct err *err)
{
    struct layout l = {.style = style};
    memset(out, 0, sizeof *out);
    const int failed = lay_out(&l, cell, cells, err) < 0 || draw(out, &l, cell, cells, err) < 0;
    if (failed)
        picture_free(out);
    free(l.top);
    free(l.left);
    return failed ? -1 : 0;
}
