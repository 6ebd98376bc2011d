/* shrink -- a whole picture, made smaller: resampled to planes, and those put together.
 * SPDX-License-Identifier: MIT */
#include "lib/image/shrink.h"

#include "lib/base/shape.h"
#include "lib/image/planes.h"
#include "lib/image/resample.h"

#include <stdint.h>

static unsigned char *lay_out(
    struct resample *scratch, struct arena *arena, const struct picture *in, int h, int w)
{
    resample_layout(scratch, arena, h, w);
    return arena_take(arena, shape_times((size_t)h, (size_t)w), (size_t)in->channels);
}

int shrink_to(struct picture *out, const struct picture *in, int h, int w, struct err *err)
{
    const struct picture whole = {in->height, in->width, in->channels, in->pixels, 0, 0, 1};
    const struct crop all = {0, 0, in->width, in->height};
    struct arena arena = {0};
    struct resample scratch;
    if (picture_alloc(out, h, w, in->channels, SIZE_MAX, "a picture", err) < 0)
        return -1;
    lay_out(&scratch, &arena, in, h, w);
    if (arena_alloc(&arena, "a smaller picture", err) < 0) {
        picture_free(out);
        return -1;
    }
    unsigned char *const planes = lay_out(&scratch, &arena, in, h, w);
    if (in->channels == 1) {
        resample_bytes(out->pixels, &whole, all, h, w, RESAMPLE_BICUBIC, &scratch);
    } else {
        resample_bytes(planes, &whole, all, h, w, RESAMPLE_BICUBIC, &scratch);
        planes_interleave(out->pixels, planes, (size_t)h * w);
    }
    arena_free(&arena);
    return 0;
}
