/* supervised.h -- the layer that ends a supervised run: h [N,D] -> logits [N,L] -> loss, and back.
 *
 *     logit = h . weight^T + bias;   loss: softmax cross entropy, mean over the labelled rows
 *
 * One step is forward and backward at once: nothing comes after this layer. Names and shapes are
 * torchvision's: fc.weight [L,D], fc.bias [L]. Weights start from N(0, 0.01), keyed by the seed and the
 * tensor's name, or from zeros; biases from zeros. LARS does not adapt this layer's rate.
 *
 * Source: google-research/simclr, model_util.py (supervised_head), lars_optimizer.py (exclusions).
 * Numerics: softmax.h, linear.h.
 * Cost: 6*N*D*L flops a step.
 * SPDX-License-Identifier: MIT */
#ifndef SUPERVISED_H
#define SUPERVISED_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/nn/param.h"
#include "lib/objective/softmax.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUPERVISED_WEIGHTS = 1 << 26 }; /* at most: a header must not cost more memory than that */

struct supervised;

/* Errors: ERR_INPUT more weights than that; ERR_FAILED (memory). */
struct supervised *supervised_new(
    int width, int classes, struct parallel *parallel, struct err *err);
void supervised_free(struct supervised *supervised); /* NULL is fine */
void supervised_init(struct supervised *supervised, int64_t seed, bool zero);
struct params *supervised_params(struct supervised *supervised);

/* The loss of a step and all its gradients, those of the weights overwritten in params, and grad
 * [rows,D] overwritten: of the mean loss by h [rows,D]. label [rows]: -1 unknown, 0 .. L-1.
 * Errors: ERR_INPUT a label beyond the classes; ERR_FAILED memory, or a logit or loss that is not
 * finite. They do not name the step. */
int supervised_step(struct supervised *supervised, struct softmax_result *out, float *grad,
    const float *h, const int64_t *label, int rows, struct err *err);

#endif
