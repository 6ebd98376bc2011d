/* scatterpng -- points of a plane as pixels, their edges smoothed by 4 x 4 samples a pixel.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scatterpng.h"

#include "lib/image/glyphs.h"
#include "lib/image/sheet.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 4 };

static int text_scale(double unit)
{
    return unit > 1.5 ? (int)(unit + 0.5) : 1;
}

static double width_of(const char *text, double unit)
{
    return glyphs_width(text) * text_scale(unit);
}

static void blend(struct picture *out, int x, int y, const unsigned char color[3], double share)
{
    if (x < 0 || y < 0 || x >= out->width || y >= out->height)
        return;
    unsigned char *const pixel = out->pixels + ((size_t)y * (size_t)out->width + (size_t)x) * 3;
    for (int i = 0; i < 3; i++)
        pixel[i] = (unsigned char)(pixel[i] + (color[i] - pixel[i]) * share + 0.5);
}

/* Even-odd, by the edges that a ray to the right crosses. */
static bool inside(const double (*corner)[2], int corners, double x, double y)
{
    bool in = false;
    for (int i = 0, j = corners - 1; i < corners; j = i++)
        if ((corner[i][1] > y) != (corner[j][1] > y) &&
            x < corner[i][0] + (y - corner[i][1]) * (corner[j][0] - corner[i][0]) /
                                   (corner[j][1] - corner[i][1]))
            in = !in;
    return in;
}

static void draw_shape(struct picture *out, int shape, double x, double y, double radius,
    const unsigned char color[3], double share)
{
    const double(*corner)[2];
    const int corners = scatter_corners(&corner, shape);
    const int reach = (int)ceil(1.6 * radius) + 1, left = (int)floor(x), top = (int)floor(y);
    for (int j = top - reach; j <= top + reach; j++)
        for (int i = left - reach; i <= left + reach; i++) {
            int hits = 0;
            for (int k = 0; k < SAMPLES * SAMPLES; k++)
                hits += inside(corner, corners, (i + (k % SAMPLES + 0.5) / SAMPLES - x) / radius,
                    (j + (k / SAMPLES + 0.5) / SAMPLES - y) / radius);
            if (hits > 0)
                blend(out, i, j, color, share * hits / (SAMPLES * SAMPLES));
        }
}

struct paper {
    struct picture *out;
    const struct scatter *scatter;
    struct scatter_layout layout;
    bool dark;
    unsigned char background[3], ink[3];
};

/* A mark: its line, and what is within. Without a class, where others have one, a ring. */
static void draw_mark(
    const struct paper *p, int class, double x, double y, double radius, double line)
{
    const int look = scatter_look(p->scatter, class);
    unsigned char fill[3], edge[3];
    if (look < 0) {
        draw_shape(p->out, 0, x, y, radius + line / 2, p->ink, 0.5);
        draw_shape(p->out, 0, x, y, radius - line, p->background, 1);
        return;
    }
    scatter_rgb(fill, scatter_color(look), p->dark, false);
    scatter_rgb(edge, scatter_color(look), p->dark, true);
    draw_shape(p->out, scatter_shape(look), x, y, radius + line / 2, edge, 0.9);
    draw_shape(p->out, scatter_shape(look), x, y, radius - line / 2, fill, 1);
}

static void draw_text(const struct paper *p, double x, double middle, const char *text, double room)
{
    const int scale = text_scale(p->layout.unit);
    char line[400];
    glyphs_fit(line, sizeof line, text, (int)(room / scale));
    glyphs_draw(p->out, (int)x, (int)(middle - GLYPHS_HEIGHT * scale / 2.0), line, scale, p->ink);
}

static void draw_frame(const struct paper *p)
{
    const struct scatter_layout *const l = &p->layout;
    for (int x = (int)l->left; x <= (int)l->right; x++) {
        blend(p->out, x, (int)l->top, p->ink, 0.25);
        blend(p->out, x, (int)l->bottom, p->ink, 0.25);
    }
    for (int y = (int)l->top + 1; y < (int)l->bottom; y++) {
        blend(p->out, (int)l->left, y, p->ink, 0.25);
        blend(p->out, (int)l->right, y, p->ink, 0.25);
    }
}

