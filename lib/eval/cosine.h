/* cosine.h -- rows of length 1, whose products are cosines, and the tiles in which they are multiplied.
 *
 * Numerics: the length is taken in double, each number divided by it rounded once. A row of zeros
 * stays one: its cosine to everything is 0.
 * SPDX-License-Identifier: MIT */
#ifndef COSINE_H
#define COSINE_H

enum {
    COSINE_QUERIES = 128, /* rows that are asked about in one block of work, */
    COSINE_ROWS = 512     /* and rows it compares them with together, where they are not too wide */
};

/* out [width] = row [width] / its length; may be row itself. */
void cosine_unit(float *out, const float *row, int width);

/* Rows of a tile: `most`, fewer where they are wide, so that a tile fits a cache; never below 16.
 * It depends on the width alone, and with it the bits of a product. */
int cosine_tile(int most, int width);

/* The cosine of two rows of length 1, as good as it gets: summed in double, in the same order wherever
 * they stand (BLAS rounds what it finds at the edge of a tile otherwise than the rest). */
float cosine_of(const float *a, const float *b, int width);

/* The most that a product of two rows of length 1 in f32, summed in any order, is away from that.
 * Source: Higham 2002, "Accuracy and stability of numerical algorithms", eq. 3.5: width * 2^-24. */
float cosine_margin(int width);

#endif
