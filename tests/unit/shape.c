/* shape -- products and sums that do not wrap.
 * SPDX-License-Identifier: MIT */
#include "lib/base/shape.h"
#include "tests/unit/tap.h"

int main(void)
{
    const int64_t small[] = {2, 3, 4}, negative[] = {2, -3}, huge[] = {1LL << 40, 1LL << 40};
    const int64_t empty[] = {1LL << 40, 0, 1LL << 40};
    OK(shape_times(3, 4) == 12 && shape_times(0, SIZE_MAX) == 0, "products");
    OK(shape_times(SIZE_MAX / 2, 3) == SIZE_MAX, "a product too large is SIZE_MAX");
    OK(shape_times(SIZE_MAX, 1) == SIZE_MAX && shape_times(SIZE_MAX, 2) == SIZE_MAX,
        "and stays it");
    OK(shape_plus(3, 4) == 7 && shape_plus(SIZE_MAX, 1) == SIZE_MAX, "sums");
    OK(shape_plus(SIZE_MAX - 1, 5) == SIZE_MAX, "a sum too large is SIZE_MAX");
    OK(shape_bytes(3, small, 4) == 96 && shape_bytes(0, NULL, 8) == 8, "bytes of a shape");
    OK(shape_bytes(2, negative, 1) == SIZE_MAX, "a negative extent has no bytes");
    OK(shape_bytes(2, huge, 1) == SIZE_MAX, "a huge one neither");
    OK(shape_bytes(2, empty, 8) == 0, "an empty tensor has none");
    return tap_done();
}
