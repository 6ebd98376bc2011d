/* quadouter.h -- f32 weight gradient of 3x3 filters, stride 1 and pad 1, in tiles of 2x2 outputs.
 *
 * The method is winograd.h's: tiles of x and of dy are transformed, 16 products summed over tiles in
 * registers as in outer.h, and the sums transformed back at the end. Cut like outer.h: by filters,
 * channels and blocks of pictures, into about 32 tasks; partial sums of blocks are added in their order.
 *
 * Numerics: chains of fused multiply-adds over a strip of tiles, strips added in order, then blocks.
 * How the pictures are cut depends on the shape and on n alone.
 * Cost: N*Y*X*K*C*8 flops for the products (if Y and X are even) instead of 18.
 * SPDX-License-Identifier: MIT */
#ifndef QUADOUTER_H
#define QUADOUTER_H

#include "lib/nn/conv2d.h"
#include "lib/nn/panel.h"

struct quadouter;

/* For shapes that quad_serves(). quadouter_free(NULL) is fine. Errors: memory. */
struct quadouter *quadouter_new(
    const struct conv2d_shape *shape, const struct panel_kernels *kernels, struct err *err);
void quadouter_free(struct quadouter *outer);

size_t quadouter_scratch(const struct quadouter *outer); /* floats that each thread needs */
size_t quadouter_partial(const struct quadouter *outer); /* floats that all share */

/* In the forward pass this was: y = conv(x, weight). dweight [K,C,3,3] accumulated. scratch
 * [threads][room] and partial at 64-byte boundaries, room a multiple of 16. */
void quadouter_run(const struct quadouter *outer, struct parallel *parallel, float *dweight,
    const float *dy, const float *x, int n, float *scratch, size_t room, float *partial);

#endif
