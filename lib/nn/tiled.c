/* tiled -- blocks, threads and scratch of the bf16 convolutions.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/tiled.h"

#include "lib/base/arena.h"
#include "lib/base/cpu.h"
#include "lib/base/shape.h"
#include "lib/nn/gradient.h"
#include "lib/nn/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sums of blocks kept at a time: as many of the largest as fit here, one a thread at least. */
static const size_t partial_bytes = (size_t)64 << 20;

enum { MANY_JOBS = 4 }; /* a thread: then it matters little if some have one more */

struct tiled_context {
    struct parallel *parallel;
    const struct micro *micro;
    size_t scratch, sums; /* bytes that the most demanding convolution wants: a thread, a block */
    struct arena arena;
    size_t room[2]; /* scratch and sums when the memory was made */
    char *memory;   /* [threads][room[0]] */
    char *partial;  /* 1 + partials times room[1] bytes, cut by partial() */
    int partials;
};

struct tiled {
    struct tiled_context *context;
    struct conv2d_shape shape;
    const float *weight; /* [K,C,R,S], borrowed */
    bool ready[CONV2D_DIRECTIONS];
    struct sweep forward;
    struct sweep *data; /* [phases]: those that have taps; owned */
    int phases;
    bool empty; /* some pixels of dx have no tap: zeros */
    struct gradient gradient;
};

/* ---- making --------------------------------------------------------------------------------- */

