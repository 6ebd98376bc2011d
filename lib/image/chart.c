/* chart -- curves over a common axis as SVG.
 * SPDX-License-Identifier: MIT */
#include "lib/image/chart.h"

#include "formats/xmltext.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 1000, FEW = 40 }; /* of the stretched plane, a side; points that are marked */

/* Around the curves of a file of its own. */
enum { LEFT = 56, RIGHT = 20, TOP = 34, BOTTOM = 44 };

struct range {
    double low, high;
};

/* A group of rows of one curve. */
struct group {
    double x, mean, low, high;
    bool any;
};

/* ---- text ------------------------------------------------------------------------------------- */

struct pen {
    struct bytes *out;
    struct err *err; /* the first error stays, and nothing is written any more */
};

__attribute__((format(printf, 2, 3))) static void put(struct pen *pen, const char *format, ...)
{
    char text[600];
    va_list list;
    va_start(list, format);
    const int whole = vsnprintf(text, sizeof text, format, list);
    const int size = whole < (int)sizeof text ? whole : (int)sizeof text - 1;
    va_end(list);
    unsigned char *const room = pen->err->status == ERR_NONE && size > 0
                                    ? bytes_room(pen->out, (size_t)size, pen->err)
                                    : NULL;
    if (room == NULL)
        return;
    memcpy(room, text, (size_t)size);
    pen->out->size += (size_t)size;
}

static void put_text(struct pen *pen, const char *foreign)
{
    char piece[XMLTEXT_MOST + 1];
    for (size_t at = 0, size = strlen(foreign); at < size;) {
        at += xmltext_take(piece, foreign + at, size - at);
        put(pen, "%s", piece);
    }
}

/* ---- ranges and steps ------------------------------------------------------------------------- */

static bool range_of(struct range *out, const double *value, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(value[i]))
            continue;
        out->low = any ? fmin(out->low, value[i]) : value[i];
        out->high = any ? fmax(out->high, value[i]) : value[i];
        any = true;
    }
    return any;
}

static bool vertical_range(struct range *out, const struct chart *chart)
{
    struct range one;
    bool any = false;
    for (int s = 0; s < chart->series; s++) {
        if (!range_of(&one, chart->one[s].y, chart->rows))
            continue;
        out->low = any ? fmin(out->low, one.low) : one.low;
        out->high = any ? fmax(out->high, one.high) : one.high;
        any = true;
    }
    const double extent = out->high - out->low;
    const double room = extent > 0 ? 0.05 * extent : 0.05 * fmax(fabs(out->high), 1e-3);
    out->low = isnan(chart->y_min) ? out->low - room : chart->y_min;
    out->high = isnan(chart->y_max) ? out->high + room : chart->y_max;
    return any && out->high > out->low && isfinite(out->high - out->low);
}

int chart_ticks(double *first, double *step, double low, double high, int wanted)
{
    const double rough = (high - low) / wanted;
    const double power = pow(10, floor(log10(rough)));
    const double share = rough / power;
    *step = power * (share < 1.5 ? 1 : share < 3 ? 2 : share < 7 ? 5 : 10);
    *first = ceil(low / *step - 1e-9) * *step;
    const double count = floor((high - *first) / *step + 1e-9) + 1;
    return count >= 1 && count < 100 ? (int)count : 0;
}

/* With as many decimals as the step needs; what rounds to zero has no sign. */
static void put_number(struct pen *pen, double value, double step)
{
    const int decimals = step >= 1 ? 0 : (int)fmin(9, ceil(-log10(step) - 1e-9));
    const double shown = fabs(value) < step * 1e-6 ? 0 : value;
    if (fabs(shown) >= 1e7 || decimals > 6)
        put(pen, "%.3g", shown);
    else
        put(pen, "%s%.*f", shown < 0 ? "\u2212" : "", decimals, fabs(shown));
}

/* From 0 to 1 within the range; far outside is far enough. */
static double share_of(double value, const struct range *range)
{
    return fmin(fmax((value - range->low) / (range->high - range->low), -9), 9);
}

/* ---- the frame -------------------------------------------------------------------------------- */

static void put_axes(
    struct pen *pen, const struct chart *chart, const struct range *x, const struct range *y)
{
    double first, step;
    int count = chart_ticks(&first, &step, y->low, y->high, 4);
    for (int i = 0; i < count; i++) {
        const double at = 100 * (1 - share_of(first + i * step, y));
        put(pen, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>", at,
            at);
        put(pen, "<text class=\"axis\" x=\"-8\" y=\"%.2f%%\" dy=\".35em\" text-anchor=\"end\">",
            at);
        put_number(pen, first + i * step, step);
        put(pen, "</text>\n");
    }
    put(pen, "<line class=\"base\" x1=\"0\" x2=\"100%%\" y1=\"100%%\" y2=\"100%%\"/>\n");
    count = x->high > x->low ? chart_ticks(&first, &step, x->low, x->high, 5) : 0;
    for (int i = 0; i < count; i++) {
        put(pen,
            "<text class=\"axis\" x=\"%.2f%%\" y=\"100%%\" dy=\"1.5em\" text-anchor=\"middle\">",
            100 * share_of(first + i * step, x));
        put_number(pen, first + i * step, step);
        put(pen, "</text>\n");
    }
    if (chart->x_label != NULL) {
        put(pen, "<text class=\"axis\" x=\"100%%\" y=\"100%%\" dy=\"2.8em\" text-anchor=\"end\">");
        put_text(pen, chart->x_label);
        put(pen, "</text>\n");
    }
}

