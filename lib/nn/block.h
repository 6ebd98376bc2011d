/* block.h -- the residual block that encoders are stacked of, and its unit.
 *
 * A unit is a convolution and the batch normalisation behind it. A block is two units (basic) or
 * three (bottleneck); the last one's output is added to the shortcut, and ReLU follows every unit.
 * The shortcut is the block's input, or a unit of its own (1x1, no ReLU), or option A's
 * subsampling.
 *
 *   x [N,H,W,C] -> units -> + shortcut(x) -> ReLU -> y [N,Y,X,K]
 *
 * What a part leaves behind for the way back is a tape. Layouts run twice: counting, then cutting.
 * SPDX-License-Identifier: MIT */
#ifndef BLOCK_H
#define BLOCK_H

#include "lib/base/arena.h"
#include "lib/nn/conv2d.h"
#include "lib/nn/model.h"

#include <stdbool.h>

/* What all units of a model share. */
struct block_common {
    struct parallel *parallel;
    struct conv2d_context *context;
    struct params *params;
    bool frozen;              /* batch norm uses running statistics */
    enum precision precision; /* of all maps */
};

struct block_unit {
    struct conv2d_shape shape;
    int weight, gamma; /* indices into params; beta, running_mean, running_var follow gamma */
    struct conv2d *conv;
};

struct block_unit_tape {
    void *x;               /* [N,Y,X,K] behind the convolution */
    void *y;               /* [N,Y,X,K] behind batch norm; may be x where nothing goes back */
    float *mean, *inverse; /* [K] that normalised x */
};

enum block_shortcut { BLOCK_IDENTITY, BLOCK_PROJECTION, BLOCK_SUBSAMPLE };
enum { BLOCK_UNITS = 3, BLOCK_MAPS = 4, BLOCK_GRADIENTS = 3 };

struct block {
    int units;
    enum block_shortcut shortcut;
    struct block_unit unit[BLOCK_UNITS], projection;
};

struct block_tape {
    struct block_unit_tape unit[BLOCK_UNITS], projection;
};

/* Memory that blocks lend each other: maps as large as the model's largest, and what batch norm
 * needs. Forward alone keeps activations in all maps; training keeps gradients in the first three,
 * and has no more. */
struct block_scratch {
    void *map[BLOCK_MAPS];
    float *batchnorm;
    const struct spill *spill; /* of the tape, or NULL: its activations are left behind there */
};

/* Append a unit's parameters: CONV.weight; NORM.weight, .bias, .running_mean, .running_var. */
int block_unit_add(struct block_unit *unit, struct params *params, const char *conv,
    const char *norm, struct err *err);

/* Make its convolution, once the values exist; and free it. */
int block_unit_make(struct block_unit *unit, const struct block_common *common, struct err *err);
void block_unit_free(struct block_unit *unit);

size_t block_unit_elements(const struct block_unit *unit, int rows); /* of its output */
size_t block_unit_scratch(const struct block_unit *unit, int rows);  /* of batch norm, in floats */

/* The tape of a unit; x and y are cut only if there is a way back, else both are `map`. */
void block_unit_layout(const struct block_common *common, const struct block_unit *unit,
    struct block_unit_tape *tape, struct arena *arena, int rows, bool training, void *map);

/* y = batch norm(convolution(x)) + residual if any, then ReLU if asked; y in tape->y. */
void block_unit_forward(const struct block_common *common, const struct block_unit *unit,
    const struct block_unit_tape *tape, const void *x, const void *residual, bool relu, int rows,
    enum model_mode mode, const struct block_scratch *scratch);

/* The inverse of the line above. dy, plus `more` unless NULL (with dresidual only), is the gradient of
 * y; `middle` [N,Y,X,K] receives that of the convolution's output (may be dy or `more`), dx that of x
 * (NULL: not wanted; never middle; may be `more`), dresidual that of the residual (may be NULL; may be
 * dy if middle is not). Weight gradients are accumulated. */
void block_unit_backward(const struct block_common *common, const struct block_unit *unit,
    const struct block_unit_tape *tape, void *dx, void *middle, void *dresidual, const void *dy,
    const void *more, const void *x, bool relu, int rows, const struct block_scratch *scratch);

/* The tape of a block. Without a way back its input is in scratch->map[*map], and *map becomes that
 * of its output. */
void block_layout(const struct block_common *common, const struct block *block,
    struct block_tape *tape, struct arena *arena, int rows, bool training,
    const struct block_scratch *scratch, int *map);

/* Returns y, which is in the tape, or in a map. */
void *block_forward(const struct block_common *common, const struct block *block,
    const struct block_tape *tape, const void *x, int rows, enum model_mode mode,
    const struct block_scratch *scratch);

/* The gradient of a block's input or output: the sum of one or two of the scratch maps. It is added
 * up by who reads it. */
enum { BLOCK_NONE = -1 };
struct block_gradient {
    int map, more; /* more: BLOCK_NONE, or the other addend */
};

/* The inverse of block_forward(), from the gradient of y to that of x. */
struct block_gradient block_backward(const struct block_common *common, const struct block *block,
    const struct block_tape *tape, const void *x, int rows, struct block_gradient gradient,
    const struct block_scratch *scratch);

#endif
