/* shrink -- against the same filter done by its definition, in double.
 * SPDX-License-Identifier: MIT */
#include "lib/image/shrink.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* So far from black and white that the filter, which overshoots, reaches neither. */
static struct picture noise(int h, int w, int channels)
{
    struct picture out;
    struct err err = {0};
    struct rng rng = rng_key(1, 0, h, w, "noise");
    if (picture_alloc(&out, h, w, channels, PICTURE_PIXELS, "X", &err) < 0)
        printf("Bail out! %s\n", err.text);
    for (int i = 0; i < h * w * channels; i++)
        out.pixels[i] = (unsigned char)(40 + rng_below(&rng, 176));
    return out;
}

static double cubic(double x, double step)
{
    const double t = fabs(x / step);
    return t < 1   ? 1.5 * t * t * t - 2.5 * t * t + 1
           : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2
                   : 0;
}

/* One sample by its definition: all pixels, weighted. */
static double sample(const struct picture *in, int h, int w, int j, int i, int c)
{
    double sum = 0, total = 0;
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++) {
            const double sy = (double)in->height / h, sx = (double)in->width / w;
            const double weight =
                cubic(y + 0.5 - (j + 0.5) * sy, sy) * cubic(x + 0.5 - (i + 0.5) * sx, sx);
            sum += weight * in->pixels[(y * in->width + x) * in->channels + c];
            total += weight;
        }
    const double value = sum / total;
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static void check(int h, int w, int channels, int y, int x)
{
    struct picture in = noise(h, w, channels), out;
    struct err err = {0};
    double worst = 0;
    OK(shrink_to(&out, &in, y, x, &err) == 0 && out.height == y && out.width == x &&
            out.channels == channels,
        "%d x %d to %d x %d", h, w, y, x);
    for (int j = 0; j < y; j++)
        for (int i = 0; i < x; i++)
            for (int c = 0; c < channels; c++)
                worst = fmax(worst,
                    fabs(out.pixels[(j * x + i) * channels + c] - sample(&in, y, x, j, i, c)));
    /* Each direction rounds once, and the second one sees the first one's errors, by weights of
     * both signs: at most 1.25 of them in all. */
    OK(worst < 0.5 + 0.5 * 1.25 + 0.01, "each sample is next to what it should be, worst %.4f",
        worst);
    picture_free(&in);
    picture_free(&out);
}

int main(void)
{
    struct picture in = noise(7, 5, 3), out;
    struct err err = {0};
    OK(shrink_to(&out, &in, 7, 5, &err) == 0 && memcmp(in.pixels, out.pixels, 7 * 5 * 3) == 0,
        "the same size is a copy");
    picture_free(&out);
    memset(in.pixels, 201, 7 * 5 * 3);
    OK(shrink_to(&out, &in, 3, 2, &err) == 0 && out.pixels[0] == 201 && out.pixels[17] == 201,
        "one colour stays what it is");
    picture_free(&out);
    picture_free(&in);
    check(16, 16, 3, 8, 8);
    check(23, 17, 1, 7, 16);
    check(40, 9, 3, 3, 9);
    check(31, 64, 3, 1, 1);
    check(1, 50, 1, 1, 7);
    return tap_done();
}
