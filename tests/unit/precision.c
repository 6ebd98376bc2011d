/* precision -- bf16: rounding to nearest even, NaN, infinity, and the way back.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/precision.h"

#include "tests/unit/tap.h"

#include <stdlib.h>

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Of every float there is, one in 9973: the nearest bf16 by distance in double, the even one of two. */
static void nearest(void)
{
    int wrong = 0, ties = 0;
    for (uint64_t bits = 0; bits < 0x7F7F0000u;
         bits += bits % 3 == 0 ? 9973 : 32768 - bits % 32768) {
        const float x = from_bits((uint32_t)bits);
        const uint16_t below = (uint16_t)(bits >> 16), above = (uint16_t)(below + 1);
        const double down = (double)x - precision_widen(below);
        const double up = precision_widen(above) - (double)x;
        const uint16_t even = below % 2 == 0 ? below : above;
        const uint16_t best = down < up ? below : up < down ? above : even;
        ties += down == up;
        wrong += precision_narrow(x) != best || precision_narrow(-x) != (best | 0x8000);
    }
    OK(wrong == 0 && ties > 1000, "every float goes to the nearest, %d ties to the even one", ties);
}

static void ends(void)
{
    OK(precision_narrow(from_bits(0x7F7FFFFF)) == 0x7F80, "what is too large becomes infinity");
    OK(precision_narrow(INFINITY) == 0x7F80 && precision_narrow(-INFINITY) == 0xFF80,
        "infinity stays");
    const uint32_t nans[] = {0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF, 0xFF800001};
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++)
        OK(isnan(precision_widen(precision_narrow(from_bits(nans[i])))), "NaN %08X stays NaN",
            (unsigned)nans[i]);
}

/* Long enough for vectors and a rest. */
static void arrays(void)
{
    enum { COUNT = 1003 };
    float in[COUNT], buffer[COUNT];
    uint16_t out[COUNT];
    for (int i = 0; i < COUNT; i++)
        in[i] = i % 100 == 7 ? NAN : (float)(sin(i) * exp(i % 30 - 15));
    precision_write(out, in, PRECISION_BF16, COUNT);
    const float *const back = precision_read(buffer, out, PRECISION_BF16, COUNT);
    int wrong = 0;
    for (int i = 0; i < COUNT; i++)
        wrong += isnan(in[i]) ? !isnan(back[i]) : !(fabs(back[i] - in[i]) <= fabs(in[i]) / 256);
    OK(wrong == 0 && back == buffer, "arrays there and back, within half a unit in the last place");
    OK(precision_read(buffer, in, PRECISION_F32, COUNT) == in, "floats are read where they are");
    precision_write(buffer, in, PRECISION_F32, COUNT);
    OK(memcmp(buffer, in, sizeof in) == 0, "and written as they are");
    OK(precision_at(out, PRECISION_BF16, 3) == out + 3 &&
            precision_at(in, PRECISION_F32, 3) == in + 3,
        "elements of a map");
}

int main(void)
{
    nearest();
    ends();
    arrays();
    return tap_done();
}
