/* outer.h -- f32 weight gradient of a convolution as sums of outer products.
 *
 * dweight[k,c,r,s] is the sum over outputs q of x at tap (r,s) of q, channel c, times dy[q,k]. A few
 * channels by 16 filters stay in registers over all outputs of a strip (patch.h), whose dy lies in
 * the first-level cache, in panels of 16 filters, and whose patch in the second, in slices of as many
 * channels as a kernel has rows: then both are read from front to back.
 *
 * The work is cut by filters, channels and, where the weight is small, blocks of pictures, so that
 * there are about 32 tasks; the blocks' partial gradients are added in their order.
 *
 * Numerics: chains of fused multiply-adds over a strip, strips added in order, then blocks. How the
 * pictures are cut depends on the shape and on n alone.
 * Cost: 2*N*Y*X*K*C*R*S flops; no more than 32 partial gradients of 64 x 128 x R x S together
 * (256 x 128 with fewer than nine taps), or one whole gradient where that is more.
 * SPDX-License-Identifier: MIT */
#ifndef OUTER_H
#define OUTER_H

#include "lib/nn/conv2d.h"
#include "lib/nn/panel.h"

struct outer;

/* outer_free(NULL) is fine. Errors: memory. */
struct outer *outer_new(
    const struct conv2d_shape *shape, const struct panel_kernels *kernels, struct err *err);
void outer_free(struct outer *outer);

size_t outer_scratch(const struct outer *outer); /* floats that each thread needs */
size_t outer_partial(const struct outer *outer); /* floats that all share */

/* In the forward pass this was: y = conv(x, weight). dweight [K,C,R,S] accumulated. scratch
 * [threads][room] and partial at 64-byte boundaries, room a multiple of 16. */
void outer_run(const struct outer *outer, struct parallel *parallel, float *dweight,
    const float *dy, const float *x, int n, float *scratch, size_t room, float *partial);

#endif
