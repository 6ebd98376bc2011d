/* pool -- maximum, average and option A subsampling of NHWC maps; one picture is one block.
 *
 * Each loop is written once, for an element type that the compiler knows where it is inlined.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/pool.h"

#include "lib/base/cpu.h"

#include <stdbool.h>
#include <string.h>

#define INLINE __attribute__((always_inline)) static inline

struct pass {
    void *out;
    const void *in;
    uint8_t *index;
    enum precision precision;
    int h, w, c, k;
};

static size_t map(int h, int w, int c)
{
    return (size_t)h * (size_t)w * (size_t)c;
}

/* ---- maximum ---------------------------------------------------------------------------------- */

enum { WINDOW = 9, LANES = 8 };

/* Channels that are looked at together, in registers over all pixels of a window: the compiler's vectors
 * become whatever the CPU has. Comparisons give lanes of all ones, or of zeros. */
typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* Channels i .. i+7 of a map; precision_get() of each. */
INLINE void read_lanes(floats *out, const void *map, size_t i, bool bf16)
{
    halves half;
    if (!bf16) {
        memcpy(out, (const float *)map + i, sizeof *out);
        return;
    }
    memcpy(&half, (const uint16_t *)map + i, sizeof half);
    *out = (floats)(__builtin_convertvector(half, words) << 16);
}

/* precision_put() of each. */
INLINE void write_lanes(void *map, size_t i, const floats *in, bool bf16)
{
    if (!bf16) {
        memcpy((float *)map + i, in, sizeof *in);
        return;
    }
    const words bits = (words)*in, nan = (words)(*in != *in);
    const words rounded = bits + 0x7FFFU + (bits >> 16 & 1U);
    const halves half =
        __builtin_convertvector(((rounded & ~nan) | (0x7FC00000U & nan)) >> 16, halves);
    memcpy((uint16_t *)map + i, &half, sizeof half);
}

/* The largest of `count` pixels, the earliest of equals; NaN is larger than anything, as in PyTorch. */
INLINE void largest_lanes(bool bf16, void *restrict y, uint8_t *restrict index,
    const void *const *x, const uint8_t *place, int count, size_t first)
{
    floats most;
    ints where = (ints){0} + place[0];
    read_lanes(&most, x[0], first, bf16);
    for (int j = 1; j < count; j++) {
        floats value;
        read_lanes(&value, x[j], first, bf16);
        const ints larger = (value > most) | (value != value);
        most = (floats)(((ints)value & larger) | ((ints)most & ~larger));
        where = (place[j] & larger) | (where & ~larger);
    }
    write_lanes(y, first, &most, bf16);
    const bytes narrow = __builtin_convertvector(__builtin_convertvector(where, halves), bytes);
    memcpy(index + first, &narrow, sizeof narrow);
}

/* The same of one channel. */
INLINE void largest(bool bf16, void *restrict y, uint8_t *restrict index, const void *const *x,
    const uint8_t *place, int count, size_t channel)
{
    float most = precision_get(x[0], channel, bf16);
    uint8_t where = place[0];
    for (int j = 1; j < count; j++) {
        const float value = precision_get(x[j], channel, bf16);
        if (value > most || value != value) {
            most = value;
            where = place[j];
        }
    }
    precision_put(y, channel, most, bf16);
    index[channel] = where;
}

INLINE void largest_as(bool bf16, void *restrict y, uint8_t *restrict index, const void *const *x,
    const uint8_t *place, int count, size_t c)
{
    size_t i = 0;
    for (; i + LANES <= c; i += LANES)
        largest_lanes(bf16, y, index, x, place, count, i);
    for (; i < c; i++)
        largest(bf16, y, index, x, place, count, i);
}

CPU_CLONES static void take_largest(void *y, uint8_t *index, const void *const *x,
    const uint8_t *place, int count, enum precision precision, size_t c)
{
    if (precision == PRECISION_BF16)
        largest_as(true, y, index, x, place, count, c);
    else
        largest_as(false, y, index, x, place, count, c);
}

static void maximum_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h - 1) / 2 + 1, width = (p->w - 1) / 2 + 1;
    const size_t c = (size_t)p->c, in = (size_t)n * map(p->h, p->w, p->c);
    size_t out = (size_t)n * map(height, width, p->c);
    (void)thread;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, out += c) {
            const void *x[WINDOW] = {NULL};
            uint8_t place[WINDOW] = {0};
            int count = 0;
            for (int i = 0; i < WINDOW; i++) {
                const int h = 2 * row - 1 + i / 3, w = 2 * column - 1 + i % 3;
                if (h < 0 || h >= p->h || w < 0 || w >= p->w)
                    continue;
                x[count] =
                    precision_at(p->in, p->precision, in + map(h, p->w, p->c) + (size_t)w * c);
                place[count++] = (uint8_t)i;
            }
            take_largest(precision_at(p->out, p->precision, out), p->index + out, x, place, count,
                p->precision, c);
        }
}

