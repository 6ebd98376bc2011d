/* fused.h -- the inner loops of NT-Xent where one exponential serves a pair both ways.
 *
 * Unit rows bound every logit by 1/T, so that e^x needs no running maximum while 1/T is moderate:
 * E = e^x is the same for both rows of a pair, and a tile of E serves the rows of both its blocks:
 *
 *     forward:   sum over k of E_ik,  sum over i of E_ik
 *     backward:  w_ik = E_ik (e^-lse_i + e^-lse_k),  grad_i += w_ik u_k,  grad_k += w_ik u_i
 *
 * tile.h has the loops for any T and any CPU. These are a table of functions, one for each set of
 * kernels: fused_plain() in plain C, which tests hold the others against, fusedavx2_kernels() and
 * fusedavx512_kernels(). fused_best() chooses.
 *
 * A block of up to 192 unit rows of width P is packed twice, so that every loop reads forward:
 *
 *     tall [depth][padded][16]      depth = P / 16 rounded up; rows side by side
 *     wide [padded/48][16 depth][48]   dimensions one after another; 48 rows a panel
 *
 * where padded is rows rounded up to 48, and what is beyond P or rows is 0. Gradients are tall.
 *
 * Numerics: dots and sums within a tile in float, fused; e^x within 2 units in the last place of the
 * dot it is given. Pairs that the caller marks as gone (the same picture) have E = 2^-120: nothing.
 * SPDX-License-Identifier: MIT */
#ifndef FUSED_H
#define FUSED_H

#include <stdbool.h>
#include <stddef.h>

enum { FUSED_EDGE = 192, FUSED_PANEL = 48, FUSED_ROWS = 12, FUSED_DEPTH = 16 };

#define FUSED_SHARPEST 40.0    /* the largest 1/T: sums of e^(2/T) are floats with room to spare */
#define FUSED_NOTHING  (-1.5F) /* dots of unit rows are above, marks of what is gone below */

struct fused_block {
    int rows, depth;
    const float *tall, *wide;
};

/* e^x = 2^(dot (power + rest)). */
struct fused_scale {
    float power, rest; /* log2(e) / T in two pieces */
    float gone;        /* the dot that marks a pair as gone */
    bool square;       /* e^(4 dot) is E^2: T = 1/2 */
};

struct fused_tile {
    int rows, columns;                   /* of the blocks a and b */
    float (*x)[FUSED_EDGE][FUSED_PANEL]; /* FUSED_EDGE/48 panels: dots; later weights */
    float row_sum[FUSED_EDGE], row_weighted[FUSED_EDGE], row_max[FUSED_EDGE];
    float column_sum[FUSED_EDGE], column_weighted[FUSED_EDGE], column_max[FUSED_EDGE];
};

struct fused {
    const char *name;

    /* rows, columns and x [rows,columns] overwritten: dots of the rows of a and of b. Columns of x up to
     * a multiple of 48, and rows up to one of 12, hold dots with the zeros that pad a block. */
    void (*dots)(struct fused_tile *tile, const struct fused_block *a, const struct fused_block *b);

    /* In: x [rows, columns rounded up to 48], dots, some of them gone. Overwritten: row_sum and
     * column_sum of E, and if `across`, row_weighted and column_weighted of E dot, and the largest
     * dot of each row and column (a mark where all are gone). Returns the sum of
     * e^(4 dot) row_near column_near: uniformity. row_near [rows], column_near [columns up to 48]. */
    double (*sums)(struct fused_tile *tile, const struct fused_scale *scale, const float *row_near,
        const float *column_near, bool across);

    /* x, as sums() takes it, becomes E (row_factor + column_factor). */
    void (*weights)(struct fused_tile *tile, const struct fused_scale *scale,
        const float *row_factor, const float *column_factor);

    /* grad, tall as block a is, accumulated: x . u of b. */
    void (*row_gradient)(
        float *grad, const struct fused_tile *tile, const struct fused_block *b, int padded);

    /* grad, tall as block b is, accumulated: transposed x . u of a. */
    void (*column_gradient)(
        float *grad, const struct fused_tile *tile, const struct fused_block *a, int padded);
};

const struct fused *fused_plain(void);

/* The fastest kernels that this CPU runs; NULL where there are none but the plain ones. */
const struct fused *fused_best(void);

struct fused_scale fused_scale(double temperature);

/* Rows rounded up to a panel. */
static inline int fused_padded(int rows)
{
    return (rows + FUSED_PANEL - 1) / FUSED_PANEL * FUSED_PANEL;
}

/* Rows rounded up to what kernels compute at a time. */
static inline int fused_whole(int rows)
{
    return (rows + FUSED_ROWS - 1) / FUSED_ROWS * FUSED_ROWS;
}

static inline float *fused_at(struct fused_tile *tile, int i, int k)
{
    return &tile->x[k / FUSED_PANEL][i][k % FUSED_PANEL];
}

/* Index of number j of row i in something tall. */
static inline size_t fused_tall(int padded, int i, int j)
{
    return ((size_t)(j / FUSED_DEPTH) * (size_t)padded + (size_t)i) * FUSED_DEPTH +
           (size_t)(j % FUSED_DEPTH);
}

/* Index of number j of row k in something wide. */
static inline size_t fused_wide(int depth, int k, int j)
{
    return ((size_t)(k / FUSED_PANEL) * (size_t)(depth * FUSED_DEPTH) + (size_t)j) * FUSED_PANEL +
           (size_t)(k % FUSED_PANEL);
}

#endif
