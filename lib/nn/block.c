/* block -- the residual block and its unit: convolution, batch norm, shortcut, ReLU.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/block.h"

#include "lib/base/shape.h"
#include "lib/nn/batchnorm.h"
#include "lib/nn/pool.h"

#include <stdio.h>

/* ---- unit ----------------------------------------------------------------------------------- */

enum { BETA = 1, RUNNING_MEAN, RUNNING_VAR }; /* behind gamma */

int block_unit_add(struct block_unit *unit, struct params *params, const char *conv,
    const char *norm, struct err *err)
{
    static const struct {
        const char *suffix;
        enum param_kind kind;
    } part[] = {{"weight", PARAM_GAMMA}, {"bias", PARAM_BETA}, {"running_mean", PARAM_BUFFER},
        {"running_var", PARAM_BUFFER}};
    const struct conv2d_shape *p = &unit->shape;
    const int64_t shape[4] = {p->k, p->c, p->r, p->s};
    char name[100];
    snprintf(name, sizeof name, "%s.weight", conv);
    unit->weight = params_add(params, name, PARAM_KERNEL, 4, shape, err);
    unit->gamma = unit->weight + 1;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.%s", norm, part[i].suffix);
        if (params_add(params, name, part[i].kind, 1, shape, err) < 0)
            return -1;
    }
    return unit->weight < 0 ? -1 : 0;
}

int block_unit_make(struct block_unit *unit, const struct block_common *common, struct err *err)
{
    const float *weight = common->params->param[unit->weight].value;
    unit->conv = conv2d_new(common->context, &unit->shape, weight, err);
    return unit->conv == NULL ? -1 : 0;
}

void block_unit_free(struct block_unit *unit)
{
    conv2d_free(unit->conv);
    unit->conv = NULL;
}

/* Rows of the matrix that batch norm sees. */
static size_t positions(const struct block_unit *unit, int rows)
{
    const int64_t extent[3] = {rows, conv2d_y(&unit->shape), conv2d_x(&unit->shape)};
    return shape_bytes(3, extent, 1);
}

size_t block_unit_elements(const struct block_unit *unit, int rows)
{
    return shape_times(positions(unit, rows), (size_t)unit->shape.k);
}

size_t block_unit_scratch(const struct block_unit *unit, int rows)
{
    return batchnorm_scratch(positions(unit, rows), unit->shape.k);
}

void block_unit_layout(const struct block_common *common, const struct block_unit *unit,
    struct block_unit_tape *tape, struct arena *arena, int rows, bool training, void *map)
{
    const size_t elements = block_unit_elements(unit, rows), channels = (size_t)unit->shape.k;
    const size_t size = precision_size(common->precision);
    tape->x = training ? arena_take(arena, elements, size) : map;
    tape->y = training ? arena_take(arena, elements, size) : map;
    tape->mean = arena_take(arena, channels, sizeof(float));
    tape->inverse = arena_take(arena, channels, sizeof(float));
}

/* Maps that are not wanted before the way back, or not any more. */
static void leave(const struct block_common *common, const struct block_scratch *scratch,
    const void *map, size_t elements)
{
    spill_leave(scratch->spill, map, elements * precision_size(common->precision));
}

void block_unit_forward(const struct block_common *common, const struct block_unit *unit,
    const struct block_unit_tape *tape, const void *x, const void *residual, bool relu, int rows,
    enum model_mode mode, const struct block_scratch *scratch)
{
    const struct param *gamma = &common->params->param[unit->gamma];
    float *mean = gamma[RUNNING_MEAN].value, *var = gamma[RUNNING_VAR].value;
    const size_t m = positions(unit, rows);
    const int k = unit->shape.k;
    conv2d_forward(unit->conv, tape->x, x, rows);
    if (mode == MODEL_EVAL || common->frozen)
        batchnorm_running(tape->mean, tape->inverse, mean, var, k);
    else
        batchnorm_statistics(common->parallel, tape->mean, tape->inverse,
            mode == MODEL_TRAIN ? mean : NULL, mode == MODEL_TRAIN ? var : NULL, tape->x,
            common->precision, m, k, scratch->batchnorm);
    batchnorm_forward(common->parallel, tape->y, tape->x, residual, common->precision, tape->mean,
        tape->inverse, gamma->value, gamma[BETA].value, m, k, relu);
    leave(common, scratch, tape->x, block_unit_elements(unit, rows));
}

/* In the forward pass this was: y = relu(batch norm(convolution(x)) + residual). */
void block_unit_backward(const struct block_common *common, const struct block_unit *unit,
    const struct block_unit_tape *tape, void *dx, void *middle, void *dresidual, const void *dy,
    const void *more, const void *x, bool relu, int rows, const struct block_scratch *scratch)
{
    const struct param *gamma = &common->params->param[unit->gamma];
    batchnorm_backward(common->parallel, middle, dresidual, gamma->grad, gamma[BETA].grad, dy, more,
        tape->x, dresidual != NULL ? tape->y : NULL, common->precision, tape->mean, tape->inverse,
        gamma->value, gamma[BETA].value, positions(unit, rows), unit->shape.k, relu, common->frozen,
        scratch->batchnorm);
    conv2d_backward(unit->conv, dx, common->params->param[unit->weight].grad, middle, x, rows);
    leave(common, scratch, tape->x, block_unit_elements(unit, rows));
    leave(common, scratch, tape->y, block_unit_elements(unit, rows));
}

