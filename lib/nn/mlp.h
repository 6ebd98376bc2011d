/* mlp.h -- the projection head: h f32 [N,D] -> z f32 [N,P].
 *
 * nonlinear: layers-1 times (dense without bias -> batch norm -> ReLU), then dense without bias ->
 * batch norm without beta; stopped before, the output is what comes out of a ReLU. linear: dense without bias -> batch norm without beta. none: z = h.
 * Dense weights start from N(0, 0.01), keyed by the seed and the tensor's name; gamma 1, beta 0.
 * Names: 0.weight, 0.bn.weight, 0.bn.bias, 0.bn.running_mean, 0.bn.running_var, 1.weight, ...
 *
 * Source: google-research/simclr, model_util.py (projection_head).
 * SPDX-License-Identifier: MIT */
#ifndef MLP_H
#define MLP_H

#include "lib/base/parallel.h"
#include "lib/nn/model.h"

#include <stdbool.h>
#include <stdint.h>

enum mlp_head { MLP_NONE, MLP_LINEAR, MLP_NONLINEAR };

struct mlp_options {
    enum mlp_head head;
    int layers;          /* nonlinear: 2 or more dense layers */
    int in, hidden, out; /* D, hidden width, P */
    bool frozen;         /* batch norm uses running statistics */
    int stop; /* nonlinear: only layers 1 .. stop, the output is that of the last of these; 0:
                          * all */
};

struct mlp;

struct mlp *mlp_new(const struct mlp_options *options, struct parallel *parallel, struct err *err);
void mlp_free(struct mlp *mlp); /* NULL is fine */
void mlp_init(struct mlp *mlp, int64_t seed);
struct model mlp_model(struct mlp *mlp);

#endif