void pool_maximum_forward(struct parallel *parallel, void *y, uint8_t *index, const void *x,
    enum precision precision, int n, int h, int w, int c)
{
    struct pass p = {
        .out = y, .index = index, .in = x, .precision = precision, .h = h, .w = w, .c = c};
    parallel_run(parallel, n, maximum_forward, &p);
}

/* dx of one pixel: the dy of those of its windows (at most four, `at` [windows] in dy) whose largest
 * it was, `place` being where it lies in each. */
INLINE void chosen_as(bool bf16, void *restrict dx, const void *restrict dy,
    const uint8_t *restrict index, const size_t at[4], const uint8_t place[4], int windows,
    size_t c)
{
    size_t i = 0;
    for (; i + LANES <= c; i += LANES) {
        floats sum = {0};
        for (int j = 0; j < windows; j++) {
            floats g;
            bytes where;
            read_lanes(&g, dy, at[j] + i, bf16);
            memcpy(&where, index + at[j] + i, sizeof where);
            const ints at_tap =
                __builtin_convertvector(__builtin_convertvector(where, halves), ints);
            sum += (floats)((ints)g & (at_tap == place[j]));
        }
        write_lanes(dx, i, &sum, bf16);
    }
    for (; i < c; i++) {
        float sum = 0;
        for (int j = 0; j < windows; j++)
            sum += index[at[j] + i] == place[j] ? precision_get(dy, at[j] + i, bf16) : 0;
        precision_put(dx, i, sum, bf16);
    }
}

CPU_CLONES static void take_chosen(void *dx, const void *dy, const uint8_t *index,
    enum precision precision, const size_t at[4], const uint8_t place[4], int windows, size_t c)
{
    if (precision == PRECISION_BF16)
        chosen_as(true, dx, dy, index, at, place, windows, c);
    else
        chosen_as(false, dx, dy, index, at, place, windows, c);
}

static void maximum_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h - 1) / 2 + 1, width = (p->w - 1) / 2 + 1;
    const size_t c = (size_t)p->c, in = (size_t)n * map(height, width, p->c);
    size_t out = (size_t)n * map(p->h, p->w, p->c);
    (void)thread;
    for (int h = 0; h < p->h; h++)
        for (int w = 0; w < p->w; w++, out += c) {
            size_t at[4] = {0};
            uint8_t place[4] = {0};
            int windows = 0;
            for (int row = h / 2; row <= (h + 1) / 2 && row < height; row++)
                for (int column = w / 2; column <= (w + 1) / 2 && column < width; column++) {
                    at[windows] = in + map(row, width, p->c) + (size_t)column * c;
                    place[windows++] = (uint8_t)(3 * (h - 2 * row + 1) + (w - 2 * column + 1));
                }
            take_chosen(precision_at(p->out, p->precision, out), p->in, p->index, p->precision, at,
                place, windows, c);
        }
}

/* In the forward pass this was: y = x[index]. */
void pool_maximum_backward(struct parallel *parallel, void *dx, const void *dy,
    const uint8_t *index, enum precision precision, int n, int h, int w, int c)
{
    struct pass p = {.out = dx,
        .index = (uint8_t *)index,
        .in = dy,
        .precision = precision,
        .h = h,
        .w = w,
        .c = c};
    parallel_run(parallel, n, maximum_backward, &p);
}

/* ---- average ---------------------------------------------------------------------------------- */

INLINE void average_as(bool bf16, float *restrict y, const void *restrict x, size_t area, size_t c)
{
    memset(y, 0, c * sizeof *y);
    for (size_t i = 0; i < area; i++)
        for (size_t j = 0; j < c; j++)
            y[j] += precision_get(x, i * c + j, bf16);
    for (size_t j = 0; j < c; j++)
        y[j] /= (float)area;
}

CPU_CLONES static void average_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const size_t area = (size_t)p->h, c = (size_t)p->c;
    const void *x = precision_at(p->in, p->precision, (size_t)n * area * c);
    float *y = (float *)p->out + (size_t)n * c;
    (void)thread;
    if (p->precision == PRECISION_BF16)
        average_as(true, y, x, area, c);
    else
        average_as(false, y, x, area, c);
}

