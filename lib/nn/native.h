/* native.h -- f32 convolution by kernels of our own; see conv2d.h for shapes and promises.
 *
 * One rule, by the shape alone and never by a measurement at run time, so the bits are the same every
 * time: where quad_serves() (3x3, stride 1, pad 1, 32 channels and filters or more, in sixteens), quad.h
 * and quadouter.h save 20 of 36 multiplications; everything else is for implicit.h and outer.h. On one
 * Zen 3 core (tests/bench/layers; operations of a direct convolution) the shapes of ResNet-18 for CIFAR
 * took 132 GFLOP/s where oneDNN 2.6 took 68, those of ResNet-50 at 224 pixels 85 where it took 64.
 *
 * Numerics: the same bits with AVX2 as with AVX-512.
 * SPDX-License-Identifier: MIT */
#ifndef NATIVE_H
#define NATIVE_H

#include "lib/nn/conv2d.h"

/* Kernels, and scratch memory for each thread. */
struct native_context;

/* Does a CPU of this level (cpu.h) have what the kernels need? Below AVX2 it has not. */
bool native_available(int level);

/* For kernels of that level. */
struct native_context *native_context_new(struct parallel *parallel, int level, struct err *err);
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
void native_refresh(struct native *conv, int thread);

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
