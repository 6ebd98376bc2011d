/* implicit.h -- f32 convolution as a product of matrices, one of which is never formed.
 *
 * Forward: each output is a sum over filter rows of runs of S x C floats that are neighbours in a
 * padded map, times weights packed in panels of 16 filters. The data gradient is the same over dy with
 * the filter turned round, its two channels exchanged: for stride 2 four such products, one for each
 * phase of dx (geometry_transpose()). The weights go through in chunks small enough for the first-level
 * cache, and each chunk meets all outputs of a strip (patch.h) before the next.
 *
 * Numerics: an output is a sum of chains of fused multiply-adds, one a chunk, in an order fixed by the
 * shape. It depends neither on threads nor on the other pictures nor on the set of instructions.
 * Cost: 2*N*Y*X*K*C*R*S flops; scratch for a thread of one patch, at most.
 * SPDX-License-Identifier: MIT */
#ifndef IMPLICIT_H
#define IMPLICIT_H

#include "lib/nn/conv2d.h"
#include "lib/nn/panel.h"

struct implicit;

/* One direction of a convolution: forward, or the data gradient. implicit_free(NULL) is fine.
 * Errors: memory. */
struct implicit *implicit_new(const struct conv2d_shape *shape, bool data,
    const struct panel_kernels *kernels, struct err *err);
void implicit_free(struct implicit *conv);

size_t implicit_scratch(const struct implicit *conv); /* floats that each thread needs */

/* Take over the weight [K,C,R,S]. */
void implicit_refresh(struct implicit *conv, const float *weight);

/* out overwritten: y from x, or dx from dy. scratch [threads][room], 64-byte aligned rows. */
void implicit_run(const struct implicit *conv, struct parallel *parallel, float *out,
    const float *in, int n, float *scratch, size_t room);

#endif
