/* outer -- f32 weight gradient of a convolution as sums of outer products.
 *
 * A partial gradient is laid out in the order in which it is made: [panel of 16 filters][slice of
 * channels][R][window][rows][16]. A slice has `height` channels or fewer, and a window for each S; but
 * where C is small all channels are one slice, and windows cut its runs of S x C anyhow.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/outer.h"

#include "lib/base/cpu.h"
#include "lib/nn/patch.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS = 32, NARROW = 32, CHANNELS = 128 };

struct slice {
    int from, width;
};

struct outer {
    struct conv2d_shape shape;
    const struct panel_kernels *kernels;
    struct patch patch;
    int panels, group;   /* of 16 filters: all, of a task */
    int slices, share;   /* of channels: all, of a task */
    struct slice *slice; /* [slices]; owned */
};

/* Rows of the next window, where n are left: as many as the kernel has, but no window is left with so
 * few rows that its sums wait for each other. */
static int next_rows(int n, int height)
{
    if (n <= height)
        return n;
    const int least = height * 2 / 3; /* 4 of 6, 8 of 12 */
    return n - height >= least ? height : n >= 2 * least ? least : (n + 1) / 2;
}

static int panel_groups(const struct outer *outer)
{
    return (outer->panels + outer->group - 1) / outer->group;
}

static int shares(const struct outer *outer)
{
    return (outer->slices + outer->share - 1) / outer->share;
}

/* Blocks of n pictures. */
static int blocks(const struct outer *outer, int n)
{
    const int each = panel_groups(outer) * shares(outer), most = each < TASKS ? TASKS / each : 1;
    return n < most ? n : most;
}

struct outer *outer_new(
    const struct conv2d_shape *p, const struct panel_kernels *kernels, struct err *err)
{
    struct geometry_shape shape;
    struct outer *outer = calloc(1, sizeof *outer);
    struct slice *slice = calloc((size_t)p->c, sizeof *slice);
    if (outer == NULL || slice == NULL) {
        free(outer);
        free(slice);
        err_memory(err, "convolutions");
        return NULL;
    }
    geometry_forward(&shape, p->h, p->w, p->r, p->s, p->stride, p->pad);
    *outer = (struct outer){.shape = *p, .kernels = kernels, .slice = slice};
    outer->panels = (p->k + PANEL - 1) / PANEL;
    outer->group = p->r * p->s >= 9 ? 4 : 16; /* few taps: more filters for each copy of a patch */
    for (int c = 0; c < p->c; c += slice[outer->slices++].width)
        slice[outer->slices] =
            (struct slice){c, p->c <= NARROW ? p->c : next_rows(p->c - c, kernels->height)};
    const int parts = (p->c + CHANNELS - 1) / CHANNELS;
    outer->share = (outer->slices + parts - 1) / parts;
    if (patch_init(&outer->patch, &shape, err) != 0) {
        outer_free(outer);
        return NULL;
    }
    return outer;
}

void outer_free(struct outer *outer)
{
    if (outer == NULL)
        return;
    patch_free(&outer->patch);
    free(outer->slice);
    free(outer);
}

/* Floats of a patch, all slices of a task. */
static size_t image_floats(const struct outer *outer)
{
    int channels = 0;
    for (int i = 0; i < outer->slices; i += outer->share) {
        int sum = 0;
        for (int j = i; j < i + outer->share && j < outer->slices; j++)
            sum += outer->slice[j].width;
        channels = sum > channels ? sum : channels;
    }
    const size_t floats = (size_t)patch_pixels(&outer->patch) * (size_t)channels;
    return (floats + PANEL - 1) / PANEL * PANEL;
}

size_t outer_scratch(const struct outer *outer)
{
    const int group = outer->group < outer->panels ? outer->group : outer->panels;
    return image_floats(outer) + (size_t)patch_outputs(&outer->patch) * (size_t)(group * PANEL);
}

static size_t gradient_floats(const struct outer *outer)
{
    const struct conv2d_shape *const p = &outer->shape;
    return (size_t)(outer->panels * PANEL) * (size_t)(p->c * p->r * p->s);
}

size_t outer_partial(const struct outer *outer)
{
    return (size_t)blocks(outer, TASKS) * gradient_floats(outer);
}

/* ---- running -------------------------------------------------------------------------------- */

struct pass {
    const struct outer *outer;
    float *dweight;
    const float *dy, *x;
    int n, blocks;
    float *scratch;
    size_t room;
    float *partial;
};

/* Where the partial gradient of a block has a panel and slice. */
static float *place(const struct pass *pass, int block, int panel, int slice)
{
    const struct outer *const outer = pass->outer;
    const struct conv2d_shape *const p = &outer->shape;
    const size_t channel = (size_t)panel * (size_t)p->c + (size_t)outer->slice[slice].from;
    return pass->partial + (size_t)block * gradient_floats(outer) +
           channel * (size_t)(p->r * p->s * PANEL);
}

/* `panels` times 16 filters of dy [outputs][K], each [outputs][16]; zeros where there are none. */
static void copy_panels(
    float *restrict out, const float *restrict dy, int k, int first, int panels, int outputs)
{
    const int full = (k - first) / PANEL < panels ? (k - first) / PANEL : panels;
    for (int q = 0; q < outputs; q++) {
        const float *const in = dy + (size_t)q * (size_t)k + first;
        float *const to = out + q * PANEL;
        for (int j = 0; j < full; j++)
            memcpy(to + (size_t)j * (size_t)(outputs * PANEL), in + j * PANEL, PANEL * sizeof *out);
        if (full < panels) {
            float *const tail = to + (size_t)full * (size_t)(outputs * PANEL);
            memset(tail, 0, PANEL * sizeof *out);
            memcpy(tail, in + full * PANEL, (size_t)(k - first - full * PANEL) * sizeof *out);
        }
    }
}

