/* shape -- saturating products and sums of extents.
 * SPDX-License-Identifier: MIT */
#include "lib/base/shape.h"

size_t shape_times(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

size_t shape_plus(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

size_t shape_bytes(int rank, const int64_t *shape, size_t unit)
{
    size_t bytes = unit;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return SIZE_MAX;
        bytes = shape_times(bytes, (size_t)shape[i]);
    }
    return bytes;
}
