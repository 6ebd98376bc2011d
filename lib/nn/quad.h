/* quad.h -- f32 convolution with 3x3 filters, stride 1 and pad 1, in tiles of 2x2 outputs.
 *
 * The method is winograd.h's. A strip is some dozens of tiles, in the order of pictures, rows and columns:
 * their pixels are transformed, multiplied in 16 products with the weights (transformed and packed in
 * panels of 16 filters), and transformed back.
 *
 * Numerics: sums over 256 channels are chains of fused multiply-adds, those added in order. An output
 * depends neither on threads, nor on the other pictures, nor on the set of instructions.
 * Cost: N*Y*X*K*C*8 flops for the products (if Y and X are even) instead of 18.
 * SPDX-License-Identifier: MIT */
#ifndef QUAD_H
#define QUAD_H

#include "lib/nn/conv2d.h"
#include "lib/nn/panel.h"

struct quad;

/* Is this a shape for it? Channels and filters must be multiples of 16, and 32 or more. */
bool quad_serves(const struct conv2d_shape *shape);

/* One direction of a convolution: forward, or the data gradient. quad_free(NULL) is fine.
 * Errors: memory. */
struct quad *quad_new(const struct conv2d_shape *shape, bool data,
    const struct panel_kernels *kernels, struct err *err);
void quad_free(struct quad *quad);

size_t quad_scratch(const struct quad *quad); /* floats that each thread needs */

/* Take over the weight [K,C,3,3]. */
void quad_refresh(struct quad *quad, const float *weight);

/* out overwritten: y from x, or dx from dy. scratch [threads][room] at 64-byte boundaries. */
void quad_run(const struct quad *quad, struct parallel *parallel, float *out, const float *in,
    int n, float *scratch, size_t room);

#endif