struct tiled_context *tiled_context_new(struct parallel *parallel, int level, struct err *err)
{
    struct tiled_context *const context = calloc(1, sizeof *context);
    if (context == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    context->parallel = parallel;
    context->micro = micro_choose(level);
    return context;
}

void tiled_context_free(struct tiled_context *context)
{
    if (context == NULL)
        return;
    arena_free(&context->arena);
    free(context);
}

const char *tiled_name(const struct tiled_context *context)
{
    return context->micro->name;
}

const char *tiled_kernel(const struct tiled *conv, enum conv2d_direction direction)
{
    (void)direction; /* one kernel serves all */
    return tiled_name(conv->context);
}

void tiled_version(char *text, size_t size)
{
    snprintf(text, size, "tiles by %s", micro_choose(cpu_level())->name);
}

static void cut(struct tiled_context *context)
{
    const size_t threads = (size_t)parallel_threads(context->parallel);
    context->memory = arena_take(&context->arena, threads, context->room[0]);
    context->partial = arena_take(&context->arena, (size_t)context->partials + 1, context->room[1]);
}

int tiled_reserve(struct tiled_context *context, struct err *err)
{
    if (context->arena.base != NULL && context->scratch <= context->room[0] &&
        context->sums <= context->room[1])
        return 0;
    const int threads = parallel_threads(context->parallel);
    arena_free(&context->arena);
    context->room[0] = context->scratch;
    context->room[1] = context->sums;
    const size_t fitting = context->sums == 0 ? 0 : partial_bytes / context->sums;
    context->partials = fitting > 256 ? 256 : (int)fitting;
    if (context->sums > 0 && context->partials < threads)
        context->partials = threads;
    cut(context);
    if (arena_alloc(&context->arena, "convolutions", err) != 0)
        return -1;
    cut(context);
    return 0;
}

struct tiled *tiled_new(struct tiled_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err)
{
    struct tiled *const conv = calloc(1, sizeof *conv);
    if (conv == NULL) {
        err_memory(err, "a convolution");
        return NULL;
    }
    conv->context = context;
    conv->shape = *shape;
    conv->weight = weight;
    return conv;
}

void tiled_free(struct tiled *conv)
{
    if (conv == NULL)
        return;
    sweep_free(&conv->forward);
    for (int i = 0; i < conv->phases; i++)
        sweep_free(&conv->data[i]);
    free(conv->data);
    free(conv);
}

static void demand(size_t *most, size_t bytes)
{
    *most = bytes > *most ? bytes : *most;
}

static int add_forward(struct tiled *conv, const struct geometry_shape *shape, struct err *err)
{
    const int block = sweep_block(shape, NULL, conv->shape.c);
    if (sweep_init(&conv->forward, shape, &conv->shape, NULL, block, err) != 0)
        return -1;
    demand(&conv->context->scratch, sweep_scratch(&conv->forward));
    return 0;
}

/* A sweep for each phase of dx, over blocks of one size. */
static int add_data(struct tiled *conv, const struct geometry_shape *forward, struct err *err)
{
    const int stride = conv->shape.stride;
    struct geometry_shape shape;
    struct geometry_part part;
    int block = 0;
    conv->data = calloc((size_t)(stride * stride), sizeof *conv->data);
    if (conv->data == NULL)
        return err_memory(err, "a convolution");
    for (int i = 0; i < stride * stride; i++)
        if (geometry_transpose(&shape, &part, forward, i / stride, i % stride)) {
            const int fitting = sweep_block(&shape, &part, conv->shape.k);
            block = block == 0 || fitting < block ? fitting : block;
        }
    for (int i = 0; i < stride * stride; i++) {
        if (!geometry_transpose(&shape, &part, forward, i / stride, i % stride)) {
            conv->empty = true;
            continue;
        }
        struct sweep *const sweep = &conv->data[conv->phases++];
        if (sweep_init(sweep, &shape, &conv->shape, &part, block, err) != 0)
            return -1;
        demand(&conv->context->scratch, sweep_scratch(sweep));
    }
    return 0;
}

int tiled_add(struct tiled *conv, enum conv2d_direction direction, struct err *err)
{
    const struct conv2d_shape *const p = &conv->shape;
    struct geometry_shape shape;
    if (conv->ready[direction])
        return 0;
    geometry_forward(&shape, p->h, p->w, p->r, p->s, p->stride, p->pad);
    if (direction == CONV2D_FORWARD && add_forward(conv, &shape, err) != 0)
        return -1;
    if (direction == CONV2D_DATA && add_data(conv, &shape, err) != 0)
        return -1;
    if (direction == CONV2D_WEIGHT) {
        gradient_init(&conv->gradient, p);
        demand(&conv->context->scratch, gradient_scratch(&conv->gradient));
        demand(&conv->context->scratch, (size_t)conv->gradient.taps * MICRO_SUM * sizeof(float));
        demand(&conv->context->sums, gradient_bytes(&conv->gradient));
    }
    conv->ready[direction] = true;
    return 0;
}

void tiled_refresh(struct tiled *conv, int thread)
{
    (void)thread;
    if (conv->ready[CONV2D_FORWARD])
        sweep_refresh(&conv->forward, conv->weight, &conv->shape);
    for (int i = 0; i < conv->phases; i++)
        sweep_refresh(&conv->data[i], conv->weight, &conv->shape);
}

/* ---- running -------------------------------------------------------------------------------- */

/* One pass over the rows of a part, as the threads see it. */
struct pass {
    struct tiled *conv;
    uint16_t *out;
    const uint16_t *in, *dy;
    size_t units;        /* of all pictures */
    size_t from, blocks; /* weight gradient: the first block of this round, and how many */
    int block, jobs;     /* units of each block, and jobs it is cut in */
    float *dweight;      /* in the last round */
    bool stream;         /* write past the caches */
};

static void *scratch_of(const struct tiled_context *context, int thread)
{
    return context->memory + (size_t)thread * context->room[0];
}

/* The total, or the sums of block i-1 of a round. */
static float *partial(const struct tiled *conv, size_t i)
{
    return (float *)(void *)(conv->context->partial + i * gradient_bytes(&conv->gradient));
}

/* Sums of blocks that there is room for besides the total. */
static size_t room_for(const struct tiled *conv)
{
    const struct tiled_context *const context = conv->context;
    const size_t bytes = ((size_t)context->partials + 1) * context->room[1];
    return bytes / gradient_bytes(&conv->gradient) - 1;
}

static int units_of(size_t units, size_t first, int block)
{
    return units - first < (size_t)block ? (int)(units - first) : block;
}

static void forward_block(void *context, int block, int thread)
{
    const struct pass *const pass = context;
    const struct sweep *const sweep = &pass->conv->forward;
    const struct micro *const micro = pass->conv->context->micro;
    const size_t first = (size_t)block * (size_t)sweep->block;
    const unsigned state = micro->begin();
    sweep_run(sweep, micro, scratch_of(pass->conv->context, thread), pass->out, pass->in, first,
        units_of(pass->units, first, sweep->block), pass->stream);
    micro->end(state);
}

static void data_block(void *context, int block, int thread)
{
    const struct pass *const pass = context;
    const struct tiled *const conv = pass->conv;
    const struct micro *const micro = conv->context->micro;
    const size_t first = (size_t)block * (size_t)conv->data[0].block;
    const int n = units_of(pass->units, first, conv->data[0].block);
    const size_t picture =
        (size_t)conv->shape.h * (size_t)conv->shape.w * (size_t)conv->shape.c * sizeof *pass->out;
    if (conv->empty)
        memset((char *)pass->out + first * picture, 0, (size_t)n * picture);
    const unsigned state = micro->begin();
    for (int i = 0; i < conv->phases; i++)
        sweep_run(&conv->data[i], micro, scratch_of(conv->context, thread), pass->out, pass->in,
            first, n, pass->stream);
    micro->end(state);
}

static size_t blocks_of(size_t units, int block)
{
    return (units + (size_t)block - 1) / (size_t)block;
}

static bool streams(int n, int h, int w, int c)
{
    const int64_t shape[4] = {n, h, w, c};
    return shape_bytes(4, shape, sizeof(uint16_t)) >= CPU_STREAM_BYTES;
}

void tiled_forward(struct tiled *conv, uint16_t *y, const uint16_t *x, int n)
{
    struct pass pass = {
        .conv = conv, .out = y, .in = x, .units = (size_t)n * (size_t)conv->forward.units};
    pass.stream = streams(n, conv2d_y(&conv->shape), conv2d_x(&conv->shape), conv->shape.k);
    parallel_run(conv->context->parallel, (int)blocks_of(pass.units, conv->forward.block),
        forward_block, &pass);
}

/* In the forward pass this was: y[i,row,column,k] += x[from + c] * weight[k,c,r,s]. */
void tiled_data(struct tiled *conv, uint16_t *dx, const uint16_t *dy, int n)
{
    struct pass pass = {
        .conv = conv, .out = dx, .in = dy, .units = (size_t)n * (size_t)conv->data[0].units};
    pass.stream = !conv->empty && streams(n, conv->shape.h, conv->shape.w, conv->shape.c);
    parallel_run(conv->context->parallel, (int)blocks_of(pass.units, conv->data[0].block),
        data_block, &pass);
}

static void weight_block(void *context, int job, int thread)
{
    const struct pass *const pass = context;
    const struct tiled_context *const owner = pass->conv->context;
    const struct gradient *const gradient = &pass->conv->gradient;
    const size_t block = (size_t)(job / pass->jobs);
    const size_t first = (pass->from + block) * (size_t)pass->block;
    const unsigned state = owner->micro->begin();
    gradient_run(gradient, owner->micro, scratch_of(owner, thread), partial(pass->conv, 1 + block),
        pass->in, pass->dy, first, units_of(pass->units, first, pass->block), job % pass->jobs,
        pass->jobs);
    owner->micro->end(state);
}

CPU_CLONES static void add(float *restrict sum, const float *restrict term, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += term[i];
}

/* A pair's sums over the blocks of a round, in their order, added to `sum` or overwriting it. */
static void sum_pair(const struct pass *pass, float *sum, size_t at)
{
    if (pass->from == 0)
        memcpy(sum, partial(pass->conv, 1) + at, MICRO_SUM * sizeof *sum);
    for (size_t i = pass->from == 0; i < pass->blocks; i++)
        add(sum, partial(pass->conv, 1 + i) + at, MICRO_SUM);
}

/* All taps of 32 channels and 32 filters, which are neighbours in the gradient: their sums, and in the
 * last round the gradient. With one round they need no place among the totals. */
static void sum_set(void *context, int number, int thread)
{
    const struct pass *const pass = context;
    const struct gradient *const gradient = &pass->conv->gradient;
    const bool single = pass->from == 0 && pass->dweight != NULL;
    const int set = number / gradient->panels, panel = number % gradient->panels;
    const int first = set * gradient->taps;
    const size_t row = (size_t)gradient->panels * MICRO_SUM, step = single ? MICRO_SUM : row;
    const size_t at = (size_t)first * row + (size_t)panel * MICRO_SUM;
    float *const sums =
        single ? scratch_of(pass->conv->context, thread) : partial(pass->conv, 0) + at;
    if (pass->dweight != NULL)
        gradient_fetch(gradient, pass->dweight, set, panel);
    for (int i = 0; i < gradient->taps && first + i < gradient->pairs; i++)
        sum_pair(pass, sums + (size_t)i * step, at + (size_t)i * row);
    if (pass->dweight != NULL)
        gradient_add(gradient, pass->dweight, sums, step, set, panel);
}

/* Units of a block: as few blocks as the largest size allows, all of one, whole strips each if it may be.
 * Fixed by the shape and the number of pictures. */
static size_t even_block(const struct gradient *gradient, size_t units)
{
    const size_t blocks = blocks_of(units, gradient->block);
    const size_t whole = gradient->direct ? MICRO_CHUNK : (size_t)gradient->g.group;
    const size_t even = ((units + blocks - 1) / blocks + whole - 1) / whole * whole;
    return even < (size_t)gradient->block ? even : (size_t)gradient->block;
}

/* Blocks of a round: rounds as even as room for their sums allows, for all threads. */
static size_t round_of(const struct tiled *conv, size_t blocks)
{
    const size_t threads = (size_t)parallel_threads(conv->context->parallel);
    const size_t most = room_for(conv), rounds = (blocks + most - 1) / most;
    const size_t even = ((blocks + rounds - 1) / rounds + threads - 1) / threads * threads;
    return even < most ? even : most;
}

/* Jobs that a block is cut in, each of which makes the image anew: as few as keep all threads busy to the
 * end. */
static int jobs_of(const struct tiled_context *context, const struct gradient *gradient, int blocks)
{
    const int threads = parallel_threads(context->parallel);
    int jobs = 1;
    while (jobs < gradient->slices && blocks * jobs % threads != 0 &&
           blocks * jobs < MANY_JOBS * threads)
        jobs++;
    return jobs;
}

/* In the forward pass this was: y[i,row,column,k] += x[from + c] * weight[k,c,r,s]. Rounds of blocks
 * bound the memory; how many blocks a round has changes no order of addition. */
void tiled_weight(struct tiled *conv, float *dweight, const uint16_t *dy, const uint16_t *x, int n)
{
    const struct tiled_context *const context = conv->context;
    const struct gradient *const gradient = &conv->gradient;
    const int sets = (gradient->pairs + gradient->taps - 1) / gradient->taps * gradient->panels;
    struct pass pass = {
        .conv = conv, .in = x, .dy = dy, .units = (size_t)n * (size_t)gradient->units};
    pass.block = (int)even_block(gradient, pass.units);
    const size_t blocks = blocks_of(pass.units, pass.block), most = round_of(conv, blocks);
    for (; pass.from < blocks; pass.from += pass.blocks) {
        const size_t left = blocks - pass.from;
        pass.blocks = left < most ? left : most;
        pass.dweight = left == pass.blocks ? dweight : NULL;
        pass.jobs = jobs_of(context, gradient, (int)pass.blocks);
        parallel_run(context->parallel, (int)pass.blocks * pass.jobs, weight_block, &pass);
        parallel_run(context->parallel, sets, sum_set, &pass);
    }
}
