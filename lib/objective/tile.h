/* tile.h -- the inner loops of NT-Xent: one tile of the matrix of logits.
 *
 * A tile holds x = u_i . u_k / T for the rows i of one block and the rows k of another. Because the
 * matrix is symmetric, a tile serves the rows of both blocks: its rows as anchors against its
 * columns, and its columns as anchors against its rows.
 *
 * Numerics: sums within a tile are float over at most 192 terms, row sums in 16 lanes; whoever adds
 * tiles up does so in double. Rows of the same picture are left out of every sum: there are few, and
 * the caller adds them in double, which keeps small losses exact.
 * SPDX-License-Identifier: MIT */
#ifndef TILE_H
#define TILE_H

#include <stddef.h>

enum { TILE_LANES = 16, TILE_EDGE = 192 };

#define TILE_NOTHING (-1e30F) /* a logit that is none: e to its power is 0 */

struct tile {
    int rows, columns;
    int stride;                     /* columns rounded up to lanes: floats from row to row */
    float x[TILE_EDGE * TILE_EDGE]; /* [rows,stride] logits; later weights */
    /* Of each row and each column: the largest logit, then sums over the other side's pictures. */
    float row_max[TILE_EDGE], row_sum[TILE_EDGE], row_weighted[TILE_EDGE];
    float column_max[TILE_EDGE], column_sum[TILE_EDGE], column_weighted[TILE_EDGE];
};

/* Floats from row to row of a tile of so many columns. */
int tile_stride(int columns);

/* After the product has written x [rows,columns]: fill the columns up to stride with TILE_NOTHING, and
 * the diagonal too when the tile is a block against itself. Then the largest of each row and column. */
void tile_maxima(struct tile *tile, int diagonal);

/* sum = sum of e^(x - max) and weighted = sum of e^(x - max) (x - max), of each row over columns of
 * other pictures, and of each column over rows of other pictures. Returns, over the pairs of
 * different pictures, the sum of e^(scale x - row_square - column_square): uniformity. */
double tile_sums(struct tile *tile, const int *row_picture, const int *column_picture, float scale,
    const float *row_square, const float *column_square);

/* x becomes e^(x - row_shift) row_factor + e^(x - column_shift) column_factor, 0 for the same picture. */
void tile_weights(struct tile *tile, const int *row_picture, const int *column_picture,
    const float *row_shift, const float *row_factor, const float *column_shift,
    const float *column_factor);

#endif
