/* crop -- which rectangle of a picture a view shows: drawn at random, or the centre.
 * SPDX-License-Identifier: MIT */
#include "lib/image/crop.h"

#include <math.h>
#include <stdbool.h>

static int round_even(double x)
{
    return (int)lrint(x);
}

/* The tallest crop of this aspect: no larger than the largest area, and inside the picture. */
static int tallest(double area_max, double aspect, int h, int w)
{
    int most = round_even(sqrt(area_max / aspect));
    if (lrint(most * aspect) > w) {
        most = (int)((w + 0.5 - 1e-7) / aspect);
        if (lrint(most * aspect) > w)
            most--;
    }
    return most < h ? most : h;
}

/* One attempt. Rounding may push the area out of its range; one pixel of height may mend that. */
static bool attempt(struct crop *out, struct rng *rng, const struct crop_range *range, int h, int w)
{
    const double aspect = rng_range(rng, range->aspect_min, range->aspect_max);
    const double whole = (double)h * w;
    const double area_min = range->area_min * whole, area_max = range->area_max * whole;
    const int most = tallest(area_max, aspect, h, w);
    const int least = round_even(sqrt(area_min / aspect));

    int height = least < most ? least : most;
    if (height < most)
        height += (int)rng_below(rng, (int64_t)most - height + 1);
    int width = round_even(height * aspect);
    if ((double)height * width < area_min) {
        height++;
        width = round_even(height * aspect);
    }
    if ((double)height * width > area_max) {
        height--;
        width = round_even(height * aspect);
    }
    const double area = (double)height * width;
    if (area < area_min || area > area_max || width < 1 || height < 1 || width > w || height > h)
        return false;
    *out = (struct crop){.w = width, .h = height};
    if (height < h)
        out->y = (int)rng_below(rng, h - height);
    if (width < w)
        out->x = (int)rng_below(rng, w - width);
    return area >= range->covered * whole;
}

struct crop crop_random(struct rng *rng, const struct crop_range *range, int h, int w)
{
    struct crop crop;
    for (int i = 0; i < CROP_ATTEMPTS; i++)
        if (attempt(&crop, rng, range, h, w))
            return crop;
    return (struct crop){0, 0, w, h};
}

/* The whole picture, or what is left of it when its aspect is brought into the range. */
static struct crop crop_aspect(const struct crop_range *range, int h, int w)
{
    const double aspect = (double)w / h;
    struct crop crop = {.w = w, .h = h};
    if (aspect < range->aspect_min)
        crop.h = round_even(w / range->aspect_min);
    else if (aspect > range->aspect_max)
        crop.w = round_even(h * range->aspect_max);
    crop.h = crop.h < 1 ? 1 : crop.h > h ? h : crop.h;
    crop.w = crop.w < 1 ? 1 : crop.w > w ? w : crop.w;
    crop.x = (w - crop.w) / 2;
    crop.y = (h - crop.h) / 2;
    return crop;
}

struct crop crop_random_area(struct rng *rng, const struct crop_range *range, int h, int w)
{
    const double low = log(range->aspect_min), high = log(range->aspect_max);
    for (int i = 0; i < CROP_AREA_ATTEMPTS; i++) {
        const double area = rng_range(rng, range->area_min, range->area_max) * h * w;
        const double aspect = exp(rng_range(rng, low, high));
        const double width = rint(sqrt(area * aspect)), height = rint(sqrt(area / aspect));
        if (width >= 1 && width <= w && height >= 1 && height <= h) {
            struct crop crop = {.w = (int)width, .h = (int)height};
            crop.y = (int)rng_below(rng, h - crop.h + 1);
            crop.x = (int)rng_below(rng, w - crop.w + 1);
            return crop;
        }
    }
    return crop_aspect(range, h, w);
}

struct crop crop_central(int h, int w, double share)
{
    int side = round_even(share * (h < w ? h : w));
    if (side < 1)
        side = 1;
    return (struct crop){(w - side + 1) / 2, (h - side + 1) / 2, side, side};
}
