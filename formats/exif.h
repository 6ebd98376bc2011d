/* exif.h -- the one thing in an Exif block that matters here: how the picture is to be turned.
 *
 * Source: CIPA DC-008 (Exif 2.32), 4.5.4 and 4.6.4: a TIFF header in either byte order and a first
 * directory in which tag 0x0112 is the orientation. No other directory is followed.
 * SPDX-License-Identifier: MIT */
#ifndef EXIF_H
#define EXIF_H

#include <stddef.h>

/* The orientation, 1 to 8, from the content of an APP1 segment (which begins "Exif\0\0"); 0 when the
 * segment is of another kind. A damaged block, one without the tag and one with a number that means
 * nothing are 1: upright as stored. */
int exif_orientation(const void *segment, size_t size);

#endif
