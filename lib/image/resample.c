/* resample -- a rectangle of a picture, resampled to planes of bytes with smoothing.
 * SPDX-License-Identifier: MIT */
#include "lib/image/resample.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <stdbool.h>

enum { CHANNELS = 3, BITS = 22, HALF = 1 << (BITS - 1), TAPS = 5, WIDE = CHANNELS * RESAMPLE_WIDE };

void resample_layout(struct resample *scratch, struct arena *arena, int y, int x)
{
    const size_t line = CHANNELS * (size_t)x;
    scratch->row = arena_take(arena, (size_t)y, sizeof *scratch->row);
    scratch->column = arena_take(arena, (size_t)x, sizeof *scratch->column);
    scratch->room = TAPS * (size_t)x + (TAPS - 1) * (size_t)RESAMPLE_WIDE;
    scratch->weight = arena_take(arena, scratch->room, sizeof *scratch->weight);
    scratch->line = arena_take(arena, line > WIDE ? line : WIDE, sizeof *scratch->line);
    scratch->sum =
        arena_take(arena, line * (size_t)y > WIDE ? line * (size_t)y : WIDE, sizeof *scratch->sum);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Samples along one direction: where the first one's edge is, how many pixels one takes, how much
 * the filter has grown, and the pixels there are. */
struct axis {
    double start, scale, growth;
    int pixels;
    enum resample_filter filter;
};

static double filter_weight(enum resample_filter filter, double t)
{
    t = fabs(t);
    if (filter == RESAMPLE_BILINEAR)
        return t < 1 ? 1 - t : 0;
    if (t < 1)
        return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0;
}

static double raw_weight(const struct axis *axis, const struct resample_span *span, int k)
{
    return filter_weight(axis->filter, (k + span->first - span->centre + 0.5) * (1 / axis->growth));
}

static struct resample_span make_span(const struct axis *axis, int i)
{
    const double support = axis->growth * (axis->filter == RESAMPLE_BICUBIC ? 2 : 1);
    const double centre = axis->start + (i + 0.5) * axis->scale;
    const int first = centre - support + 0.5 < 0 ? 0 : (int)(centre - support + 0.5);
    const int last = (int)(centre + support + 0.5);
    struct resample_span span = {.first = first, .centre = centre};
    span.count = (last < axis->pixels ? last : axis->pixels) - first;
    for (int k = 0; k < span.count; k++)
        span.total += raw_weight(axis, &span, k);
    return span;
}

/* Of pixel k of a span, in units of 2^-22. */
static int32_t fixed_weight(const struct axis *axis, const struct resample_span *span, int k)
{
    const double w = raw_weight(axis, span, k) / span->total * (1 << BITS);
    return (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
}

/* The pixels from `from` for `extent`, of which the picture at hand was reduced and begins at
 * `origin`; *corner: the first pixel that counts. */
static struct axis make_axis(
    int *corner, int from, int extent, int reduce, int origin, int n, enum resample_filter filter)
{
    const int first = from / reduce, end = (from + extent - 1) / reduce + 1;
    struct axis axis = {.pixels = end - first, .filter = filter};
    axis.start = (double)from / reduce - first;
    axis.scale = (double)extent / reduce / n;
    axis.growth = axis.scale > 1 ? axis.scale : 1;
    *corner = first - origin;
    return axis;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static inline unsigned char clip(int32_t sum)
{
    const int32_t x = sum >> BITS;
    return (unsigned char)(x < 0 ? 0 : x < 255 ? x : 255);
}

/* A row of grey: out [X]. */
static void across_grey(unsigned char *restrict out, const unsigned char *restrict in,
    const struct resample *scratch, int x)
{
    const int32_t *w = scratch->weight;
    for (int i = 0; i < x; i++) {
        const struct resample_span *const span = &scratch->column[i];
        const unsigned char *const p = in + span->first;
        int32_t sum = HALF;
        for (int k = 0; k < span->count; k++)
            sum += *w++ * p[k];
        out[i] = clip(sum);
    }
}

/* A row of colours: out [3][plane], of which the first X are written. */
static void across_color(unsigned char *restrict out, const unsigned char *restrict in,
    const struct resample *scratch, int x, size_t plane)
{
    const int32_t *w = scratch->weight;
    for (int i = 0; i < x; i++) {
        const struct resample_span *const span = &scratch->column[i];
        const unsigned char *p = in + (size_t)span->first * CHANNELS;
        int32_t r = HALF, g = HALF, b = HALF;
        for (int k = span->count; k > 0; k--, w++, p += CHANNELS) {
            r += *w * p[0];
            g += *w * p[1];
            b += *w * p[2];
        }
        out[i] = clip(r);
        out[plane + (size_t)i] = clip(g);
        out[2 * plane + (size_t)i] = clip(b);
    }
}

static void across(unsigned char *out, const unsigned char *in, const struct resample *scratch,
    int channels, int x, size_t plane)
{
    if (channels == 1)
        across_grey(out, in, scratch, x);
    else
        across_color(out, in, scratch, x, plane);
}

/* The same with weights made as they are needed: a rectangle may be wider than any scratch. */
static void across_wide(unsigned char *restrict out, const unsigned char *restrict in,
    const struct axis *axis, const struct resample *scratch, int channels, int x)
{
    for (int i = 0; i < x; i++) {
        const struct resample_span *const span = &scratch->column[i];
        const unsigned char *p = in + (size_t)span->first * channels;
        int32_t sum[CHANNELS] = {HALF, HALF, HALF};
        for (int k = 0; k < span->count; k++, p += channels) {
            const int32_t w = fixed_weight(axis, span, k);
            for (int c = 0; c < channels; c++)
                sum[c] += w * p[c];
        }
        for (int c = 0; c < channels; c++)
            out[c * x + i] = clip(sum[c]);
    }
}

/* True if the weights of all columns found room. */
static bool make_columns(const struct axis *axis, const struct resample *scratch, int x)
{
    size_t used = 0;
    for (int i = 0; i < x; i++) {
        const struct resample_span span = scratch->column[i] = make_span(axis, i);
        if (used <= scratch->room && (size_t)span.count <= scratch->room - used)
            for (int k = 0; k < span.count; k++)
                scratch->weight[used + (size_t)k] = fixed_weight(axis, &span, k);
        used += (size_t)span.count;
    }
    return used <= scratch->room;
}

/* ---- columns -------------------------------------------------------------------------------- */

CPU_CLONES static void set(int32_t *sum, int32_t value, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] = value;
}

CPU_CLONES static void add(
    int32_t *restrict sum, const unsigned char *restrict line, int32_t weight, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += weight * line[i];
}

CPU_CLONES static void finish(unsigned char *restrict out, const int32_t *restrict sum, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = clip(sum[i]);
}

/* ---- both directions ------------------------------------------------------------------------ */

/* What is resampled: the corner of the rectangle in the picture, and its size and channels. */
struct source {
    const unsigned char *corner;
    size_t pitch;
    int channels;
};

/* Rows, then columns: each source row goes where it counts, once. */
static void rows_first(unsigned char *out, const struct source *in, const struct axis *columns,
    const struct axis *rows, bool kept, int y, int x, const struct resample *scratch)
{
    const int channels = in->channels, line = channels * x;
    int begun = 0, done = 0; /* output rows */
    for (int i = 0; i < rows->pixels; i++) {
        const unsigned char *const source = in->corner + in->pitch * (size_t)i;
        if (kept)
            across(scratch->line, source, scratch, channels, x, (size_t)x);
        else
            across_wide(scratch->line, source, columns, scratch, channels, x);
        for (; begun < y && scratch->row[begun].first <= i; begun++)
            set(scratch->sum + (size_t)begun * line, HALF, line);
        for (int j = done; j < begun; j++)
            if (i - scratch->row[j].first < scratch->row[j].count)
                add(scratch->sum + (size_t)j * line, scratch->line,
                    fixed_weight(rows, &scratch->row[j], i - scratch->row[j].first), line);
        for (; done < begun && scratch->row[done].first + scratch->row[done].count <= i + 1; done++)
            for (int c = 0; c < channels; c++)
                finish(out + ((size_t)c * y + done) * x,
                    scratch->sum + (size_t)done * line + (size_t)c * x, x);
    }
}

/* Columns, then rows. */
static void columns_first(unsigned char *out, const struct source *in, const struct axis *columns,
    const struct axis *rows, int y, int x, const struct resample *scratch)
{
    const int channels = in->channels, line = channels * columns->pixels;
    for (int j = 0; j < y; j++) {
        const struct resample_span *const span = &scratch->row[j];
        const unsigned char *source = in->corner + in->pitch * (size_t)span->first;
        set(scratch->sum, HALF, line);
        for (int k = 0; k < span->count; k++, source += in->pitch)
            add(scratch->sum, source, fixed_weight(rows, span, k), line);
        finish(scratch->line, scratch->sum, line);
        across(out + (size_t)j * x, scratch->line, scratch, channels, x, (size_t)y * x);
    }
}

void resample_bytes(unsigned char *out, const struct picture *in, struct crop crop, int y, int x,
    enum resample_filter filter, const struct resample *scratch)
{
    int left, top;
    const struct axis columns = make_axis(&left, crop.x, crop.w, in->reduce, in->x, x, filter);
    const struct axis rows = make_axis(&top, crop.y, crop.h, in->reduce, in->y, y, filter);
    struct source source = {NULL, (size_t)in->width * in->channels, in->channels};
    source.corner = in->pixels + source.pitch * (size_t)top + (size_t)left * in->channels;
    const bool kept = make_columns(&columns, scratch, x);
    for (int j = 0; j < y; j++)
        scratch->row[j] = make_span(&rows, j);
    if (kept && columns.pixels <= RESAMPLE_WIDE && y < rows.pixels &&
        rows.pixels - y > 2 * (columns.pixels - x))
        columns_first(out, &source, &columns, &rows, y, x, scratch);
    else
        rows_first(out, &source, &columns, &rows, kept, y, x, scratch);
}