/* ---- block ---------------------------------------------------------------------------------- */

/* Forward alone: units write to the three maps that do not hold the input, by turns to the first
 * and the second, and the shortcut to the third. On the way to training only the shortcut uses a
 * map: nothing of it is needed on the way back. */
void block_layout(const struct block_common *common, const struct block *block,
    struct block_tape *tape, struct arena *arena, int rows, bool training,
    const struct block_scratch *scratch, int *map)
{
    const int input = *map;
    for (int i = 0; i < block->units; i++) {
        *map = (input + 1 + i % 2) % BLOCK_MAPS;
        block_unit_layout(
            common, &block->unit[i], &tape->unit[i], arena, rows, training, scratch->map[*map]);
    }
    void *shortcut = scratch->map[training ? 0 : (input + 3) % BLOCK_MAPS];
    if (block->shortcut == BLOCK_PROJECTION) {
        block_unit_layout(
            common, &block->projection, &tape->projection, arena, rows, false, shortcut);
        if (training)
            tape->projection.x = arena_take(arena, block_unit_elements(&block->projection, rows),
                precision_size(common->precision));
    }
    if (block->shortcut == BLOCK_SUBSAMPLE)
        tape->projection.y = shortcut;
}

/* Of what a block takes in. */
static size_t input_elements(const struct block *block, int rows)
{
    const struct conv2d_shape *in = &block->unit[0].shape;
    const int64_t extent[4] = {rows, in->h, in->w, in->c};
    return shape_bytes(4, extent, 1);
}

void *block_forward(const struct block_common *common, const struct block *block,
    const struct block_tape *tape, const void *x, int rows, enum model_mode mode,
    const struct block_scratch *scratch)
{
    const int last = block->units - 1;
    const struct conv2d_shape *in = &block->unit[0].shape;
    const void *shortcut = x, *map = x;
    if (block->shortcut != BLOCK_IDENTITY)
        shortcut = tape->projection.y;
    if (block->shortcut == BLOCK_PROJECTION)
        block_unit_forward(
            common, &block->projection, &tape->projection, x, NULL, false, rows, mode, scratch);
    else if (block->shortcut == BLOCK_SUBSAMPLE)
        pool_subsample_forward(common->parallel, tape->projection.y, x, common->precision, rows,
            in->h, in->w, in->c, block->unit[last].shape.k);
    for (int i = 0; i <= last; i++) {
        block_unit_forward(common, &block->unit[i], &tape->unit[i], map,
            i == last ? shortcut : NULL, true, rows, mode, scratch);
        map = tape->unit[i].y;
        if (i > 0)
            leave(common, scratch, tape->unit[i - 1].y,
                block_unit_elements(&block->unit[i - 1], rows));
    }
    leave(common, scratch, x, input_elements(block, rows));
    return tape->unit[last].y;
}

/* In the forward pass this was: y = relu(units(x) + shortcut(x)). The gradient behind ReLU stays in
 * its map for the shortcut; that of the units wanders between two others, the first of which may hold
 * the other addend of dy: it is not written before that has been read. */
struct block_gradient block_backward(const struct block_common *common, const struct block *block,
    const struct block_tape *tape, const void *x, int rows, struct block_gradient gradient,
    const struct block_scratch *scratch)
{
    const struct conv2d_shape *in = &block->unit[0].shape;
    const int last = block->units - 1;
    int here = (gradient.map + 1) % BLOCK_GRADIENTS, there = (gradient.map + 2) % BLOCK_GRADIENTS;
    void *shortcut = scratch->map[gradient.map];
    const void *more = gradient.more == BLOCK_NONE ? NULL : scratch->map[gradient.more];
    for (int i = last; i >= 0; i--) {
        void *middle = scratch->map[here];
        block_unit_backward(common, &block->unit[i], &tape->unit[i], scratch->map[there], middle,
            i == last ? shortcut : NULL, i == last ? shortcut : middle, i == last ? more : NULL,
            i == 0 ? x : tape->unit[i - 1].y, true, rows, scratch);
        const int swap = here;
        here = there;
        there = swap;
    }
    void *dx = scratch->map[here];
    if (block->shortcut == BLOCK_SUBSAMPLE) {
        pool_subsample_backward(common->parallel, dx, shortcut, common->precision, rows, in->h,
            in->w, in->c, block->unit[last].shape.k);
    } else if (block->shortcut == BLOCK_PROJECTION) {
        block_unit_backward(common, &block->projection, &tape->projection, scratch->map[there],
            shortcut, NULL, shortcut, NULL, x, false, rows, scratch);
        return (struct block_gradient){here, there};
    } else {
        return (struct block_gradient){here, gradient.map};
    }
    return (struct block_gradient){here, BLOCK_NONE};
}
