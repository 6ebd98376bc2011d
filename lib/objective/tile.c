/* tile -- the inner loops of NT-Xent, written for the compiler to turn into vectors: no branches,
 * fixed lanes, masks by integer arithmetic.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/tile.h"

#include "lib/base/cpu.h"
#include "lib/base/fastexp.h"

#include <string.h>

int tile_stride(int columns)
{
    return (columns + TILE_LANES - 1) / TILE_LANES * TILE_LANES;
}

/* x if keep, else 0, whatever x is. */
__attribute__((always_inline)) static inline float masked(float x, int keep)
{
    union {
        float f;
        uint32_t u;
    } bits = {x};
    bits.u &= 0U - (uint32_t)keep;
    return bits.f;
}

/* Largest of a row, and of each column so far. */
CPU_CLONES static float row_maximum(const float *restrict x, float *restrict column_max, int stride)
{
    float lane[TILE_LANES], most = TILE_NOTHING;
    for (int l = 0; l < TILE_LANES; l++)
        lane[l] = TILE_NOTHING;
    for (int k = 0; k < stride; k += TILE_LANES)
        for (int l = 0; l < TILE_LANES; l++)
            lane[l] = x[k + l] > lane[l] ? x[k + l] : lane[l];
    for (int k = 0; k < stride; k++)
        column_max[k] = x[k] > column_max[k] ? x[k] : column_max[k];
    for (int l = 0; l < TILE_LANES; l++)
        most = lane[l] > most ? lane[l] : most;
    return most;
}

void tile_maxima(struct tile *t, int diagonal)
{
    for (int k = 0; k < t->stride; k++)
        t->column_max[k] = TILE_NOTHING;
    for (int i = 0; i < t->rows; i++) {
        float *const x = t->x + (size_t)i * (size_t)t->stride;
        for (int k = t->columns; k < t->stride; k++)
            x[k] = TILE_NOTHING;
        if (diagonal)
            x[i] = TILE_NOTHING;
        t->row_max[i] = row_maximum(x, t->column_max, t->stride);
    }
}

struct lanes {
    float sum[TILE_LANES], weighted[TILE_LANES], uniform[TILE_LANES];
};

CPU_CLONES static void row_sums(struct lanes *restrict lanes, const float *restrict x,
    const float *restrict column_max, float *restrict column_sum, float *restrict column_weighted,
    const int *restrict column_picture, const float *restrict column_square, int stride,
    float row_max, int row_picture, float scale, float row_square)
{
    memset(lanes, 0, sizeof *lanes);
    for (int k = 0; k < stride; k += TILE_LANES)
        for (int l = 0; l < TILE_LANES; l++) {
            const int other = column_picture[k + l] != row_picture;
            const float below_row = x[k + l] - row_max, below_column = x[k + l] - column_max[k + l];
            const float by_row = masked(fastexp(below_row), other);
            const float by_column = masked(fastexp(below_column), other);
            const float near = scale * x[k + l] - row_square - column_square[k + l];
            lanes->sum[l] += by_row;
            lanes->weighted[l] += by_row * below_row;
            lanes->uniform[l] += masked(fastexp(near), other);
            column_sum[k + l] += by_column;
            column_weighted[k + l] += by_column * below_column;
        }
}

double tile_sums(struct tile *t, const int *row_picture, const int *column_picture, float scale,
    const float *row_square, const float *column_square)
{
    double uniform = 0;
    memset(t->column_sum, 0, sizeof t->column_sum);
    memset(t->column_weighted, 0, sizeof t->column_weighted);
    for (int i = 0; i < t->rows; i++) {
        struct lanes lanes;
        row_sums(&lanes, t->x + (size_t)i * (size_t)t->stride, t->column_max, t->column_sum,
            t->column_weighted, column_picture, column_square, t->stride, t->row_max[i],
            row_picture[i], scale, row_square[i]);
        float sum = 0, weighted = 0, near = 0;
        for (int l = 0; l < TILE_LANES; l++) {
            sum += lanes.sum[l];
            weighted += lanes.weighted[l];
            near += lanes.uniform[l];
        }
        t->row_sum[i] = sum;
        t->row_weighted[i] = weighted;
        uniform += near;
    }
    return uniform;
}

CPU_CLONES static void row_weights(float *restrict x, const int *restrict column_picture,
    const float *restrict column_shift, const float *restrict column_factor, int columns,
    int row_picture, float row_shift, float row_factor)
{
    for (int k = 0; k < columns; k++) {
        const float weight = fastexp(x[k] - row_shift) * row_factor +
                             fastexp(x[k] - column_shift[k]) * column_factor[k];
        x[k] = masked(weight, column_picture[k] != row_picture);
    }
}

void tile_weights(struct tile *t, const int *row_picture, const int *column_picture,
    const float *row_shift, const float *row_factor, const float *column_shift,
    const float *column_factor)
{
    for (int i = 0; i < t->rows; i++)
        row_weights(t->x + (size_t)i * (size_t)t->stride, column_picture, column_shift,
            column_factor, t->columns, row_picture[i], row_shift[i], row_factor[i]);
}