/* What the curves are called, and the last number of each. */
static void put_key(struct pen *pen, const struct chart *chart, const struct range *y)
{
    static const char *const mark[CHART_SERIES] = {
        "\u2014", "- -", "\u00b7\u00b7\u00b7", "\u2013\u00b7", "--", "\u00b7-\u00b7"};
    put(pen, "<text class=\"key\" x=\"0\" y=\"-14\">");
    for (int s = 0; s < chart->series; s++) {
        const double *const value = chart->one[s].y;
        size_t last = chart->rows;
        while (last > 0 && !isfinite(value[last - 1]))
            last--;
        put(pen, "<tspan class=\"key-%d\"%s>%s</tspan> ", s + 1, s > 0 ? " dx=\"14\"" : "",
            mark[s]);
        put_text(pen, chart->one[s].name);
        if (last > 0) {
            put(pen, " <tspan class=\"last\">");
            put_number(pen, value[last - 1], pow(10, floor(log10((y->high - y->low) / 100))));
            put(pen, "</tspan>");
        }
    }
    put(pen, "</text>\n");
}

/* ---- the curves ------------------------------------------------------------------------------- */

static int group_rows(struct group *group, const struct chart *chart, int series)
{
    const size_t most = (size_t)chart->points, rows = chart->rows;
    const size_t groups = rows < most ? rows : most;
    for (size_t g = 0; g < groups; g++) {
        const size_t from = g * rows / groups, to = (g + 1) * rows / groups;
        const double *const y = chart->one[series].y;
        struct group sum = {0};
        size_t count = 0;
        for (size_t i = from; i < to; i++) {
            if (!isfinite(y[i]) || !isfinite(chart->x[i]))
                continue;
            sum.low = count == 0 ? y[i] : fmin(sum.low, y[i]);
            sum.high = count == 0 ? y[i] : fmax(sum.high, y[i]);
            sum.x += chart->x[i];
            sum.mean += y[i];
            count++;
        }
        sum.any = count > 0;
        sum.x /= count > 0 ? (double)count : 1;
        sum.mean /= count > 0 ? (double)count : 1;
        group[g] = sum;
    }
    return (int)groups;
}

struct plane {
    struct range x, y;
};

static void put_point(struct pen *pen, char letter, const struct plane *plane, double x, double y)
{
    const double across =
        plane->x.high > plane->x.low ? UNITS * share_of(x, &plane->x) : UNITS / 2.0;
    put(pen, "%c%.1f %.1f", letter, across, UNITS * (1 - share_of(y, &plane->y)));
}

/* There and back again, a piece for each run of groups without a gap. */
static void put_band(
    struct pen *pen, const struct plane *plane, const struct group *group, int groups, int series)
{
    put(pen, "<path class=\"band band-%d\" d=\"", series + 1);
    for (int from = 0, to; from < groups; from = to + 1) {
        for (to = from; to < groups && group[to].any;)
            to++;
        for (int g = from; g < to; g++)
            put_point(pen, g == from ? 'M' : 'L', plane, group[g].x, group[g].high);
        for (int g = to - 1; g >= from; g--)
            put_point(pen, 'L', plane, group[g].x, group[g].low);
        put(pen, to > from ? "Z" : "");
    }
    put(pen, "\"/>\n");
}

static void put_line(
    struct pen *pen, const struct plane *plane, const struct group *group, int groups, int series)
{
    put(pen, "<path class=\"line line-%d\" vector-effect=\"non-scaling-stroke\" d=\"", series + 1);
    for (int g = 0; g < groups; g++)
        if (group[g].any)
            put_point(pen, g > 0 && group[g - 1].any ? 'L' : 'M', plane, group[g].x, group[g].mean);
    put(pen, "\"/>\n");
}

/* A line that says the same everywhere is there to be compared with: its points mean nothing. */
static bool is_level(const double *value, size_t count)
{
    struct range range = {0, 0};
    return range_of(&range, value, count) && range.low >= range.high && count > 1;
}

