/* distance.h -- squared Euclidean distances: exactly, and a bound on what a fast product says of them.
 * SPDX-License-Identifier: MIT */
#ifndef DISTANCE_H
#define DISTANCE_H

/* |a - b|^2 of two rows [width], as good as it gets: summed in double, in the same order wherever they
 * stand. Copies have distance 0. */
float distance_of(const float *a, const float *b, int width);

/* out [rows]: |a|^2 of rows [rows,width], summed in double. */
void distance_square(float *out, const float *row, int rows, int width);

/* product [rows]: the products of a row with others in f32, summed in any order, become numbers that are
 * at least -distance_of() of that pair. `square` [rows]: those of the others, `own`: that of the row.
 * Source: Higham 2002, "Accuracy and stability of numerical algorithms", eq. 3.5: width * 2^-24. */
void distance_bound(float *product, const float *square, int rows, float own, int width);

#endif
