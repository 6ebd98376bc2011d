/* tiled.h -- bf16 convolution by kernels of our own; see conv2d.h for shapes and promises.
 *
 * Products straight from padded images (geometry.h), by tiles of AMX or what the CPU has instead
 * (micro.h): sweep.h is the forward pass and the data gradient, gradient.h the weight gradient. Threads
 * share blocks of pictures whose size is fixed by the shape and, for the weight gradient, by how many there
 * are.
 *
 * Numerics: operands rounded to bf16, sums in f32 in the order of micro.h, results rounded to bf16; the
 * same bits for every CPU and number of threads.
 * SPDX-License-Identifier: MIT */
#ifndef TILED_H
#define TILED_H

#include "lib/nn/conv2d.h"

/* Scratch memory for each thread; level: the most of cpu.h that kernels may use. */
struct tiled_context;
struct tiled_context *tiled_context_new(struct parallel *parallel, int level, struct err *err);
void tiled_context_free(struct tiled_context *context); /* after its convolutions; NULL is fine */

/* A convolution, fit for no direction yet. Borrows context and weight [K,C,R,S]. */
struct tiled;
struct tiled *tiled_new(struct tiled_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err);
void tiled_free(struct tiled *conv); /* NULL is fine */

/* Make it fit for one direction; again: no effect. Refresh before the first pass. */
int tiled_add(struct tiled *conv, enum conv2d_direction direction, struct err *err);

/* Scratch for all directions added so far, and the weights rounded and packed, as in conv2d.h. */
int tiled_reserve(struct tiled_context *context, struct err *err);
void tiled_refresh(struct tiled *conv, int thread);

/* y overwritten. Maps are bf16. */
void tiled_forward(struct tiled *conv, uint16_t *y, const uint16_t *x, int n);

/* The inverses of the line above: dx overwritten, not dy; dweight [K,C,R,S] accumulated. */
void tiled_data(struct tiled *conv, uint16_t *dx, const uint16_t *dy, int n);
void tiled_weight(struct tiled *conv, float *dweight, const uint16_t *dy, const uint16_t *x, int n);

/* "AMX": the kernels in use, of a context by its level or of this CPU at its best. */
const char *tiled_name(const struct tiled_context *context);
const char *tiled_kernel(const struct tiled *conv, enum conv2d_direction direction);
void tiled_version(char *text, size_t size);

#endif
