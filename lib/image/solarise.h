/* solarise.h -- what is bright is inverted.
 *
 * Source: Pillow, ImageOps.solarize: a byte v of at least `level` becomes 255 - v. Here x is
 * inverted, to 1 - x, when the byte it would be rounded to is at least `level`.
 * Numerics: on k/255 (as a float), the bytes of Pillow.
 * Cost: one pass; no branch depends on a pixel.
 * SPDX-License-Identifier: MIT */
#ifndef SOLARISE_H
#define SOLARISE_H

#include <stddef.h>

enum { SOLARISE_LEVEL = 128 }; /* the default of Pillow and of torchvision's peers */

/* x [n] in [0,1], in place; level 0 .. 256 (256 inverts nothing). */
void solarise_invert(float *x, size_t n, int level);

#endif
