/* native.h -- f32 convolution by kernels of our own; see conv2d.h for shapes and promises.
 *
 * Which method serves a direction of a shape is decided here, once, by the shape alone (native_method()),
 * never by a measurement at run time: the same bits every time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef NATIVE_H
#define NATIVE_H

#include "lib/nn/conv2d.h"

/* Kernels, and scratch memory for each thread. */
struct native_context;

/* Does this CPU have what the kernels need? Without AVX2 it has not. */
bool native_available(void);

struct native_context *native_context_new(struct parallel *parallel, struct err *err);
void native_context_free(struct native_context *context); /* after its convolutions; NULL is fine */

/* A convolution, fit for no direction yet. Borrows context and weight [K,C,R,S]. */
struct native;
struct native *native_new(struct native_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err);
void native_free(struct native *conv); /* NULL is fine */

/* Make it fit for one direction; again: no effect. Refresh before the first pass. */
int native_add(struct native *conv, enum conv2d_direction direction, struct err *err);

/* Scratch for all directions added so far, and the weights in their layouts, as in conv2d.h. */
int native_reserve(struct native_context *context, struct err *err);
void native_refresh(struct native *conv);

/* y overwritten. */
void native_forward(struct native *conv, float *y, const float *x, int n);

/* The inverses of the line above: dx overwritten, not dy; dweight [K,C,R,S] accumulated. */
void native_data(struct native *conv, float *dx, const float *dy, int n);
void native_weight(struct native *conv, float *dweight, const float *dy, const float *x, int n);

/* "own kernels, AVX2" */
void native_version(char *text, size_t size);

/* Name of the method that serves a direction. */
const char *native_kernel(const struct native *conv, enum conv2d_direction direction);

#endif
