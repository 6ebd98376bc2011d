/* scattersvg -- points of a plane as SVG.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scattersvg.h"

#include "formats/bytes.h"
#include "formats/jpegout.h"
#include "formats/xmltext.h"
#include "lib/base/base64.h"
#include "lib/image/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 13, NAME = 500, QUALITY = 85 };

static double width_of(const char *text, double unit)
{
    int characters = 0;
    for (; *text != '\0'; text++)
        characters += (*text & 0xc0) != 0x80;
    return characters * 0.56 * TEXT * unit;
}

static void put_bytes(FILE *out, const char *text, size_t size)
{
    char piece[XMLTEXT_MOST + 1];
    for (size_t at = 0; at < size;) {
        at += xmltext_take(piece, text + at, size - at);
        fputs(piece, out);
    }
}

static void put_text(FILE *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* The beginning of a text, as much as fits a width. */
static void put_short(FILE *out, const char *text, double width, double unit)
{
    int room = (int)(width / (0.56 * TEXT * unit)) - 1;
    size_t bytes = 0;
    if (width_of(text, unit) <= width) {
        put_text(out, text);
        return;
    }
    while (text[bytes] != '\0' && ((text[bytes] & 0xc0) == 0x80 || room-- > 0))
        bytes++;
    put_bytes(out, text, bytes);
    fputs("\xe2\x80\xa6", out);
}

/* The end of a long one says more. */
static void put_name(FILE *out, const struct scatter *s, int point)
{
    size_t bytes;
    const char *const name = s->name(s->context, point, &bytes);
    const size_t skip = bytes > NAME ? bytes - NAME : 0;
    fputs("<title>", out);
    put_bytes(out, name + skip, bytes - skip);
    if (s->class[point] >= 0 && s->classes > 0) {
        putc('\n', out);
        put_text(out, s->legend[s->class[point]].name);
    }
    fputs("</title>", out);
}

/* Is the paper dark, as far as is known here? */
static bool is_dark(const struct scatter *s)
{
    const unsigned char *const b = s->background;
    return s->painted && 2126 * b[0] + 7152 * b[1] + 722 * b[2] < 1275000;
}

/* Colours that a page's own may replace: of text and of the last class. */
static void put_ink(FILE *out, bool dark)
{
    unsigned char fill[3], line[3];
    scatter_rgb(fill, SCATTER_COLORS - 1, dark, false);
    scatter_rgb(line, SCATTER_COLORS - 1, dark, true);
    fprintf(out,
        ".simclr-map{color:%s}\n"
        ".simclr-map-ink{fill:#%02x%02x%02x;stroke:#%02x%02x%02x}\n",
        dark ? "#e6e6e6" : "#222", fill[0], fill[1], fill[2], line[0], line[1], line[2]);
}

static void put_style(FILE *out, const struct scatter *s)
{
    fputs("<style>\n.simclr-map{max-width:100%;height:auto}\n"
          ".simclr-map text{fill:currentColor;stroke:none}\n",
        out);
    if (!s->painted) {
        put_ink(out, false);
        fputs("@media (prefers-color-scheme:dark){\n", out);
        put_ink(out, true);
        fputs("}\n", out);
    }
    fputs("</style>\n", out);
}

/* The id of a look, which says all there is of it: of several drawings in one page the first has the
 * say. SCATTER_NONE: a point without a class, where others have one. */
static void put_id(FILE *out, const struct scatter *s, const struct scatter_layout *l, int look)
{
    fprintf(out, "simclr-map-%c%.0f-", s->painted ? is_dark(s) ? 'd' : 'l' : 'a', l->radius * 100);
    if (look < 0)
        fputs("none", out);
    else
        fprintf(out, "%d", look);
}

static void put_paint(FILE *out, const struct scatter *s, int look)
{
    unsigned char fill[3], line[3];
    const int color = scatter_color(look);
    scatter_rgb(fill, color, is_dark(s), false);
    scatter_rgb(line, color, is_dark(s), true);
    if (look < 0)
        fputs(" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".5\"", out);
    else if (color == SCATTER_COLORS - 1 && !s->painted)
        fputs(" class=\"simclr-map-ink\"", out);
    else
        fprintf(out, " fill=\"#%02x%02x%02x\" stroke=\"#%02x%02x%02x\"", fill[0], fill[1], fill[2],
            line[0], line[1], line[2]);
}

