/* summary -- a tensor in a few numbers.
 * SPDX-License-Identifier: MIT */
#include "formats/summary.h"

#include <math.h>
#include <string.h>

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
static double half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

/* bfloat16 is the upper half of a float. */
static double brain(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

#define ELEMENT(type)                                                                              \
    do {                                                                                           \
        type value;                                                                                \
        memcpy(&value, at, sizeof value);                                                          \
        return (double)value;                                                                      \
    } while (0)

static double element(enum dtype dtype, const char *at)
{
    uint16_t bits;
    switch (dtype) {
    case DTYPE_I8:
        ELEMENT(int8_t);
    case DTYPE_U16:
        ELEMENT(uint16_t);
    case DTYPE_I16:
        ELEMENT(int16_t);
    case DTYPE_F16:
        memcpy(&bits, at, sizeof bits);
        return half(bits);
    case DTYPE_BF16:
        memcpy(&bits, at, sizeof bits);
        return brain(bits);
    case DTYPE_U32:
        ELEMENT(uint32_t);
    case DTYPE_I32:
        ELEMENT(int32_t);
    case DTYPE_F32:
        ELEMENT(float);
    case DTYPE_U64:
        ELEMENT(uint64_t);
    case DTYPE_I64:
        ELEMENT(int64_t);
    case DTYPE_F64:
        ELEMENT(double);
    default:
        ELEMENT(uint8_t);
    }
}

struct summary summary_of(const struct tensor *tensor)
{
    struct summary s = {0};
    const size_t unit = dtype_size(tensor->dtype);
    const char *const end = (const char *)tensor->data + tensor->bytes;
    double sum = 0;
    for (const char *at = tensor->data; at != end; at += unit) {
        const double value = element(tensor->dtype, at);
        if (!isfinite(value)) {
            s.odd++;
            continue;
        }
        sum += value;
        if (s.count == 0 || value < s.min)
            s.min = value;
        if (s.count == 0 || value > s.max)
            s.max = value;
        s.count++;
    }
    s.mean = s.count > 0 ? sum / (double)s.count : 0;
    return s;
}
