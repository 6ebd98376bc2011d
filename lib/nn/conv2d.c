/* conv2d -- convolution: shapes, and which engine does what.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/conv2d.h"

#include "lib/nn/onednn.h"

#include <stdio.h>
#include <stdlib.h>

struct conv2d_context {
    struct onednn_context *library;
};

struct conv2d {
    struct onednn *library;
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
    (void)precision;
    if (context == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    context->library = onednn_context_new(parallel, err);
    if (context->library == NULL) {
        conv2d_context_free(context);
        return NULL;
    }
    return context;
}

void conv2d_context_free(struct conv2d_context *context)
{
    if (context == NULL)
        return;
    onednn_context_free(context->library);
    free(context);
}

int conv2d_reserve(struct conv2d_context *context, struct err *err)
{
    return onednn_reserve(context->library, err);
}

struct conv2d *conv2d_new(struct conv2d_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err)
{
    struct conv2d *conv = calloc(1, sizeof *conv);
    if (conv == NULL) {
        err_memory(err, "a convolution");
        return NULL;
    }
    conv->library = onednn_new(context->library, shape, weight, err);
    if (conv->library == NULL || onednn_add(conv->library, CONV2D_FORWARD, err) != 0) {
        conv2d_free(conv);
        return NULL;
    }
    conv2d_refresh(conv, 0);
    return conv;
}

int conv2d_train(struct conv2d *conv, bool data, struct err *err)
{
    if (onednn_add(conv->library, CONV2D_WEIGHT, err) != 0 ||
        (data && onednn_add(conv->library, CONV2D_DATA, err) != 0))
        return -1;
    conv2d_refresh(conv, 0);
    return 0;
}

void conv2d_free(struct conv2d *conv)
{
    if (conv == NULL)
        return;
    onednn_free(conv->library);
    free(conv);
}

/* ---- running -------------------------------------------------------------------------------- */

void conv2d_refresh(struct conv2d *conv, int thread)
{
    onednn_refresh(conv->library, thread);
}

void conv2d_forward(struct conv2d *conv, void *y, const void *x, int n)
{
    onednn_forward(conv->library, y, x, n);
}

/* In the forward pass this was: y = conv(x, weight). */
void conv2d_backward(
    struct conv2d *conv, void *dx, float *dweight, const void *dy, const void *x, int n)
{
    onednn_weight(conv->library, dweight, dy, x, n);
    if (dx != NULL)
        onednn_data(conv->library, dx, dy, n);
}

/* ---- what runs ------------------------------------------------------------------------------ */

void conv2d_version(char *text, size_t size, enum precision precision)
{
    (void)precision;
    onednn_version(text, size);
}

void conv2d_kernels(const struct conv2d *conv, char *text, size_t size)
{
    snprintf(text, size, "%s %s %s", onednn_kernel(conv->library, CONV2D_FORWARD),
        onednn_kernel(conv->library, CONV2D_DATA), onednn_kernel(conv->library, CONV2D_WEIGHT));
}
