/* resample -- a rectangle of a picture, resampled to planes of bytes with smoothing.
 * SPDX-License-Identifier: MIT */
#include "lib/image/resample.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 3, BITS = 22, HALF = 1 << (BITS - 1), TAPS = 5, WIDE = CHANNELS * RESAMPLE_WIDE };
enum { QUAD = 4 }; /* pixels in vectors of four: red, green, blue and nothing */

void resample_layout(struct resample *scratch, struct arena *arena, int y, int x)
{
    const size_t line = QUAD * (size_t)x > WIDE ? QUAD * (size_t)x : WIDE;
    scratch->row = arena_take(arena, (size_t)y, sizeof *scratch->row);
    scratch->column = arena_take(arena, (size_t)x, sizeof *scratch->column);
    scratch->room = TAPS * (size_t)x + (TAPS - 1) * (size_t)RESAMPLE_WIDE;
    scratch->weight = arena_take(arena, scratch->room, sizeof *scratch->weight);
    scratch->line = arena_take(arena, line + 1, sizeof *scratch->line);
    scratch->mixed = arena_take(arena, QUAD * (size_t)x, sizeof *scratch->mixed);
    scratch->sum =
        arena_take(arena, line > QUAD * (size_t)x * (size_t)y ? line : QUAD * (size_t)x * (size_t)y,
            sizeof *scratch->sum);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Samples along one direction: where the first one's edge is, how many pixels one takes, how much
 * the filter has grown, and the pixels there are. */
struct axis {
    double start, scale, growth, inverse; /* the last: 1 / growth */
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
    return filter_weight(axis->filter, (k + span->first - span->centre + 0.5) * axis->inverse);
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
    axis.inverse = 1 / axis.growth;
    *corner = first - origin;
    return axis;
}

/* ---- one direction ---------------------------------------------------------------------------- */

static inline unsigned char clip(int32_t sum)
{
    const int32_t x = sum >> BITS;
    return (unsigned char)(x < 0 ? 0 : x < 255 ? x : 255);
}

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

/* A row of grey at its new width: sum [X]. */
static void across_grey(int32_t *restrict sum, const unsigned char *restrict in,
    const struct resample_span *column, const int32_t *w, int taps, int x)
{
    for (int i = 0; i < x; i++, w += taps) {
        const unsigned char *const p = in + column[i].first;
        int32_t s = HALF;
        for (int k = 0; k < taps; k++)
            s += w[k] * p[k];
        sum[i] = s;
    }
}

/* A pixel as one vector: compilers look for vectors across pixels or taps, which are too few. */
typedef int32_t vector __attribute__((vector_size(QUAD * sizeof(int32_t))));
typedef uint32_t unsigned_vector __attribute__((vector_size(QUAD * sizeof(uint32_t))));

/* A row of colours at its new width: sum [X][4], aligned. Reads one byte behind the last pixel. */
CPU_CLONES static void across_color(int32_t *restrict sum, const unsigned char *restrict in,
    const struct resample_span *restrict column, const int32_t *restrict w, int taps, int x)
{
    vector *const out = (vector *)sum;
    for (int i = 0; i < x; i++, w += taps) {
        const unsigned char *p = in + (size_t)column[i].first * CHANNELS;
        vector s = {HALF, HALF, HALF, HALF};
        for (int k = 0; k < taps; k++, p += CHANNELS) {
            const uint32_t pixel =
                p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
            const unsigned_vector all = {pixel, pixel, pixel, pixel}, shift = {0, 8, 16, 24};
            s += w[k] * (vector)(all >> shift & 255);
        }
        out[i] = s;
    }
}

/* The same with weights made as they are needed: a rectangle may be wider than any scratch. */
static void across_wide(int32_t *restrict sum, const unsigned char *restrict in,
    const struct axis *axis, const struct resample_span *column, int channels, int x)
{
    const int lanes = channels == 1 ? 1 : QUAD;
    for (int i = 0; i < x; i++, sum += lanes) {
        const unsigned char *p = in + (size_t)column[i].first * channels;
        set(sum, HALF, lanes);
        for (int k = 0; k < column[i].count; k++, p += channels) {
            const int32_t w = fixed_weight(axis, &column[i], k);
            for (int c = 0; c < channels; c++)
                sum[c] += w * p[c];
        }
    }
}

/* Weights for all columns, the same number for each so that no branch depends on one: some are 0, and
 * the spans then begin earlier. Returns that number, or 0 if there is no room. */
static int make_columns(const struct axis *axis, const struct resample *scratch, int x)
{
    int taps = 0;
    for (int i = 0; i < x; i++) {
        scratch->column[i] = make_span(axis, i);
        taps = scratch->column[i].count > taps ? scratch->column[i].count : taps;
    }
    if (axis->pixels > RESAMPLE_WIDE || (size_t)taps * (size_t)x > scratch->room)
        return 0;
    memset(scratch->weight, 0, (size_t)taps * (size_t)x * sizeof *scratch->weight);
    for (int i = 0; i < x; i++) {
        struct resample_span *const span = &scratch->column[i];
        const int most = axis->pixels - taps, first = span->first < most ? span->first : most;
        int32_t *const w = scratch->weight + (size_t)i * taps + (span->first - first);
        for (int k = 0; k < span->count; k++)
            w[k] = fixed_weight(axis, span, k);
        span->first = first;
    }
    return taps;
}

/* ---- both directions ------------------------------------------------------------------------ */

/* What is resampled, and into what. */
struct job {
    const unsigned char *corner; /* of the rectangle */
    size_t pitch;
    int channels, lanes; /* of a pixel; of its sums: 1, or QUAD */
    struct axis columns, rows;
    int taps, y, x; /* taps 0: weights are not kept */
    const struct resample *scratch;
};

/* scratch->mixed becomes a row at its new width; scratch->line is used. */
static void across(const struct job *job, const unsigned char *row)
{
    const struct resample *const s = job->scratch;
    if (job->taps == 0)
        across_wide(s->mixed, row, &job->columns, s->column, job->channels, job->x);
    else if (job->channels == 1)
        across_grey(s->mixed, row, s->column, s->weight, job->taps, job->x);
    else {
        if (row != s->line) /* a byte behind the last row may not be ours */
            memcpy(s->line, row, CHANNELS * (size_t)job->columns.pixels);
        across_color(s->mixed, s->line, s->column, s->weight, job->taps, job->x);
    }
}

CPU_CLONES static void part(unsigned char *restrict r, unsigned char *restrict g,
    unsigned char *restrict b, const int32_t *restrict sum, int x)
{
    for (int i = 0; i < x; i++) {
        r[i] = clip(sum[QUAD * i]);
        g[i] = clip(sum[QUAD * i + 1]);
        b[i] = clip(sum[QUAD * i + 2]);
    }
}

/* Row j of the planes. */
static void put(unsigned char *out, const struct job *job, int j, const int32_t *sum)
{
    const size_t plane = (size_t)job->y * job->x;
    unsigned char *const row = out + (size_t)j * job->x;
    if (job->channels == 1)
        finish(row, sum, job->x);
    else
        part(row, row + plane, row + 2 * plane, sum, job->x);
}

/* How many output rows one source row may belong to. */
static int most_open(const struct job *job)
{
    const struct resample_span *const row = job->scratch->row;
    int most = 0;
    for (int first = 0, j = 0; j < job->y; j++) {
        while (row[first].first + row[first].count <= row[j].first)
            first++;
        most = j - first + 1 > most ? j - first + 1 : most;
    }
    return most;
}

/* Rows, then columns: each source row goes where it counts, once. */
static void rows_first(unsigned char *out, const struct job *job)
{
    const struct resample *const s = job->scratch;
    const int n = job->x * job->lanes, open = most_open(job);
    int begun = 0, done = 0; /* output rows; those between have their sums in a ring */
    for (int i = 0; i < job->rows.pixels; i++) {
        across(job, job->corner + job->pitch * (size_t)i);
        finish(s->line, s->mixed, n);
        for (; begun < job->y && s->row[begun].first <= i; begun++)
            set(s->sum + (size_t)(begun % open) * n, HALF, n);
        for (int j = done; j < begun; j++)
            add(s->sum + (size_t)(j % open) * n, s->line,
                fixed_weight(&job->rows, &s->row[j], i - s->row[j].first), n);
        for (; done < begun && s->row[done].first + s->row[done].count <= i + 1; done++)
            put(out, job, done, s->sum + (size_t)(done % open) * n);
    }
}

/* Columns, then rows. */
static void columns_first(unsigned char *out, const struct job *job)
{
    const struct resample *const s = job->scratch;
    const int n = job->channels * job->columns.pixels;
    for (int j = 0; j < job->y; j++) {
        const struct resample_span *const span = &s->row[j];
        const unsigned char *row = job->corner + job->pitch * (size_t)span->first;
        set(s->sum, HALF, n);
        for (int k = 0; k < span->count; k++, row += job->pitch)
            add(s->sum, row, fixed_weight(&job->rows, span, k), n);
        finish(s->line, s->sum, n);
        across(job, s->line);
        put(out, job, j, s->mixed);
    }
}

void resample_bytes(unsigned char *out, const struct picture *in, struct crop crop, int y, int x,
    enum resample_filter filter, const struct resample *scratch)
{
    int left, top;
    struct job job = {.channels = in->channels, .y = y, .x = x, .scratch = scratch};
    job.lanes = in->channels == 1 ? 1 : QUAD;
    job.columns = make_axis(&left, crop.x, crop.w, in->reduce, in->x, x, filter);
    job.rows = make_axis(&top, crop.y, crop.h, in->reduce, in->y, y, filter);
    job.pitch = (size_t)in->width * in->channels;
    job.corner = in->pixels + job.pitch * (size_t)top + (size_t)left * in->channels;
    job.taps = make_columns(&job.columns, scratch, x);
    for (int j = 0; j < y; j++)
        scratch->row[j] = make_span(&job.rows, j);
    const int lower = job.rows.pixels - y, narrower = job.columns.pixels - x;
    if (job.taps > 0 && lower > 0 && lower > 2 * narrower)
        columns_first(out, &job);
    else
        rows_first(out, &job);
}
