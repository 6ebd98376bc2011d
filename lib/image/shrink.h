/* shrink.h -- a whole picture, made smaller without jagged edges.
 *
 * Source: Keys' cubic with A = -1/2, stretched over as many pixels as one new pixel covers (what
 * Pillow calls BICUBIC); pixels outside weigh nothing and the rest is scaled to a sum of one.
 * Numerics: float, rounded to bytes at the end. Cost: about 4 (1 + w/W) multiplications a sample.
 * SPDX-License-Identifier: MIT */
#ifndef SHRINK_H
#define SHRINK_H

#include "formats/picture.h"
#include "lib/base/err.h"

/* out [h,w,C], 1 <= h <= H and 1 <= w <= W; owned by the caller: picture_free(). `in` is untouched.
 * Errors: ERR_FAILED for memory. */
int shrink_to(struct picture *out, const struct picture *in, int h, int w, struct err *err);

#endif
