/* scatterpng.h -- points of a plane as pixels.
 * SPDX-License-Identifier: MIT */
#ifndef SCATTERPNG_H
#define SCATTERPNG_H

#include "formats/picture.h"
#include "lib/base/err.h"
#include "lib/image/scatter.h"

/* out [H,W,3], the caller's: picture_free(). Errors: ERR_FAILED memory. */
int scatterpng_draw(struct picture *out, const struct scatter *scatter, struct err *err);

#endif