static void put_look(FILE *out, const struct scatter *s, const struct scatter_layout *l, int look)
{
    const double(*corner)[2];
    const int shape = scatter_shape(look);
    const int corners = scatter_corners(&corner, shape);
    fprintf(out, shape == 0 ? "<circle id=\"" : "<path id=\"");
    put_id(out, s, l, look);
    putc('"', out);
    put_paint(out, s, look);
    if (shape == 0) {
        fprintf(out, " r=\"%.2f\"/>\n", l->radius);
        return;
    }
    fputs(" d=\"M", out);
    for (int i = 0; i < corners; i++)
        fprintf(out, "%s%.2f %.2f", i > 0 ? "L" : "", corner[i][0] * l->radius,
            corner[i][1] * l->radius);
    fputs("z\"/>\n", out);
}

static void put_looks(FILE *out, const struct scatter *s, const struct scatter_layout *l)
{
    bool used[SCATTER_COLORS * SCATTER_SHAPES] = {s->classes == 0};
    for (int i = 0; i < s->classes; i++)
        if (s->legend[i].look >= 0)
            used[s->legend[i].look] = true;
    fputs("<defs>\n", out);
    for (int look = 0; look < SCATTER_COLORS * SCATTER_SHAPES; look++)
        if (used[look])
            put_look(out, s, l, look);
    put_look(out, s, l, SCATTER_NONE);
    fputs("</defs>\n", out);
}

/* The beginning of a mark: what else it has may follow. */
static void put_mark(FILE *out, const struct scatter *s, const struct scatter_layout *l, int class,
    double x, double y)
{
    fputs("<use href=\"#", out);
    put_id(out, s, l, scatter_look(s, class));
    fprintf(out, "\" x=\"%.1f\" y=\"%.1f\"", x, y);
}

static void put_points(FILE *out, const struct scatter *s, const struct scatter_layout *l)
{
    fprintf(out, "<g stroke-width=\"%.2f\" fill-opacity=\".85\">\n", l->line);
    for (int i = 0; i < s->points; i++) {
        const int point = scatter_turn(s, i);
        double x, y;
        scatter_place(&x, &y, l, s->at + 2 * (size_t)point);
        put_mark(out, s, l, s->class[point], x, y);
        putc('>', out);
        put_name(out, s, point);
        fputs("</use>\n", out);
    }
    fputs("</g>\n", out);
}

/* A whole number of threes at a time, so that only the end is padded. */
static void put_base64(FILE *out, const struct bytes *in)
{
    enum { PIECE = 3 * 1024 };
    char text[PIECE / 3 * 4];
    for (size_t i = 0; i < in->size; i += PIECE) {
        const size_t size = in->size - i < PIECE ? in->size - i : PIECE;
        base64_encode(text, in->data + i, size);
        fwrite(text, 1, base64_size(size), out);
    }
}

/* The frame, and within it the picture as a JPEG. */
static int put_thumbnail(FILE *out, const struct scatter *s, const struct scatter_layout *l,
    int cell, struct bytes *jpeg, struct err *err)
{
    const struct picture *const in = &s->thumb[cell];
    const int class = s->class[s->shown[cell]], frame = SCATTER_FRAME;
    int height, width;
    double x, y;
    sheet_fit(&height, &width, in->height, in->width, scatter_room(s));
    scatter_cell(&x, &y, l, cell);
    x -= width / 2.0;
    y -= height / 2.0;
    jpeg->size = 0;
    if (jpegout_append(jpeg, in, QUALITY, err) < 0)
        return -1;
    fputs("<g>", out);
    put_name(out, s, s->shown[cell]);
    if (s->classes > 0) {
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\"", x - frame, y - frame,
            width + 2 * frame, height + 2 * frame);
        put_paint(out, s, scatter_look(s, class));
        fputs("/>", out);
    }
    fprintf(out, "<image x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\"%s href=\"", x, y, width,
        height, width > in->width ? " image-rendering=\"pixelated\"" : "");
    fputs("data:image/jpeg;base64,", out);
    put_base64(out, jpeg);
    fputs("\"/></g>\n", out);
    return 0;
}

