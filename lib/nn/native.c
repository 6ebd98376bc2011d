/* native -- f32 convolution by kernels of our own: which method does what, and its memory.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/native.h"

#include "lib/base/cpu.h"
#include "lib/base/shape.h"
#include "lib/nn/implicit.h"
#include "lib/nn/outer.h"
#include "lib/nn/quad.h"
#include "lib/nn/quadouter.h"

#include <stdio.h>
#include <stdlib.h>

struct native_context {
    struct parallel *parallel;
    const struct panel_kernels *kernels;
    size_t scratch, partial; /* floats wanted: of a thread, of all */
    size_t room[2];          /* floats there are */
    float *scratch_memory;   /* [threads][room[0]]; owned */
    float *partial_memory;   /* [room[1]]; owned */
};

struct native {
    struct native_context *context;
    struct conv2d_shape shape;
    const float *weight;          /* [K,C,R,S], borrowed */
    struct implicit *implicit[2]; /* forward, data: one of the two, or none yet */
    struct quad *quad[2];
    struct outer *outer; /* likewise: weight */
    struct quadouter *quadouter;
};

/* ---- making --------------------------------------------------------------------------------- */

bool native_available(int level)
{
    return panel_kernels(level) != NULL;
}

struct native_context *native_context_new(struct parallel *parallel, int level, struct err *err)
{
    struct native_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    context->parallel = parallel;
    context->kernels = panel_kernels(level);
    return context;
}

void native_context_free(struct native_context *context)
{
    if (context == NULL)
        return;
    free(context->scratch_memory);
    free(context->partial_memory);
    free(context);
}

/* At least `floats` at *memory, of which there are *room. */
static int grow(
    float **memory, size_t *room, size_t floats, size_t copies, const char *what, struct err *err)
{
    enum { ALIGNMENT = 64, UNIT = ALIGNMENT / sizeof(float) };
    if (floats <= *room && *memory != NULL)
        return 0;
    void *fresh = NULL;
    free(*memory);
    *memory = NULL;
    *room = (floats + UNIT) / UNIT * UNIT;
    if (posix_memalign(&fresh, ALIGNMENT, shape_times(shape_times(*room, copies), sizeof(float))) !=
        0)
        return err_memory(err, what);
    *memory = fresh;
    return 0;
}

int native_reserve(struct native_context *context, struct err *err)
{
    const size_t threads = (size_t)parallel_threads(context->parallel);
    if (grow(&context->scratch_memory, &context->room[0], context->scratch, threads, "convolutions",
            err) != 0)
        return -1;
    return grow(
        &context->partial_memory, &context->room[1], context->partial, 1, "weight gradients", err);
}

struct native *native_new(struct native_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err)
{
    struct native *conv = calloc(1, sizeof *conv);
    if (conv == NULL) {
        err_memory(err, "a convolution");
        return NULL;
    }
    *conv = (struct native){.context = context, .shape = *shape, .weight = weight};
    return conv;
}

void native_free(struct native *conv)
{
    if (conv == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        implicit_free(conv->implicit[i]);
        quad_free(conv->quad[i]);
    }
    outer_free(conv->outer);
    quadouter_free(conv->quadouter);
    free(conv);
}

static void want(size_t *most, size_t floats)
{
    *most = floats > *most ? floats : *most;
}

static int add_weight(struct native *conv, struct err *err)
{
    struct native_context *const context = conv->context;
    if (conv->outer != NULL || conv->quadouter != NULL)
        return 0;
    if (quad_serves(&conv->shape)) {
        conv->quadouter = quadouter_new(&conv->shape, context->kernels, err);
        if (conv->quadouter == NULL)
            return -1;
        want(&context->scratch, quadouter_scratch(conv->quadouter));
        want(&context->partial, quadouter_partial(conv->quadouter));
    } else {
        conv->outer = outer_new(&conv->shape, context->kernels, err);
        if (conv->outer == NULL)
            return -1;
        want(&context->scratch, outer_scratch(conv->outer));
        want(&context->partial, outer_partial(conv->outer));
    }
    return 0;
}

static int add_product(struct native *conv, bool data, struct err *err)
{
    struct native_context *const context = conv->context;
    if (conv->implicit[data] != NULL || conv->quad[data] != NULL)
        return 0;
    if (quad_serves(&conv->shape)) {
        conv->quad[data] = quad_new(&conv->shape, data, context->kernels, err);
        if (conv->quad[data] == NULL)
            return -1;
        want(&context->scratch, quad_scratch(conv->quad[data]));
    } else {
        conv->implicit[data] = implicit_new(&conv->shape, data, context->kernels, err);
        if (conv->implicit[data] == NULL)
            return -1;
        want(&context->scratch, implicit_scratch(conv->implicit[data]));
    }
    return 0;
}

int native_add(struct native *conv, enum conv2d_direction direction, struct err *err)
{
    return direction == CONV2D_WEIGHT ? add_weight(conv, err)
                                      : add_product(conv, direction == CONV2D_DATA, err);
}

/* ---- running -------------------------------------------------------------------------------- */

void native_refresh(struct native *conv, int thread)
{
    (void)thread; /* no scratch is needed */
    for (int i = 0; i < 2; i++)
        if (conv->quad[i] != NULL)
            quad_refresh(conv->quad[i], conv->weight);
        else if (conv->implicit[i] != NULL)
            implicit_refresh(conv->implicit[i], conv->weight);
}

static void product(struct native *conv, bool data, float *out, const float *in, int n)
{
    const struct native_context *const context = conv->context;
    if (conv->quad[data] != NULL)
        quad_run(conv->quad[data], context->parallel, out, in, n, context->scratch_memory,
            context->room[0]);
    else
        implicit_run(conv->implicit[data], context->parallel, out, in, n, context->scratch_memory,
            context->room[0]);
}

void native_forward(struct native *conv, float *y, const float *x, int n)
{
    product(conv, false, y, x, n);
}

/* In the forward pass this was: y = conv(x, weight). */
void native_data(struct native *conv, float *dx, const float *dy, int n)
{
    product(conv, true, dx, dy, n);
}

/* In the forward pass this was: y = conv(x, weight). */
void native_weight(struct native *conv, float *dweight, const float *dy, const float *x, int n)
{
    const struct native_context *const context = conv->context;
    if (conv->quadouter != NULL)
        quadouter_run(conv->quadouter, context->parallel, dweight, dy, x, n,
            context->scratch_memory, context->room[0], context->partial_memory);
    else
        outer_run(conv->outer, context->parallel, dweight, dy, x, n, context->scratch_memory,
            context->room[0], context->partial_memory);
}

/* ---- what runs ------------------------------------------------------------------------------ */

void native_version(char *text, size_t size)
{
    snprintf(text, size, "own kernels, %s", panel_kernels(cpu_level())->name);
}

const char *native_kernel(const struct native *conv, enum conv2d_direction direction)
{
    if (direction == CONV2D_WEIGHT)
        return conv->quadouter != NULL ? "quadouter" : "outer";
    return conv->quad[direction == CONV2D_DATA] != NULL ? "quad" : "implicit";
}