static void draw_points(const struct paper *p)
{
    const struct scatter *const s = p->scatter;
    for (int i = 0; i < s->points; i++) {
        const int point = scatter_turn(s, i);
        double x, y;
        scatter_place(&x, &y, &p->layout, s->at + 2 * (size_t)point);
        draw_mark(p, s->class[point], x, y, p -> layout.radius, p->layout.line);
    }
}

/* Small pictures are enlarged by a whole number. */
static void paste(struct picture *out, int left, int top, int times, const struct picture *in)
{
    for (int y = 0; y < in->height * times; y++)
        for (int x = 0; x < in->width * times; x++) {
            const unsigned char *const from =
                in->pixels + ((size_t)(y / times) * (size_t)in->width + (size_t)(x / times)) *
                                 (size_t)in->channels;
            const unsigned char color[3] = {
                from[0], from[in->channels / 3], from[in->channels / 3 * 2]};
            blend(out, left + x, top + y, color, 1);
        }
}

static void draw_thumbnail(const struct paper *p, int cell)
{
    const struct scatter *const s = p->scatter;
    const struct picture *const in = &s->thumb[cell];
    const int look = scatter_look(s, s->class[s->shown[cell]]);
    unsigned char frame[3];
    int height, width;
    double x, y;
    sheet_fit(&height, &width, in->height, in->width, scatter_room(s));
    scatter_cell(&x, &y, &p->layout, cell);
    const int left = (int)(x - width / 2.0), top = (int)(y - height / 2.0);
    scatter_rgb(frame, scatter_color(look), p->dark, false);
    if (s->classes > 0 && look >= 0)
        for (int j = -SCATTER_FRAME; j < height + SCATTER_FRAME; j++)
            for (int i = -SCATTER_FRAME; i < width + SCATTER_FRAME; i++)
                blend(p->out, left + i, top + j, frame, 1);
    paste(p->out, left, top, width / in->width, in);
}

static void draw_thumbnails(const struct paper *p)
{
    const struct scatter *const s = p->scatter;
    for (int cell = 0; cell < s->cells; cell++) {
        const int point = s->shown[cell];
        double x, y;
        if (point >= 0 && s->thumb[cell].pixels != NULL) {
            draw_thumbnail(p, cell);
        } else if (point >= 0) {
            scatter_cell(&x, &y, &p->layout, cell);
            draw_mark(p, s->class[point], x, y, p -> layout.radius, p->layout.line);
        }
    }
}

static void draw_legend(const struct paper *p)
{
    const struct scatter_layout *const l = &p->layout;
    for (int i = 0; i < l->named; i++) {
        char text[200];
        const double x = l->left + i / l->rows * l->step,
                     y = l->legend + (i % l->rows + 0.5) * l->lead;
        scatter_entry(text, sizeof text, p->scatter, l, i);
        if (i < l->named - 1 || l->named == p->scatter->classes)
            draw_mark(p, i, x + 8 * l->unit, y, 5 * l->unit, 0.8 * l->unit);
        draw_text(p, x + 20 * l->unit, y, text, l->step - 24 * l->unit);
    }
}

int scatterpng_draw(struct picture *out, const struct scatter *s, struct err *err)
{
    struct paper p = {.out = out, .scatter = s, .layout = scatter_lay_out(s, width_of)};
    const struct scatter_layout *const l = &p.layout;
    const unsigned char white[3] = {255, 255, 255};
    memcpy(p.background, s->painted ? s->background : white, 3);
    const unsigned char *const b = p.background;
    p.dark = 2126 * b[0] + 7152 * b[1] + 722 * b[2] < 1275000;
    memset(p.ink, p.dark ? 0xe6 : 0x22, 3);
    memset(out, 0, sizeof *out);
    if (picture_alloc(out, l->height, l->width, 3, SHEET_PIXELS, "a map", err) < 0)
        return -1;
    for (size_t i = 0; i < (size_t)l->height * (size_t)l->width; i++)
        memcpy(out->pixels + 3 * i, p.background, 3);
    draw_frame(&p);
    if (s->cell > 0)
        draw_thumbnails(&p);
    else
        draw_points(&p);
    draw_legend(&p);
    if (s->title != NULL)
        draw_text(&p, l->left, l->top - 0.7 * l->lead, s->title, l->right - l->left);
    draw_text(&p, l->left, l->legend + (l->rows + 0.5) * l->lead, s->caption, l->right - l->left);
    return 0;
}
