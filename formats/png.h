/* png.h -- PNG by libpng.
 *
 * All kinds: 1 to 16 bits a sample, grey and colour, palettes, transparency, interlaced or not. Grey
 * comes out with one channel, all else (palettes too, whatever colours are in them) as R,G,B.
 * Samples of 16 bits are rounded to the nearest of 8 bits (v / 257), not cut off. Alpha, be it a
 * channel or a tRNS chunk, is composed over white: (v a + 255 (255 - a)) / 255, rounded, on the
 * samples as they are. Everything else in the file is skipped unread: gamma, colour profiles, texts,
 * orientation, later frames of an animation.
 *
 * Errors: as picture.h says. Cut short, a wrong checksum of any chunk, no IEND at the end: each is an
 * error. Claims of more pixels than the bytes can hold are refused before memory is asked for; no
 * chunk but the pixels is ever decompressed.
 * SPDX-License-Identifier: MIT */
#ifndef FORMATS_PNG_H /* PNG_H is libpng's */
#define FORMATS_PNG_H

#include "formats/picture.h"

/* Do the bytes begin like a PNG file? */
int png_is(const void *bytes, size_t size);

int png_decode(
    struct picture *out, const void *bytes, size_t size, size_t max_pixels, struct err *err);

/* Height, width and channels; pixels is NULL. */
int png_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

/* "libpng: 1.6.39" */
const char *png_version(void);

#endif