static void put_dots(
    struct pen *pen, const struct plane *plane, const struct group *group, int groups, int series)
{
    for (int g = 0; g < groups; g++) {
        const double across = plane->x.high > plane->x.low ? share_of(group[g].x, &plane->x) : 0.5;
        if (group[g].any)
            put(pen,
                "<circle class=\"dot-%d\" cx=\"%.2f%%\" cy=\"%.2f%%\" r=\"2.5\"><title>%.6g: "
                "%.6g</title></circle>\n",
                series + 1, 100 * across, 100 * (1 - share_of(group[g].mean, &plane->y)),
                group[g].x, group[g].mean);
    }
}

static void put_curves(struct pen *pen, const struct chart *chart, const struct plane *plane)
{
    struct group *const group = malloc((size_t)chart->points * sizeof *group);
    if (group == NULL) {
        err_memory(pen->err, "a chart");
        return;
    }
    /* Only this plane is stretched. */
    put(pen,
        "<svg viewBox=\"0 0 %d %d\" width=\"100%%\" height=\"100%%\" "
        "preserveAspectRatio=\"none\" overflow=\"visible\">\n",
        UNITS, UNITS);
    for (int s = 0; s < chart->series && chart->rows > (size_t)chart->points; s++)
        put_band(pen, plane, group, group_rows(group, chart, s), s);
    for (int s = chart->series - 1; s >= 0; s--) /* the first in front */
        put_line(pen, plane, group, group_rows(group, chart, s), s);
    put(pen, "</svg>\n");
    for (int s = chart->series - 1; s >= 0 && chart->rows <= FEW; s--)
        if (!is_level(chart->one[s].y, chart->rows))
            put_dots(pen, plane, group, group_rows(group, chart, s), s);
    free(group);
}

/* ---- all of it -------------------------------------------------------------------------------- */

static const char style[] =
    "<style>\n"
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.axis,.last{fill:#59636e}\n"
    ".title{font-weight:600}.grid{stroke:#d1d9e0}.base{stroke:#818b98}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.band{opacity:.15}\n"
    ".line-2{stroke-dasharray:6 4}.line-3{stroke-dasharray:2 3}.line-4{stroke-dasharray:8 3 2 3}\n"
    ".line-5{stroke-dasharray:3 2}.line-6{stroke-dasharray:2 3 6 3}\n"
    "[class^=key-]{font-weight:700}\n"
    ".line-1{stroke:#0072b2}.line-2{stroke:#d55e00}.line-3{stroke:#009e73}\n"
    ".line-4{stroke:#cc79a7}.line-5{stroke:#e69f00}.line-6{stroke:#56b4e9}\n"
    ".band-1,.dot-1,.key-1{fill:#0072b2}.band-2,.dot-2,.key-2{fill:#d55e00}\n"
    ".band-3,.dot-3,.key-3{fill:#009e73}.band-4,.dot-4,.key-4{fill:#cc79a7}\n"
    ".band-5,.dot-5,.key-5{fill:#e69f00}.band-6,.dot-6,.key-6{fill:#56b4e9}\n"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.axis,.last{fill:#9198a1}\n"
    ".grid{stroke:#3d444d}.line-1{stroke:#56b4e9}.band-1,.dot-1,.key-1{fill:#56b4e9}\n"
    ".line-6{stroke:#0072b2}.band-6,.dot-6,.key-6{fill:#0072b2}}\n"
    "</style>\n";

static void open_file(struct pen *pen, const struct chart *chart)
{
    put(pen,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\">\n",
        chart->width, chart->height, chart->width, chart->height);
    for (const char *line = style; *line != '\0';) { /* longer than a put() */
        const int length = (int)strcspn(line, "\n") + 1;
        put(pen, "%.*s", length, line);
        line += length;
    }
    put(pen,
        "<svg class=\"chart\" role=\"img\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
        "overflow=\"visible\"",
        LEFT, TOP, chart->width - LEFT - RIGHT, chart->height - TOP - BOTTOM);
}

int chart_svg(struct bytes *out, const struct chart *chart, struct err *err)
{
    struct pen pen = {out, err};
    struct plane plane = {{0, 0}, {0, 0}};
    if (!range_of(&plane.x, chart->x, chart->rows) || !vertical_range(&plane.y, chart) ||
        !isfinite(plane.x.high - plane.x.low))
        return err_set(err, ERR_INPUT, "there is no number to be shown");
    if (chart->inside)
        put(&pen,
            "<svg class=\"chart\" role=\"img\" width=\"100%%\" height=\"%d\" "
            "overflow=\"visible\"",
            chart->height);
    else
        open_file(&pen, chart);
    if (chart->title != NULL) {
        put(&pen, " aria-label=\"");
        put_text(&pen, chart->title);
        put(&pen, "\"");
    }
    put(&pen, ">\n");
    put_axes(&pen, chart, &plane.x, &plane.y);
    put_curves(&pen, chart, &plane);
    put_key(&pen, chart, &plane.y);
    put(&pen, chart->inside ? "</svg>\n" : "</svg>\n</svg>\n");
    return err->status == ERR_NONE ? 0 : -1;
}