/* All windows of a slice against one panel; returns the end of what was written. */
static float *slice_windows(const struct outer *outer, float *out, const float *image,
    const float *right, int width, int outputs, bool add)
{
    const struct conv2d_shape *const p = &outer->shape;
    const bool whole = p->c <= NARROW; /* a run is cut anyhow */
    const int run = p->s * width;
    for (int r = 0; r < p->r; r++) {
        const float *const in = image + (size_t)r * (size_t)(outer->patch.width * width);
        for (int i = 0; i < run;) {
            const int rows = whole ? next_rows(run - i, outer->kernels->height) : width;
            outer->kernels->outer(out, in + i, outer->patch.at, width, outputs, right, rows, add);
            out += rows * PANEL;
            i += rows;
        }
    }
    return out;
}

struct task {
    int block, panel, panels, slice, slices; /* first and count */
};

static struct task task_of(const struct outer *outer, int number)
{
    const int groups = panel_groups(outer), parts = shares(outer);
    struct task task = {.panel = number % groups * outer->group,
        .panels = outer->group,
        .slice = number / groups % parts * outer->share,
        .slices = outer->share,
        .block = number / groups / parts};
    if (task.panels > outer->panels - task.panel)
        task.panels = outer->panels - task.panel;
    if (task.slices > outer->slices - task.slice)
        task.slices = outer->slices - task.slice;
    return task;
}

static void block_work(void *context, int number, int thread)
{
    const struct pass *const pass = context;
    const struct outer *const outer = pass->outer;
    const struct conv2d_shape *const p = &outer->shape;
    const struct task task = task_of(outer, number);
    const int begin = (int)((int64_t)pass->n * task.block / pass->blocks);
    const int n = (int)((int64_t)pass->n * (task.block + 1) / pass->blocks) - begin;
    const int y = conv2d_y(p), x = conv2d_x(p);
    const size_t pixels = (size_t)patch_pixels(&outer->patch);
    float *const image = pass->scratch + (size_t)thread * pass->room;
    float *const right = image + image_floats(outer);
    const float *const maps = pass->x + (size_t)begin * (size_t)(p->h * p->w) * (size_t)p->c;
    const int origin = outer->slice[task.slice].from;
    for (int i = 0; i < patch_strips(&outer->patch, n); i++) {
        const struct patch_strip strip = patch_strip(&outer->patch, n, i);
        const size_t row = (size_t)(begin + strip.picture) * (size_t)y + (size_t)strip.row;
        const float *const dy = pass->dy + row * (size_t)x * (size_t)p->k;
        for (int j = task.slice; j < task.slice + task.slices; j++)
            patch_copy(image + (size_t)(outer->slice[j].from - origin) * pixels, maps,
                &outer->patch, &strip, p->c, outer->slice[j].from, outer->slice[j].width);
        copy_panels(right, dy, p->k, task.panel * PANEL, task.panels, strip.outputs);
        for (int j = 0; j < task.panels; j++) {
            float *out = place(pass, task.block, task.panel + j, task.slice);
            for (int k = task.slice; k < task.slice + task.slices; k++)
                out = slice_windows(outer, out,
                    image + (size_t)(outer->slice[k].from - origin) * pixels,
                    right + (size_t)j * (size_t)(strip.outputs * PANEL), outer->slice[k].width,
                    strip.outputs, i > 0);
        }
    }
}

CPU_CLONES static void add(float *restrict sum, const float *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

/* The blocks' sum for one panel and slice, added to dweight [K,C,R,S]. */
static void sum_work(void *context, int number, int thread)
{
    const struct pass *const pass = context;
    const struct outer *const outer = pass->outer;
    const struct conv2d_shape *const p = &outer->shape;
    const int panel = number / outer->slices, slice = number % outer->slices;
    const int width = outer->slice[slice].width, run = p->s * width;
    float *const sum = place(pass, 0, panel, slice);
    (void)thread;
    for (int block = 1; block < pass->blocks; block++)
        add(sum, place(pass, block, panel, slice), (size_t)(p->r * run * PANEL));
    for (int j = 0; j < PANEL && panel * PANEL + j < p->k; j++) {
        const size_t filter = (size_t)(panel * PANEL + j) * (size_t)p->c;
        float *const out =
            pass->dweight + (filter + (size_t)outer->slice[slice].from) * (size_t)(p->r * p->s);
        for (int r = 0; r < p->r; r++)
            for (int i = 0; i < run; i++)
                out[(i % width * p->r + r) * p->s + i / width] += sum[(r * run + i) * PANEL + j];
    }
}

void outer_run(const struct outer *outer, struct parallel *parallel, float *dweight,
    const float *dy, const float *x, int n, float *scratch, size_t room, float *partial)
{
    if (n == 0)
        return;
    struct pass pass = {outer, dweight, dy, x, n, blocks(outer, n), scratch, room, partial};
    parallel_run(parallel, pass.blocks * shares(outer) * panel_groups(outer), block_work, &pass);
    parallel_run(parallel, outer->panels * outer->slices, sum_work, &pass);
}
