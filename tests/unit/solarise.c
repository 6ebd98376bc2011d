/* solarise -- Pillow's bytes, and the threshold.
 * SPDX-License-Identifier: MIT */
#include "lib/image/solarise.h"

#include "tests/unit/levels.h"

#include <stdbool.h>

static void solarise(float *planes, size_t n)
{
    solarise_invert(planes, 3 * n, SOLARISE_LEVEL);
}

int main(void)
{
    golden_open("tests/golden/kernels.safetensors");
    levels_test("solarise", solarise);
    safetensors_free(&golden);
    const int levels[] = {0, 1, 77, 128, 255, 256};
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        float x[256];
        bool good = true;
        for (int i = 0; i < 256; i++)
            x[i] = (float)i * (1.0F / 255);
        solarise_invert(x, 256, levels[k]);
        for (int i = 0; i < 256; i++)
            good &= (int)(255 * x[i] + 0.5F) == (i >= levels[k] ? 255 - i : i);
        OK(good, "all bytes at level %d", levels[k]);
    }
    float between[] = {127.4F / 255, 127.6F / 255};
    solarise_invert(between, 2, 128);
    NEAR(between[0], 127.4 / 255, 1e-7, "what would be rounded below the level stays");
    NEAR(between[1], 1 - 127.6 / 255, 1e-7, "what would be rounded up to it is inverted");
    return tap_done();
}
