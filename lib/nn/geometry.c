/* geometry -- where the pixels of a block of pictures lie so that a convolution becomes products.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/geometry.h"

#include <string.h>

static int most(int a, int b)
{
    return a > b ? a : b;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* a / b rounded up, b > 0. */
static int ceiling(int a, int b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* Taps of phase a among r. */
static int taps_of(int r, int stride, int a)
{
    return (r - a + stride - 1) / stride;
}

/* First index of a phase that lies in the map, and one past the last that is both in the map and read
 * by an output. */
static void content(
    int *first, int *last, int extent, int outputs, int r, int stride, int lead, int a)
{
    *first = most(0, ceiling(lead - a, stride));
    *last = least(ceiling(extent + lead - a, stride), outputs + taps_of(r, stride, a) - 1);
    *last = most(*first, *last);
}

/* Positions between rows (or pictures): what outputs read beyond them must be zero both here and at the
 * start of the next. */
static int distance(int extent, int outputs, int r, int stride, int lead)
{
    int pitch = outputs;
    for (int a = 0; a < stride && a < r; a++) {
        int first, last;
        content(&first, &last, extent, outputs, r, stride, lead, a);
        pitch = most(pitch, most(last, outputs + taps_of(r, stride, a) - 1 - first));
    }
    return pitch;
}

void geometry_init(struct geometry *g, const struct geometry_shape *p, int pictures, int width)
{
    *g = (struct geometry){.shape = *p,
        .group = 1,
        .rows = distance(p->h, p->y, p->r, p->stride, p->top),
        .pitch = distance(p->w, p->x, p->s, p->stride, p->left),
        .phases = least(p->r, p->stride) * least(p->s, p->stride)};
    if (geometry_plain(g))
        return;
    size_t best = 0;
    int chosen = 1;
    for (int group = 1; group <= pictures && group <= width; group *= 2) {
        g->group = group;
        const size_t cost = (size_t)geometry_strips(g, pictures, width, NULL, NULL) * (size_t)width;
        if (best == 0 || cost < best) {
            best = cost;
            chosen = group;
        }
        if (19 * cost <= 20 * (size_t)pictures * (size_t)(p->y * p->x))
            break;
    }
    g->group = chosen;
}

void geometry_forward(struct geometry_shape *p, int h, int w, int r, int s, int stride, int pad)
{
    *p = (struct geometry_shape){.h = h,
        .w = w,
        .y = (h + 2 * pad - r) / stride + 1,
        .x = (w + 2 * pad - s) / stride + 1,
        .r = r,
        .s = s,
        .stride = stride,
        .top = pad,
        .left = pad};
}

/* Forward, with rows u * stride + a of the padded map: y[o] = sum over i of x[o + i] w[a + i * stride].
 * So dx[u] is the sum over i of dy[u - i] w[a + i * stride], for those u that lie in the map. */
static void transpose_axis(int *outputs, int *taps, int *lead, int *first, int *tap, int extent,
    int r, int stride, int pad, int a)
{
    const int u = most(0, ceiling(pad - a, stride));
    *first = u * stride + a - pad;
    *outputs = most(0, ceiling(extent - *first, stride));
    *taps = a < r ? taps_of(r, stride, a) : 0;
    *lead = *taps - 1 - u;
    *tap = a + (*taps - 1) * stride;
}

bool geometry_transpose(struct geometry_shape *p, struct geometry_part *part,
    const struct geometry_shape *forward, int a, int b)
{
    *p = (struct geometry_shape){.h = forward->y, .w = forward->x, .stride = 1};
    part->stride = forward->stride;
    transpose_axis(&p->y, &p->r, &p->top, &part->h, &part->r, forward->h, forward->r,
        forward->stride, forward->top, a);
    transpose_axis(&p->x, &p->s, &p->left, &part->w, &part->s, forward->w, forward->s,
        forward->stride, forward->left, b);
    return p->y > 0 && p->x > 0 && p->r > 0 && p->s > 0;
}

bool geometry_plain(const struct geometry *g)
{
    const struct geometry_shape *const p = &g->shape;
    return p->stride == 1 && p->r == 1 && p->s == 1 && p->top == 0 && p->left == 0 &&
           p->h == p->y && p->w == p->x;
}

static size_t positions(const struct geometry *g, int n)
{
    const size_t groups = (size_t)((n + g->group - 1) / g->group);
    return groups * (size_t)g->rows * (size_t)g->pitch * (size_t)g->group;
}

size_t geometry_length(const struct geometry *g, int n, int width)
{
    return positions(g, n) + (size_t)(geometry_tap(g, g->shape.r - 1, g->shape.s - 1) + width);
}

int geometry_phase(const struct geometry *g, int i, int j)
{
    const struct geometry_shape *const p = &g->shape;
    return i % p->stride * least(p->s, p->stride) + j % p->stride;
}

int geometry_tap(const struct geometry *g, int i, int j)
{
    return (i / g->shape.stride * g->pitch + j / g->shape.stride) * g->group;
}

struct geometry_span geometry_row(const struct geometry *g, int phase, int u)
{
    const struct geometry_shape *const p = &g->shape;
    const int across = least(p->s, p->stride), a = phase / across, b = phase % across;
    struct geometry_span span = {.h = -1};
    int first, last;
    content(&first, &last, p->h, p->y, p->r, p->stride, p->top, a);
    if (u < first || u >= last)
        return span;
    span.h = u * p->stride + a - p->top;
    content(&span.first, &span.last, p->w, p->x, p->s, p->stride, p->left, b);
    span.w = span.first * p->stride + b - p->left;
    return span;
}

int geometry_strips(const struct geometry *g, int n, int width, int *start, int *place)
{
    const int group = g->group, y = g->shape.y, x = g->shape.x, across = x * group;
    int strips = 0, strip = 0, end = 0; /* positions below end belong to a strip */
    for (int first = 0; first < n; first += group)
        for (int oy = 0; oy < y; oy++) {
            const int row = (first / group * g->rows + oy) * g->pitch * group;
            int done = most(0, end - row); /* outputs of this row that earlier strips have */
            while (done < across) {
                if (start != NULL)
                    start[strips] = row + done;
                if (place != NULL)
                    memset(place + strips * width, -1, (size_t)width * sizeof *place);
                strips++;
                done += width;
                end = row + done;
            }
            for (int q = 0; place != NULL && q < across; q++) {
                while (strip + 1 < strips && start[strip + 1] <= row + q)
                    strip++;
                if (first + q % group < n)
                    place[strip * width + row + q - start[strip]] =
                        ((first + q % group) * y + oy) * x + q / group;
            }
        }
    return strips;
}

/* One row of a phase, for all pictures of a group. */
static void copy_row(char *restrict to, const char *restrict maps, const struct geometry *g,
    const struct geometry_span *span, int pictures, size_t pixel, size_t step)
{
    const struct geometry_shape *const p = &g->shape;
    const size_t group = (size_t)g->group, count = (size_t)(span->last - span->first);
    const size_t picture = (size_t)p->h * (size_t)p->w * pixel;
    const char *from = maps + ((size_t)span->h * (size_t)p->w + (size_t)span->w) * pixel;
    memset(to, 0, (size_t)span->first * group * step);
    to += (size_t)span->first * group * step;
    if (group == 1 && step == pixel && p->stride == 1) {
        memcpy(to, from, count * pixel);
        to += count * pixel;
    } else {
        for (size_t v = 0; v < count; v++, from += (size_t)p->stride * pixel)
            for (size_t i = 0; i < group; i++, to += step)
                if (i < (size_t)pictures)
                    memcpy(to, from + i * picture, pixel);
                else
                    memset(to, 0, pixel);
    }
    memset(to, 0, (size_t)(g->pitch - span->last) * group * step);
}

void geometry_copy(void *restrict image, const void *restrict maps, const struct geometry *g, int n,
    int width, int c, int step, int size)
{
    const size_t pixel = (size_t)c * (size_t)size, stride = (size_t)step * (size_t)size;
    const size_t row = (size_t)g->pitch * (size_t)g->group * stride;
    const size_t picture = (size_t)g->shape.h * (size_t)g->shape.w * pixel;
    const size_t tail = geometry_length(g, n, width) - positions(g, n);
    char *to = image;
    for (int phase = 0; phase < g->phases; phase++) {
        for (int first = 0; first < n; first += g->group)
            for (int u = 0; u < g->rows; u++, to += row) {
                const struct geometry_span span = geometry_row(g, phase, u);
                if (span.h < 0)
                    memset(to, 0, row);
                else
                    copy_row(to, (const char *)maps + (size_t)first * picture, g, &span, n - first,
                        pixel, stride);
            }
        memset(to, 0, tail * stride);
        to += tail * stride;
    }
}
