/* jpeg.h -- JPEG by libjpeg-turbo.
 *
 * Baseline, extended and progressive, Huffman coded, or arithmetic coded where the library can. YCbCr
 * and RGB come out as R,G,B; grey comes out with one channel. CMYK and YCCK come out as R,G,B too,
 * each ink taking light away: R = (255 - C) (255 - K) / 255, rounded. A file with an Adobe marker
 * stores its inks inverted (255 is no ink), as Photoshop and everybody after it does; one without
 * stores them as the standard says. 12 bits a sample, lossless and hierarchical files are refused by
 * name.
 *
 * The picture comes upright: the orientation in an Exif block before the pixels is obeyed (exif.h).
 * Embedded colour profiles are ignored: samples are taken for sRGB.
 *
 * Regions: only what is needed of the rows and columns is turned into pixels, and nothing behind the
 * last row that is needed is looked at, but for the end marker: damage there is found by whole
 * decoding alone (a progressive file is always read to its end). Pixels are those of whole decoding,
 * to the bit. A mirrored picture whose extent is no multiple of `reduce` is reduced less, so that
 * pixels are where picture.h says they are, and one with sampling factors above 2 (4:1:1, 4:1:0) is
 * not reduced.
 *
 * Numerics: the accurate integer DCT and the smooth chroma upsampling, as most programs decode. A
 * reduced picture is the mean of squares of the luma, and of what chroma there is; chroma that is
 * stored at the reduced resolution is taken as it is. Progressive files that lack scans are not smoothed.
 * Errors: as picture.h says. Missing or corrupt data that the library would paint over in grey is
 * an error; bytes that do not matter (padding before a marker, rubbish behind the end) are not.
 * Under accept_truncated missing data is no error: what is missing of the picture is grey, or in a
 * progressive file less sharp; but headers must be there. Progressive files of more than 100 scans
 * are refused: small files could take hours with them. Claims of more pixels than the bytes can
 * hold are refused before memory is asked for.
 * SPDX-License-Identifier: MIT */
#ifndef JPEG_H
#define JPEG_H

#include "formats/picture.h"

/* Do the bytes begin like a JPEG file? */
int jpeg_is(const void *bytes, size_t size);

/* As picture_decode_region(): the region, and what is decoded beside it. region NULL: all of it. */
int jpeg_decode(struct picture *out, const void *bytes, size_t size,
    const struct picture_region *region, const struct picture_rules *rules, struct err *err);

/* Height, width and channels of the upright picture from the headers alone; pixels is NULL. */
int jpeg_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

/* "libjpeg-turbo: 2.1.5" */
const char *jpeg_version(void);

#endif
