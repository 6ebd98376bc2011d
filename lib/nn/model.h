/* model.h -- what a training stage needs to know of what it trains: forward and backward over the
 * rows of one part. resnet.h and mlp.h each make one.
 *
 * A tape is the memory of one part's activations. Forward writes it, backward reads it. Whoever
 * keeps several parts keeps several tapes; whoever has one tape runs forward again.
 *
 * A model may take rows of several sizes with the same weights (an encoder: views of two sizes);
 * they are fixed when it is made. A part has one size, and a tape is for one.
 * SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H

#include "lib/base/err.h"
#include "lib/base/spill.h"
#include "lib/nn/param.h"

#include <stddef.h>

enum model_mode {
    MODEL_EVAL,  /* running statistics, nothing changes; the tape is not fit for backward */
    MODEL_TRAIN, /* statistics of the part; running statistics are updated */
    MODEL_REPEAT /* as MODEL_TRAIN, the same bits, but running statistics are left alone */
};

struct model {
    void *self;            /* struct resnet or struct mlp */
    struct params *params; /* of self */
    int in_floats;         /* D when rows are f32 (a gradient can be sent back); 0 for pixels */
    int out_width;         /* floats of one output row */

    /* Which of the model's sizes, 0 .. STREAM_SIZES-1, rows of this shape have: [H,W,3] u8 or [D]
     * f32. -1 with ERR_INPUT: none. */
    int (*size)(const void *self, const int *shape, struct err *err);

    /* Bytes of a tape for a part of `rows` of that size, and the tape. For MODEL_EVAL (training
     * false) a tape is small. `spill` holds as many bytes, zeroed, and outlives the tape, which leaves
     * behind what it does not need for a while; NULL: the tape has memory of its own.
     * Errors: ERR_FAILED (memory). */
    size_t (*tape_size)(const void *self, int size, int rows, bool training);
    void *(*tape_new)(
        void *self, int size, int rows, bool training, const struct spill *spill, struct err *err);
    void (*tape_free)(void *tape); /* NULL is fine */

    /* out [rows, out_width] overwritten. `in` holds `rows` rows of the tape's size; rows <= the
     * tape's. The input must stay where it is until backward. Cannot fail. */
    void (*forward)(
        void *self, void *tape, float *out, const void *in, int rows, enum model_mode mode);

    /* Weight gradients accumulated into params; grad_in [rows, in_floats] overwritten, unless NULL.
     * grad_out [rows, out_width]. The tape must hold the forward pass of the same input. */
    void (*backward)(
        void *self, void *tape, float *grad_in, const float *grad_out, const void *in, int rows);

    /* Weights have changed (an optimiser step, a load): repack what is kept in another layout. */
    void (*refresh)(void *self);
};

#endif
