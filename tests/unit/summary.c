/* summary -- least, mean and greatest of every type.
 * SPDX-License-Identifier: MIT */
#include "formats/summary.h"
#include "tests/unit/tap.h"

static void check(enum dtype dtype, void *data, int n, double min, double mean, double max)
{
    const struct tensor tensor = {
        .dtype = dtype, .data = data, .bytes = (size_t)n * dtype_size(dtype)};
    const struct summary s = summary_of(&tensor);
    OK(s.count == n && s.min == min && s.mean == mean && s.max == max, "%s: %g %g %g",
        dtype_name(dtype), s.min, s.mean, s.max);
}

int main(void)
{
    /* 1, -2.5, the least subnormal and the greatest finite number in half precision */
    uint16_t half[] = {0x3c00, 0xc100, 0x0001, 0x7bff}, brain[] = {0x3f80, 0xc020, 0x4040};
    check(DTYPE_F16, half, 2, -2.5, -0.75, 1);
    check(DTYPE_F16, half + 2, 1, 0x1p-24, 0x1p-24, 0x1p-24);
    check(DTYPE_F16, half + 3, 1, 65504, 65504, 65504);
    check(DTYPE_BF16, brain, 3, -2.5, 0.5, 3);
    check(DTYPE_U8, (uint8_t[]){255, 0, 3}, 3, 0, 86, 255);
    check(DTYPE_BOOL, (uint8_t[]){1, 0}, 2, 0, 0.5, 1);
    check(DTYPE_I8, (int8_t[]){-128, 127}, 2, -128, -0.5, 127);
    check(DTYPE_U16, (uint16_t[]){65535, 1}, 2, 1, 32768, 65535);
    check(DTYPE_I16, (int16_t[]){-32768, 0}, 2, -32768, -16384, 0);
    check(DTYPE_U32, (uint32_t[]){UINT32_MAX, 1}, 2, 1, 2147483648.0, 4294967295.0);
    check(DTYPE_I32, (int32_t[]){-7, 1}, 2, -7, -3, 1);
    check(DTYPE_U64, (uint64_t[]){1ULL << 63}, 1, 0x1p63, 0x1p63, 0x1p63);
    check(DTYPE_I64, (int64_t[]){-1, -3}, 2, -3, -2, -1);
    check(DTYPE_F64, (double[]){0.5, 0.25}, 2, 0.25, 0.375, 0.5);
    check(DTYPE_F32, NULL, 0, 0, 0, 0);
    float odd[] = {NAN, 2, INFINITY, 4, -INFINITY};
    const struct tensor tensor = {.dtype = DTYPE_F32, .data = odd, .bytes = sizeof odd};
    const struct summary s = summary_of(&tensor);
    OK(s.odd == 3 && s.count == 2 && s.min == 2 && s.mean == 3 && s.max == 4,
        "numbers that are not finite are counted apart");
    return tap_done();
}
