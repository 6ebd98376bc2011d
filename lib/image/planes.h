/* planes.h -- planes of bytes and planes of floats, one from the other.
 *
 * Operations that are defined on bytes (bytecolor.h, gauss.h, resample.h) work on unsigned char
 * planes [C][Y][X]; the others on floats in [0,1] of the same shape.
 * SPDX-License-Identifier: MIT */
#ifndef PLANES_H
#define PLANES_H

#include <stddef.h>

/* out [n] overwritten with in / 255. */
void planes_from_bytes(float *out, const unsigned char *in, size_t n);

/* out [n] overwritten with 255 in, rounded half up; `in` is in [0,1]. Inverts planes_from_bytes(). */
void planes_to_bytes(unsigned char *out, const float *in, size_t n);

/* out [n][3] overwritten with the pixels of the planes rgb [3][n]. */
void planes_interleave(unsigned char *out, const unsigned char *rgb, size_t n);

#endif
