/* quadouter -- f32 weight gradient of 3x3 filters, stride 1 and pad 1, in tiles of 2x2 outputs.
 *
 * A partial sum is laid out in the order in which it is made: [place][slice of channels][panel of 16
 * filters][channel][16].
 * SPDX-License-Identifier: MIT */
#include "lib/nn/quadouter.h"

#include "lib/base/cpu.h"
#include "lib/nn/winograd.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS = 32 };
enum { TILES = 96 }; /* of a strip: with 32 channels of x and 16 of dy, 18 KB of the first cache */
enum { SLICE = 32 }; /* channels of x that lie together */
enum { CHANNELS = 64, FILTERS = 64 }; /* of a task: its sums and its tiles share the second cache */
enum { SKEW = PANEL }; /* floats between places, lest all lie in the same sets of the caches */

struct quadouter {
    const struct panel_kernels *kernels;
    int h, w, c, k;
    float *zeros;      /* [c]; owned */
    int32_t at[TILES]; /* 0, 1, 2, ... */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int shares(int n, int most)
{
    return (n + most - 1) / most;
}

/* Blocks of n pictures. */
static int blocks(const struct quadouter *outer, int n)
{
    const int each = shares(outer->c, CHANNELS) * shares(outer->k, FILTERS);
    return least(n, each < TASKS ? TASKS / each : 1);
}

struct quadouter *quadouter_new(
    const struct conv2d_shape *p, const struct panel_kernels *kernels, struct err *err)
{
    struct quadouter *outer = calloc(1, sizeof *outer);
    float *zeros = calloc((size_t)p->c, sizeof *zeros);
    if (outer == NULL || zeros == NULL) {
        free(outer);
        free(zeros);
        err_memory(err, "convolutions");
        return NULL;
    }
    *outer = (struct quadouter){
        .kernels = kernels, .h = p->h, .w = p->w, .c = p->c, .k = p->k, .zeros = zeros};
    for (int i = 0; i < TILES; i++)
        outer->at[i] = i;
    return outer;
}

void quadouter_free(struct quadouter *outer)
{
    if (outer == NULL)
        return;
    free(outer->zeros);
    free(outer);
}

/* Floats between the places of transformed tiles: of a slice of x, and of all filters of a task. */
enum { X_STEP = TILES * SLICE + SKEW };

static size_t dy_step(const struct quadouter *outer)
{
    return (size_t)(TILES * least(outer->k, FILTERS) + SKEW);
}

static size_t x_floats(const struct quadouter *outer)
{
    return (size_t)shares(least(outer->c, CHANNELS), SLICE) * WINOGRAD_PLACES * X_STEP;
}

size_t quadouter_scratch(const struct quadouter *outer)
{
    return x_floats(outer) + WINOGRAD_PLACES * dy_step(outer);
}

static size_t sum_floats(const struct quadouter *outer)
{
    return (size_t)outer->c * (size_t)outer->k * WINOGRAD_PLACES;
}

size_t quadouter_partial(const struct quadouter *outer)
{
    return (size_t)blocks(outer, TASKS) * sum_floats(outer);
}

/* ---- running -------------------------------------------------------------------------------- */

struct pass {
    const struct quadouter *outer;
    float *dweight;
    const float *dy, *x;
    int n, blocks;
    float *scratch;
    size_t room;
    float *partial;
};

struct task {
    int block;
    int channel, channels, filter, filters; /* first and count */
};

static struct task task_of(const struct quadouter *outer, int number)
{
    const int across = shares(outer->k, FILTERS), down = shares(outer->c, CHANNELS);
    struct task task = {.filter = number % across * FILTERS,
        .channel = number / across % down * CHANNELS,
        .block = number / across / down};
    task.filters = least(FILTERS, outer->k - task.filter);
    task.channels = least(CHANNELS, outer->c - task.channel);
    return task;
}

static int slice_width(const struct quadouter *outer, int from)
{
    return least(SLICE, outer->c - from);
}

/* Where a block's partial sum has a place, slice (from this channel on) and panel. */
static float *sum_of(const struct pass *pass, int block, int place, int from, int panel)
{
    const struct quadouter *const outer = pass->outer;
    const size_t row = (size_t)place * (size_t)outer->c + (size_t)from;
    return pass->partial + (size_t)block * sum_floats(outer) + row * (size_t)outer->k +
           (size_t)(panel * slice_width(outer, from) * PANEL);
}

/* Tiles first .. first+count-1 of a block that begins at picture `begin`, transformed. */
static void transform(const struct pass *pass, const struct task *task, float *x_out, float *dy_out,
    int begin, int first, int count)
{
    const struct quadouter *const outer = pass->outer;
    const int h = outer->h, w = outer->w, across = (w + 1) / 2, each = (h + 1) / 2 * across;
    for (int t = 0; t < count; t++) {
        const int tile = (first + t) % each, y = tile / across * 2, x = tile % across * 2;
        const size_t picture = (size_t)(begin + (first + t) / each) * (size_t)(h * w);
        const float *in[WINOGRAD_PLACES], *pixel[WINOGRAD_PLACES];
        for (int j = 0; j < WINOGRAD_PLACES; j++) {
            const int row = y - 1 + j / 4, column = x - 1 + j % 4;
            const bool inside = row >= 0 && row < h && column >= 0 && column < w;
            const size_t at = picture + (size_t)(row * w + column);
            in[j] = inside ? pass->x + at * (size_t)outer->c : outer->zeros;
        }
        for (int i = 0; i < task->channels; i += SLICE) {
            const int from = task->channel + i, width = slice_width(outer, from);
            for (int j = 0; j < WINOGRAD_PLACES; j++)
                pixel[j] = in[j] + from;
            winograd_input(
                x_out + (size_t)(i / SLICE) * WINOGRAD_PLACES * X_STEP + (size_t)(t * width),
                X_STEP, pixel, width);
        }
        for (int k = 0; k < task->filters; k += PANEL) {
            static const float none[PANEL];
            for (int j = 0; j < WINOGRAD_PIXELS; j++) {
                const size_t at = picture + (size_t)((y + j / 2) * w + x + j % 2);
                pixel[j] = y + j / 2 < h && x + j % 2 < w
                               ? pass->dy + at * (size_t)outer->k + task->filter + k
                               : none;
            }
            winograd_gradient(
                dy_out + (size_t)(k * TILES + t * PANEL), dy_step(outer), pixel, PANEL);
        }
    }
}

/* All channels of a slice by one panel of filters, at one place. */
static void multiply(const struct quadouter *outer, float *out, const float *x, const float *dy,
    int width, int count, bool add)
{
    const int height = outer->kernels->height, low = height * 2 / 3;
    for (int i = 0, rows; i < width; i += rows, out += rows * PANEL) {
        const int left = width - i; /* never so few rows that their sums wait for each other */
        rows = left <= height ? left : left - height >= low ? height : low;
        outer->kernels->outer(out, x + i, outer->at, width, count, dy, rows, add);
    }
}

static void block_work(void *context, int number, int thread)
{
    const struct pass *const pass = context;
    const struct quadouter *const outer = pass->outer;
    const struct task task = task_of(outer, number);
    const int begin = (int)((int64_t)pass->n * task.block / pass->blocks);
    const int end = (int)((int64_t)pass->n * (task.block + 1) / pass->blocks);
    const int tiles = (end - begin) * ((outer->h + 1) / 2) * ((outer->w + 1) / 2);
    float *const x = pass->scratch + (size_t)thread * pass->room;
    float *const dy = x + x_floats(outer);
    for (int first = 0; first < tiles; first += TILES) {
        const int count = least(TILES, tiles - first);
        transform(pass, &task, x, dy, begin, first, count);
        for (int place = 0; place < WINOGRAD_PLACES; place++)
            for (int i = 0; i < task.channels; i += SLICE)
                for (int k = 0; k < task.filters; k += PANEL) {
                    const int from = task.channel + i;
                    multiply(outer,
                        sum_of(pass, task.block, place, from, (task.filter + k) / PANEL),
                        x + (size_t)(i / SLICE * WINOGRAD_PLACES + place) * X_STEP,
                        dy + (size_t)place * dy_step(outer) + (size_t)(k * TILES),
                        slice_width(outer, from), count, first > 0);
                }
    }
}

CPU_CLONES static void add(float *restrict sum, const float *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

/* The blocks' sum for one slice and panel, transformed back and added to dweight [K,C,3,3]. */
static void sum_work(void *context, int number, int thread)
{
    const struct pass *const pass = context;
    const struct quadouter *const outer = pass->outer;
    const int panels = outer->k / PANEL, panel = number % panels;
    const int from = number / panels * SLICE, width = slice_width(outer, from);
    float *sum[WINOGRAD_PLACES];
    (void)thread;
    for (int place = 0; place < WINOGRAD_PLACES; place++) {
        sum[place] = sum_of(pass, 0, place, from, panel);
        for (int block = 1; block < pass->blocks; block++)
            add(sum[place], sum_of(pass, block, place, from, panel), (size_t)(width * PANEL));
    }
    for (int i = 0; i < width; i++) {
        const size_t filter = (size_t)(panel * PANEL) * (size_t)outer->c;
        const float *u[WINOGRAD_PLACES];
        for (int place = 0; place < WINOGRAD_PLACES; place++)
            u[place] = sum[place] + i * PANEL;
        winograd_filter_gradient(
            pass->dweight + 9 * (filter + (size_t)(from + i)), 9 * (size_t)outer->c, u);
    }
}

void quadouter_run(const struct quadouter *outer, struct parallel *parallel, float *dweight,
    const float *dy, const float *x, int n, float *scratch, size_t room, float *partial)
{
    if (n == 0)
        return;
    struct pass pass = {outer, dweight, dy, x, n, blocks(outer, n), scratch, room, partial};
    parallel_run(parallel, pass.blocks * shares(outer->c, CHANNELS) * shares(outer->k, FILTERS),
        block_work, &pass);
    parallel_run(parallel, shares(outer->c, SLICE) * (outer->k / PANEL), sum_work, &pass);
}
