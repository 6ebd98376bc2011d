/* shape.h -- the one place where extents are multiplied, and the alphabet they are named by.
 *
 *   N rows         V views          H W C image (height, width, channels)
 *   K filters      R S kernel       Y X output (height, width)
 *   D feature width (h)             P projection width (z)             L classes
 *
 * Extents are int, sizes and offsets size_t.
 * SPDX-License-Identifier: MIT */
#ifndef SHAPE_H
#define SHAPE_H

#include <stddef.h>
#include <stdint.h>

/* a * b, or SIZE_MAX when that does not fit. SIZE_MAX stays SIZE_MAX, so products can be chained
 * and the result compared with a limit once. */
size_t shape_times(size_t a, size_t b);

/* a + b, or SIZE_MAX. */
size_t shape_plus(size_t a, size_t b);

/* unit * shape[0] * ... * shape[rank-1]; SIZE_MAX on overflow or when an extent is negative. */
size_t shape_bytes(int rank, const int64_t *shape, size_t unit);

#endif
