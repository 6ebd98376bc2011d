/* onednn.h -- f32 convolution by oneDNN (libdnnl); see conv2d.h for shapes and promises.
 *
 * Primitives run with one thread each, from our own threads, over fixed blocks of the batch: 8
 * pictures, then pairs, then single ones; on maps of 16 outputs or fewer 32, 8 and 1.
 *
 * Numerics: should oneDNN fail to run a primitive, its output becomes NaN, which every caller's check
 * for numbers that are not finite finds.
 * SPDX-License-Identifier: MIT */
#ifndef ONEDNN_H
#define ONEDNN_H

#include "lib/nn/conv2d.h"

/* An engine, and scratch memory for each thread. level: the most of cpu.h that kernels may use; the
 * first context decides for all. */
struct onednn_context;
struct onednn_context *onednn_context_new(struct parallel *parallel, int level, struct err *err);
void onednn_context_free(struct onednn_context *context); /* after its convolutions; NULL is fine */

/* A convolution, fit for no direction yet. Borrows context and weight [K,C,R,S]. */
struct onednn;
struct onednn *onednn_new(struct onednn_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err);
void onednn_free(struct onednn *conv); /* NULL is fine */

/* Make it fit for one direction; again: no effect. Refresh before the first pass. */
int onednn_add(struct onednn *conv, enum conv2d_direction direction, struct err *err);

/* Scratch for all directions added so far, and the weights in their layouts, as in conv2d.h. */
int onednn_reserve(struct onednn_context *context, struct err *err);
void onednn_refresh(struct onednn *conv, int thread);

/* y overwritten. */
void onednn_forward(struct onednn *conv, float *y, const float *x, int n);

/* The inverses of the line above: dx overwritten, not dy; dweight [K,C,R,S] accumulated. */
void onednn_data(struct onednn *conv, float *dx, const float *dy, int n);
void onednn_weight(struct onednn *conv, float *dweight, const float *dy, const float *x, int n);

/* "oneDNN 2.6.3 AVX2": library and instruction set in use. */
void onednn_version(char *text, size_t size);

/* Name of the kernel chosen for whole blocks. */
const char *onednn_kernel(const struct onednn *conv, enum conv2d_direction direction);

#endif
