/* fused -- what the kernels compute, as plain loops.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/fused.h"

#include "lib/objective/fusedavx2.h"
#include "lib/objective/fusedavx512.h"

#include <math.h>
#include <string.h>

struct fused_scale fused_scale(double temperature)
{
    const double power = 1.4426950408889634 / temperature;
    struct fused_scale s = {.power = (float)power, .square = temperature == 0.5};
    s.rest = (float)(power - s.power);
    s.gone = (float)(-120 / power);
    return s;
}

static float power_of(float dot, const struct fused_scale *s)
{
    return (float)exp2(((double)s->power + s->rest) * dot);
}

static void dots(struct fused_tile *t, const struct fused_block *a, const struct fused_block *b)
{
    const int padded = fused_padded(a->rows), columns = fused_padded(b->rows);
    t->rows = a->rows;
    t->columns = b->rows;
    for (int i = 0; i < fused_whole(a->rows); i++)
        for (int k = 0; k < columns; k++) {
            float dot = 0;
            for (int j = 0; j < a->depth * FUSED_DEPTH; j++)
                dot += a->tall[fused_tall(padded, i, j)] * b->wide[fused_wide(b->depth, k, j)];
            *fused_at(t, i, k) = dot;
        }
}

static double sums(struct fused_tile *t, const struct fused_scale *s, const float *row_near,
    const float *column_near, bool across)
{
    double near = 0;
    memset(t->column_sum, 0, sizeof t->column_sum);
    memset(t->column_weighted, 0, sizeof t->column_weighted);
    for (int k = 0; k < t->columns; k++)
        t->column_max[k] = s->gone;
    for (int i = 0; i < t->rows; i++) {
        t->row_sum[i] = t->row_weighted[i] = 0;
        t->row_max[i] = s->gone;
        for (int k = 0; k < t->columns; k++) {
            const float dot = *fused_at(t, i, k), e = power_of(dot, s);
            t->row_sum[i] += e;
            t->column_sum[k] += e;
            if (dot > FUSED_NOTHING)
                near += exp(4 * (double)dot) * row_near[i] * column_near[k];
            if (!across)
                continue;
            t->row_weighted[i] += e * dot;
            t->column_weighted[k] += e * dot;
            t->row_max[i] = fmaxf(t->row_max[i], dot);
            t->column_max[k] = fmaxf(t->column_max[k], dot);
        }
    }
    return near;
}

static void weights(struct fused_tile *t, const struct fused_scale *s, const float *row_factor,
    const float *column_factor)
{
    for (int i = 0; i < t->rows; i++)
        for (int k = 0; k < t->columns; k++)
            *fused_at(t, i, k) =
                power_of(*fused_at(t, i, k), s) * (row_factor[i] + column_factor[k]);
}

static void row_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *b, int padded)
{
    for (int i = 0; i < t->rows; i++)
        for (int k = 0; k < t->columns; k++)
            for (int j = 0; j < b->depth * FUSED_DEPTH; j++)
                grad[fused_tall(padded, i, j)] += t->x[k / FUSED_PANEL][i][k % FUSED_PANEL] *
                                                  b->tall[fused_tall(fused_padded(b->rows), k, j)];
}

static void column_gradient(
    float *grad, const struct fused_tile *t, const struct fused_block *a, int padded)
{
    for (int i = 0; i < t->rows; i++)
        for (int k = 0; k < t->columns; k++)
            for (int j = 0; j < a->depth * FUSED_DEPTH; j++)
                grad[fused_tall(padded, k, j)] += t->x[k / FUSED_PANEL][i][k % FUSED_PANEL] *
                                                  a->tall[fused_tall(fused_padded(a->rows), i, j)];
}

const struct fused *fused_plain(void)
{
    static const struct fused plain = {"plain", dots, sums, weights, row_gradient, column_gradient};
    return &plain;
}

const struct fused *fused_best(void)
{
    const struct fused *const wide = fusedavx512_kernels();
    return wide != NULL ? wide : fusedavx2_kernels();
}
