/* jpeg.h -- JPEG by libjpeg-turbo: baseline and progressive, colour and grey.
 *
 * Colour is YCbCr or RGB and comes out as R,G,B; grey comes out with one channel. CMYK, YCCK and
 * anything else is refused by name. Orientation tags and colour profiles are not looked at.
 *
 * Numerics: the accurate integer DCT and the smooth chroma upsampling, as most programs decode.
 * Errors: as picture.h says. Missing or corrupt data that the library would paint over in grey is
 * an error; bytes that do not matter (padding before a marker, rubbish behind the end) are not.
 * Progressive files of more than 100 scans are refused: small files could take hours with them. Claims of more
 * pixels than the bytes can hold are refused before memory is asked for.
 * SPDX-License-Identifier: MIT */
#ifndef JPEG_H
#define JPEG_H

#include "formats/picture.h"

/* Do the bytes begin like a JPEG file? */
int jpeg_is(const void *bytes, size_t size);

/* As picture_decode_region(); region NULL: all of it. */
int jpeg_decode(struct picture *out, const void *bytes, size_t size,
    const struct picture_region *region, const struct picture_rules *rules, struct err *err);

/* Height, width and channels from the headers alone; pixels is NULL. */
int jpeg_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

#endif
