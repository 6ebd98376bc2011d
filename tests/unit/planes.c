/* planes -- bytes to floats, back, and pixel by pixel.
 * SPDX-License-Identifier: MIT */
#include "lib/image/planes.h"

#include "tests/unit/tap.h"

#include <stdbool.h>

int main(void)
{
    unsigned char bytes[256], back[256], pixels[256 * 3];
    float floats[256];
    bool same = true, order = true;
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    planes_from_bytes(floats, bytes, 256);
    planes_to_bytes(back, floats, 256);
    for (int i = 0; i < 256; i++)
        same &= back[i] == i && fabs((double)floats[i] - i / 255.0) < 1e-7;
    OK(same, "each byte comes back");
    OK(floats[0] == 0 && floats[255] <= 1, "and none leaves [0,1]");
    const float edge[] = {0.49F / 255, 0.51F / 255, 254.49F / 255, 254.51F / 255, 1};
    planes_to_bytes(back, edge, 5);
    OK(back[0] == 0 && back[1] == 1 && back[2] == 254 && back[3] == 255 && back[4] == 255,
        "floats are rounded");
    planes_interleave(pixels, bytes, 85);
    for (int i = 0; i < 85; i++)
        for (int c = 0; c < 3; c++)
            order &= pixels[3 * i + c] == 85 * c + i;
    OK(order, "three planes become pixels");
    return tap_done();
}
