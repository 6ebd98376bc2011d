/* joint.h -- the parts of a step as one batch: for batch norm over the whole step.
 *
 *     add(part 0), add(part 1), ...      rows of one size become neighbours
 *     forward                            once over all rows of a size; then rows(part) are outputs
 *     rows(part) = gradient, ...         whoever has written the outputs puts gradients in their place
 *     backward                           once; then input_gradient(part)
 *
 * Batch norm then sees what it would see were the step one part: the statistics, the gradients that
 * flow through them, and one update of the running ones a step, are those of all rows of a size.
 *
 * Memory: the activations of a whole step, nothing is computed twice. Going layer by layer over parts
 * would not need less: the way back of batch norm sums over all rows before the first has its
 * gradient, so that maps of gradients are as large as the step in any case. What `memory` does not
 * hold is in a scratch file (spill.h). Numerics: memory and file never change a bit; the cut into
 * parts only does by the order of rows.
 * SPDX-License-Identifier: MIT */
#ifndef JOINT_H
#define JOINT_H

#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/nn/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct joint_options {
    const struct model *model; /* borrowed */
    size_t memory;             /* bytes that activations may take */
    int scratch;               /* descriptor of a file for those beyond, borrowed; -1: none */
    int least_rows;            /* of a size, in a step: 2 where there are statistics */
    bool send_back;            /* gradients of the input are wanted */
};

struct joint;

/* Errors: ERR_FAILED. */
struct joint *joint_new(const struct joint_options *options, struct err *err);
void joint_free(struct joint *joint); /* NULL is fine */

/* Will the steps of the plan find a place, as far as the header tells? (How many rows of a step have
 * which size it does not say.) If not: ERR_MISUSE, with what is needed and the remedies. */
int joint_check(
    const struct joint *joint, const struct header *header, int column, struct err *err);

/* Forget the parts of the step before. */
void joint_begin(struct joint *joint);

/* One more part: `rows` rows of `row_bytes` bytes at `in`, borrowed until joint_forward() returns. */
int joint_add(struct joint *joint, const void *in, size_t row_bytes, int size, int rows,
    int64_t step, struct err *err);

/* Forward over all parts. The first time, and when a step has more rows of a size than any before,
 * memory is made; otherwise nothing is allocated.
 * Errors: ERR_INPUT (too few rows), ERR_FAILED (no place for the activations). */
int joint_forward(struct joint *joint, int64_t step, struct err *err);

/* [rows, out_width] of a part: its outputs, until the caller puts their gradients there. */
float *joint_rows(struct joint *joint, int part);

/* Weight gradients are accumulated. Cannot fail. */
void joint_backward(struct joint *joint);

/* [rows, in_floats] of a part, behind joint_backward(). */
float *joint_input_gradient(struct joint *joint, int part);

/* Bytes of activations, and how many of them are in the file. */
size_t joint_bytes(const struct joint *joint);
size_t joint_spilt(const struct joint *joint);

#endif
