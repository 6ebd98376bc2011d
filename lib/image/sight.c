/* sight -- what the views of one picture show of it: measure, draw, decode.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sight.h"

#include "lib/base/shape.h"

#include <assert.h>

void sight_draw(
    struct augment_draw *draw, const struct sight *sight, int64_t epoch, int64_t id, int h, int w)
{
    for (int view = 0; view < sight->views; view++)
        draw[view] = augment_draw(sight->recipe[view], sight->seed, epoch, id, view, h, w);
}

struct picture_region sight_region(const struct augment_draw *draw, const struct sight *sight)
{
    int left = draw[0].crop.x, top = draw[0].crop.y, right = left, bottom = top, reduce = 8;
    for (int view = 0; view < sight->views; view++) {
        const struct crop c = draw[view].crop;
        const int size = sight->recipe[view]->size;
        left = c.x < left ? c.x : left;
        top = c.y < top ? c.y : top;
        right = c.x + c.w > right ? c.x + c.w : right;
        bottom = c.y + c.h > bottom ? c.y + c.h : bottom;
        while (reduce > 1 && (c.w / reduce < size || c.h / reduce < size))
            reduce /= 2;
    }
    return (struct picture_region){left, top, right - left, bottom - top, reduce};
}

int sight_decode(struct picture *out, struct augment_draw *draw, const struct sight *sight,
    int64_t epoch, int64_t id, const void *data, size_t bytes, struct err *err)
{
    struct picture whole;
    if (picture_measure(&whole, data, bytes, err) < 0)
        return -1;
    const size_t pixels = shape_times((size_t)whole.height, (size_t)whole.width);
    /* One that is too large is left to its decoder to refuse. */
    if (sight->whole || pixels > sight->rules.max_pixels) {
        if (picture_decode(out, data, bytes, &sight->rules, err) < 0)
            return -1;
        sight_draw(draw, sight, epoch, id, out->height, out->width);
        return 0;
    }
    sight_draw(draw, sight, epoch, id, whole.height, whole.width);
    const struct picture_region region = sight_region(draw, sight);
    if (picture_decode_region(out, data, bytes, &region, &sight->rules, err) < 0)
        return -1;
    const int r = out->reduce;
    assert(out->x <= region.x / r && (region.x + region.w - 1) / r - out->x < out->width);
    assert(out->y <= region.y / r && (region.y + region.h - 1) / r - out->y < out->height);
    return 0;
}