void pool_average_forward(struct parallel *parallel, float *y, const void *x,
    enum precision precision, int n, int area, int c)
{
    struct pass p = {.out = y, .in = x, .precision = precision, .h = area, .c = c};
    parallel_run(parallel, n, average_forward, &p);
}

INLINE void spread_as(bool bf16, void *restrict dx, const float *restrict dy, size_t area, size_t c)
{
    for (size_t i = 0; i < area; i++)
        for (size_t j = 0; j < c; j++)
            precision_put(dx, i * c + j, dy[j] / (float)area, bf16);
}

CPU_CLONES static void average_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const size_t area = (size_t)p->h, c = (size_t)p->c;
    void *dx = precision_at(p->out, p->precision, (size_t)n * area * c);
    const float *dy = (const float *)p->in + (size_t)n * c;
    (void)thread;
    if (p->precision == PRECISION_BF16)
        spread_as(true, dx, dy, area, c);
    else
        spread_as(false, dx, dy, area, c);
}

/* In the forward pass this was: y = sum(x) / area. */
void pool_average_backward(struct parallel *parallel, void *dx, const float *dy,
    enum precision precision, int n, int area, int c)
{
    struct pass p = {.out = dx, .in = dy, .precision = precision, .h = area, .c = c};
    parallel_run(parallel, n, average_backward, &p);
}

/* ---- subsampling, and the sum of two maps ------------------------------------------------------- */

static void subsample_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h + 1) / 2, width = (p->w + 1) / 2;
    const size_t in = (size_t)n * map(p->h, p->w, p->c), size = precision_size(p->precision);
    size_t out = (size_t)n * map(height, width, p->k);
    (void)thread;
    memset(precision_at(p->out, p->precision, out), 0, map(height, width, p->k) * size);
    out += (size_t)(p->k - p->c) / 2;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, out += (size_t)p->k)
            memcpy(precision_at(p->out, p->precision, out),
                precision_at(
                    p->in, p->precision, in + map(2 * row, p->w, p->c) + map(1, 2 * column, p->c)),
                (size_t)p->c * size);
}

void pool_subsample_forward(struct parallel *parallel, void *y, const void *x,
    enum precision precision, int n, int h, int w, int c, int k)
{
    struct pass p = {.out = y, .in = x, .precision = precision, .h = h, .w = w, .c = c, .k = k};
    parallel_run(parallel, n, subsample_forward, &p);
}

INLINE void add_as(bool bf16, void *restrict sum, const void *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        precision_put(sum, i, precision_get(sum, i, bf16) + precision_get(term, i, bf16), bf16);
}

CPU_CLONES static void add(void *sum, const void *term, enum precision precision, size_t n)
{
    if (precision == PRECISION_BF16)
        add_as(true, sum, term, n);
    else
        add_as(false, sum, term, n);
}

static void subsample_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h + 1) / 2, width = (p->w + 1) / 2;
    const size_t out = (size_t)n * map(p->h, p->w, p->c);
    size_t in = (size_t)n * map(height, width, p->k) + (size_t)(p->k - p->c) / 2;
    (void)thread;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, in += (size_t)p->k)
            add(precision_at(p->out, p->precision,
                    out + map(2 * row, p->w, p->c) + map(1, 2 * column, p->c)),
                precision_at(p->in, p->precision, in), p->precision, (size_t)p->c);
}

/* In the forward pass this was: y[row,column,(K-C)/2 + c] = x[2 row, 2 column, c]. */
void pool_subsample_backward(struct parallel *parallel, void *dx, const void *dy,
    enum precision precision, int n, int h, int w, int c, int k)
{
    struct pass p = {.out = dx, .in = dy, .precision = precision, .h = h, .w = w, .c = c, .k = k};
    parallel_run(parallel, n, subsample_backward, &p);
}

enum { SLICE = 65536 };

struct sum {
    void *sum;
    const void *term;
    enum precision precision;
    size_t count;
};

static void add_slice(void *context, int slice, int thread)
{
    const struct sum *s = context;
    const size_t first = (size_t)slice * SLICE, left = s->count - first;
    (void)thread;
    add(precision_at(s->sum, s->precision, first), precision_at(s->term, s->precision, first),
        s->precision, left < SLICE ? left : SLICE);
}

void pool_add(
    struct parallel *parallel, void *x, const void *other, enum precision precision, size_t count)
{
    struct sum s = {x, other, precision, count};
    parallel_run(parallel, (int)((count + SLICE - 1) / SLICE), add_slice, &s);
}
