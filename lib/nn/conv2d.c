/* conv2d -- convolution: shapes, and which engine does what.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/conv2d.h"

#include "lib/base/cpu.h"
#include "lib/nn/native.h"
#include "lib/nn/onednn.h"
#include "lib/nn/tiled.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- engines -------------------------------------------------------------------------------- */

/* What an engine offers, its contexts and convolutions without their types. */
struct engine {
    void *(*context_new)(struct parallel *parallel, struct err *err);
    void (*context_free)(void *context);
    int (*reserve)(void *context, struct err *err);
    void *(*new)(
        void *context, const struct conv2d_shape *shape, const float *weight, struct err *err);
    void (*free)(void *conv);
    int (*add)(void *conv, enum conv2d_direction direction, struct err *err);
    void (*refresh)(void *conv, int thread);
    void (*forward)(void *conv, void *y, const void *x, int n);
    void (*data)(void *conv, void *dx, const void *dy, int n);
    void (*weight)(void *conv, float *dweight, const void *dy, const void *x, int n);
    const char *(*kernel)(const void *conv, enum conv2d_direction direction);
    void (*version)(char *text, size_t size);
};

/* The functions of the engine E, whose header is E.h, with its types taken off. */
#define ENGINE(E)                                                                                  \
    static void *E##_e_context_new(struct parallel *parallel, struct err *err)                     \
    {                                                                                              \
        return E##_context_new(parallel, cpu_level(), err);                                        \
    }                                                                                              \
    static void E##_e_context_free(void *context)                                                  \
    {                                                                                              \
        E##_context_free(context);                                                                 \
    }                                                                                              \
    static int E##_e_reserve(void *context, struct err *err)                                       \
    {                                                                                              \
        return E##_reserve(context, err);                                                          \
    }                                                                                              \
    static void *E##_e_new(                                                                        \
        void *context, const struct conv2d_shape *shape, const float *weight, struct err *err)     \
    {                                                                                              \
        return E##_new(context, shape, weight, err);                                               \
    }                                                                                              \
    static void E##_e_free(void *conv)                                                             \
    {                                                                                              \
        E##_free(conv);                                                                            \
    }                                                                                              \
    static int E##_e_add(void *conv, enum conv2d_direction direction, struct err *err)             \
    {                                                                                              \
        return E##_add(conv, direction, err);                                                      \
    }                                                                                              \
    static void E##_e_refresh(void *conv, int thread)                                              \
    {                                                                                              \
        E##_refresh(conv, thread);                                                                 \
    }                                                                                              \
    static void E##_e_forward(void *conv, void *y, const void *x, int n)                           \
    {                                                                                              \
        E##_forward(conv, y, x, n);                                                                \
    }                                                                                              \
    static void E##_e_data(void *conv, void *dx, const void *dy, int n)                            \
    {                                                                                              \
        E##_data(conv, dx, dy, n);                                                                 \
    }                                                                                              \
    static void E##_e_weight(void *conv, float *dweight, const void *dy, const void *x, int n)     \
    {                                                                                              \
        E##_weight(conv, dweight, dy, x, n);                                                       \
    }                                                                                              \
    static const char *E##_e_kernel(const void *conv, enum conv2d_direction direction)             \
    {                                                                                              \
        return E##_kernel(conv, direction);                                                        \
    }                                                                                              \
    static const struct engine E##_engine = {E##_e_context_new, E##_e_context_free, E##_e_reserve, \
        E##_e_new, E##_e_free, E##_e_add, E##_e_refresh, E##_e_forward, E##_e_data, E##_e_weight,  \
        E##_e_kernel, E##_version}

ENGINE(native);
ENGINE(onednn);
ENGINE(tiled);

/* By kernels of our own; f32, where the CPU has not what they need, by the library. */
static const struct engine *choose(enum precision precision)
{
    if (precision == PRECISION_BF16)
        return &tiled_engine;
    return native_available(cpu_level()) ? &native_engine : &onednn_engine;
}

struct conv2d_context {
    const struct engine *engine;
    void *context; /* the engine's */
};

struct conv2d {
    const struct engine *engine;
    void *conv;        /* the engine's */
    bool trains, data; /* conv2d_train has been called; for the data gradient too */
};

/* ---- shapes --------------------------------------------------------------------------------- */

int conv2d_y(const struct conv2d_shape *p)
{
    return (p->h + 2 * p->pad - p->r) / p->stride + 1;
}

int conv2d_x(const struct conv2d_shape *p)
{
    return (p->w + 2 * p->pad - p->s) / p->stride + 1;
}

/* ---- making --------------------------------------------------------------------------------- */

struct conv2d_context *conv2d_context_new(
    struct parallel *parallel, enum precision precision, struct err *err)
{
    struct conv2d_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    context->engine = choose(precision);
    context->context = context->engine->context_new(parallel, err);
    if (context->context == NULL) {
        free(context);
        return NULL;
    }
    return context;
}

void conv2d_context_free(struct conv2d_context *context)
{
    if (context == NULL)
        return;
    context->engine->context_free(context->context);
    free(context);
}

int conv2d_reserve(struct conv2d_context *context, struct err *err)
{
    return context->engine->reserve(context->context, err);
}

struct conv2d *conv2d_new(struct conv2d_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err)
{
    struct conv2d *conv = calloc(1, sizeof *conv);
    if (conv == NULL) {
        err_memory(err, "a convolution");
        return NULL;
    }
    conv->engine = context->engine;
    conv->conv = conv->engine->new (context->context, shape, weight, err);
    if (conv->conv == NULL || conv->engine->add(conv->conv, CONV2D_FORWARD, err) != 0) {
        conv2d_free(conv);
        return NULL;
    }
    conv2d_refresh(conv, 0);
    return conv;
}

int conv2d_train(struct conv2d *conv, bool data, struct err *err)
{
    if (conv->trains && (conv->data || !data))
        return 0;
    if (conv->engine->add(conv->conv, CONV2D_WEIGHT, err) != 0 ||
        (data && conv->engine->add(conv->conv, CONV2D_DATA, err) != 0))
        return -1;
    conv->trains = true;
    conv->data = conv->data || data;
    conv2d_refresh(conv, 0);
    return 0;
}

void conv2d_free(struct conv2d *conv)
{
    if (conv == NULL)
        return;
    conv->engine->free(conv->conv);
    free(conv);
}

/* ---- running -------------------------------------------------------------------------------- */

void conv2d_refresh(struct conv2d *conv, int thread)
{
    conv->engine->refresh(conv->conv, thread);
}

void conv2d_forward(struct conv2d *conv, void *y, const void *x, int n)
{
    conv->engine->forward(conv->conv, y, x, n);
}

/* In the forward pass this was: y = conv(x, weight). */
void conv2d_backward(
    struct conv2d *conv, void *dx, float *dweight, const void *dy, const void *x, int n)
{
    conv->engine->weight(conv->conv, dweight, dy, x, n);
    if (dx != NULL)
        conv->engine->data(conv->conv, dx, dy, n);
}

/* ---- what runs ------------------------------------------------------------------------------ */

void conv2d_version(char *text, size_t size, enum precision precision)
{
    choose(precision)->version(text, size);
}

void conv2d_kernels(const struct conv2d *conv, char *text, size_t size)
{
    snprintf(text, size, "%s %s %s", conv->engine->kernel(conv->conv, CONV2D_FORWARD),
        conv->engine->kernel(conv->conv, CONV2D_DATA),
        conv->engine->kernel(conv->conv, CONV2D_WEIGHT));
}