static int put_thumbnails(
    FILE *out, const struct scatter *s, const struct scatter_layout *l, struct err *err)
{
    struct bytes jpeg = {0};
    int failed = 0;
    fputs("<g stroke-width=\"0\">\n", out);
    for (int cell = 0; cell < s->cells && !failed; cell++) {
        double x, y;
        if (s->shown[cell] >= 0 && s->thumb[cell].pixels != NULL) {
            failed = put_thumbnail(out, s, l, cell, &jpeg, err) < 0;
        } else if (s->shown[cell] >= 0) {
            scatter_cell(&x, &y, l, cell);
            put_mark(out, s, l, s->class[s->shown[cell]], x, y);
            putc('>', out);
            put_name(out, s, s->shown[cell]);
            fputs("</use>\n", out);
        }
    }
    fputs("</g>\n", out);
    bytes_free(&jpeg);
    return failed ? -1 : 0;
}

static void put_legend(FILE *out, const struct scatter *s, const struct scatter_layout *l)
{
    if (l->named > 0)
        fprintf(out, "<g stroke-width=\"%.2f\">\n", 0.8 * l->unit);
    for (int i = 0; i < l->named; i++) {
        char text[200];
        const double x = l->left + i / l->rows * l->step, y = l->legend + i % l->rows * l->lead;
        scatter_entry(text, sizeof text, s, l, i);
        if (i < l->named - 1 || l->named == s->classes) {
            const double grow = 5 * l->unit / l->radius;
            fprintf(out, "<g transform=\"translate(%.1f %.1f) scale(%.3f)\">", x + 8 * l->unit,
                y + l->lead / 2, grow);
            put_mark(out, s, l, i, 0, 0);
            fprintf(out, " stroke-width=\"%.2f\"/></g>", l->line);
        }
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">", x + 20 * l->unit,
            y + l->lead / 2 + 0.35 * TEXT * l->unit);
        put_short(out, text, l->step - 24 * l->unit, l->unit);
        fputs("</text>\n", out);
    }
    if (l->named > 0)
        fputs("</g>\n", out);
}

static int put_all(FILE *out, const struct scatter *s, struct err *err)
{
    const struct scatter_layout l = scatter_lay_out(s, width_of);
    const unsigned char *const b = s->background;
    fprintf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"simclr-map\" viewBox=\"0 0 %d %d\" "
        "width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"%.1f\" role=\"img\"",
        l.width, l.height, l.width, l.height, TEXT * l.unit);
    if (s->painted)
        fprintf(out, " style=\"color:%s\"", is_dark(s) ? "#e6e6e6" : "#222");
    fputs(">\n<title>", out);
    put_text(out, s->title != NULL ? s->title : s->caption);
    fputs("</title>\n", out);
    put_style(out, s);
    put_looks(out, s, &l);
    if (s->painted)
        fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>\n", l.width,
            l.height, b[0], b[1], b[2]);
    fprintf(out,
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
        "stroke=\"currentColor\" stroke-opacity=\".25\"/>\n",
        l.left, l.top, l.right - l.left, l.bottom - l.top);
    if (s->title != NULL) {
        fprintf(
            out, "<text x=\"%.1f\" y=\"%.1f\" font-weight=\"bold\">", l.left, l.top - 0.4 * l.lead);
        put_short(out, s->title, (l.right - l.left) / 1.1, l.unit);
        fputs("</text>\n", out);
    }
    if (s->cell == 0)
        put_points(out, s, &l);
    else if (put_thumbnails(out, s, &l, err) < 0)
        return -1;
    put_legend(out, s, &l);
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" fill-opacity=\".7\">", l.left,
        l.legend + (l.rows + 0.5) * l.lead + 0.35 * TEXT * l.unit);
    put_short(out, s->caption, l.right - l.left, l.unit);
    fputs("</text>\n</svg>\n", out);
    return 0;
}

char *scattersvg_text(const struct scatter *scatter, struct err *err)
{
    char *text = NULL;
    size_t size;
    FILE *const out = open_memstream(&text, &size);
    if (out == NULL) {
        err_memory(err, "a map");
        return NULL;
    }
    const int failed = put_all(out, scatter, err) < 0 || ferror(out);
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    err_memory(err, "a map");
    return NULL;
}
