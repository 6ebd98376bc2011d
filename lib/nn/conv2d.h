/* conv2d.h -- two-dimensional convolution without bias, forward and backward.
 *
 *   x [N,H,W,C]   y [N,Y,X,K]   weight [K,C,R,S] as in torchvision's files
 *   Y = (H + 2*pad - R) / stride + 1, X likewise: zero padding on all sides
 *
 * Maps (x, y and their gradients) are of the precision of the context; weights and their gradients
 * are f32. The work is done by an engine, which conv2d.c chooses by the precision and the CPU (f32:
 * native.h, or without AVX2 onednn.h), over blocks of the batch that the shape and the number of
 * pictures determine. Partial weight gradients of the blocks are added in block order, so the bits do
 * not depend on the number of threads. A convolution allocates nothing once conv2d_reserve() has been
 * called.
 *
 * Numerics: f32, within 1e-6 of the plain C twin; bf16, as the twin on rounded operands, sums in f32.
 * Cost: 2*N*Y*X*K*C*R*S flops a direction.
 * SPDX-License-Identifier: MIT */
#ifndef CONV2D_H
#define CONV2D_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/nn/precision.h"

#include <stdbool.h>
#include <stddef.h>

struct conv2d_shape {
    int h, w, c; /* input map */
    int k, r, s; /* filters and their extents */
    int stride, pad;
};

enum conv2d_direction { CONV2D_FORWARD, CONV2D_DATA, CONV2D_WEIGHT, CONV2D_DIRECTIONS };

/* Extents of the output map. */
int conv2d_y(const struct conv2d_shape *shape);
int conv2d_x(const struct conv2d_shape *shape);

/* What the convolutions of a model share: an engine, and scratch memory for each thread. */
struct conv2d_context;

struct conv2d_context *conv2d_context_new(
    struct parallel *parallel, enum precision precision, struct err *err);
void conv2d_context_free(struct conv2d_context *context); /* after its convolutions; NULL is fine */

/* One convolution, ready for forward. Borrows context and weight [K,C,R,S]. */
struct conv2d;
struct conv2d *conv2d_new(struct conv2d_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err);
void conv2d_free(struct conv2d *conv); /* NULL is fine */

/* Make ready for backward too; without `data` dx will never be asked for. Again: no effect. */
int conv2d_train(struct conv2d *conv, bool data, struct err *err);

/* Make the scratch memory that all convolutions made so far need. Call after conv2d_new() and
 * conv2d_train(), before the first pass. */
int conv2d_reserve(struct conv2d_context *context, struct err *err);

/* The weight has changed: take it over into the layouts of the primitives. Convolutions of one
 * context may be refreshed by several threads at once; `thread` as parallel_run() gives it. */
void conv2d_refresh(struct conv2d *conv, int thread);

/* y overwritten. */
void conv2d_forward(struct conv2d *conv, void *y, const void *x, int n);

/* The inverse of the line above: dx overwritten (may be NULL, must not be dy), dweight f32 [K,C,R,S]
 * accumulated. */
void conv2d_backward(
    struct conv2d *conv, void *dx, float *dweight, const void *dy, const void *x, int n);

/* "own kernels, AVX2" or "oneDNN 2.6.3 SSE4.1": what computes in this precision. */
void conv2d_version(char *text, size_t size, enum precision precision);

/* Names of the kernels chosen for whole blocks, forward, data and weight gradient; for benches. */
void conv2d_kernels(const struct conv2d *conv, char *text, size_t size);

/* The twins: plain loops, y and dweight with sums in double. dx overwritten, dweight accumulated. */
void conv2d_naive_forward(
    float *y, const float *x, const float *weight, const struct conv2d_shape *shape, int n);
void conv2d_naive_backward(float *dx, float *dweight, const float *dy, const float *x,
    const float *weight, const struct conv2d_shape *shape, int n);

#endif
