/* shrink.h -- a whole picture, made smaller without jagged edges.
 *
 * Source: Pillow's Image.resize, BICUBIC: resample.h says what that is.
 * SPDX-License-Identifier: MIT */
#ifndef SHRINK_H
#define SHRINK_H

#include "formats/picture.h"
#include "lib/base/err.h"

/* out [h,w,C], 1 <= h <= H and 1 <= w <= W; owned by the caller: picture_free(). `in` is untouched.
 * Errors: ERR_FAILED for memory. */
int shrink_to(struct picture *out, const struct picture *in, int h, int w, struct err *err);

#endif
