/* pnm.h -- raw pictures as binary PGM (P5) and PPM (P6) with 8 bits a sample.
 *
 * This is how raw pictures travel in a ragged `bytes` column among encoded ones. The writer makes
 * the one form "P6\nWIDTH HEIGHT\n255\n" and the samples; the reader takes any white space and
 * comments that the format allows.
 * Source: Netpbm, ppm(5) and pgm(5).
 * SPDX-License-Identifier: MIT */
#ifndef PNM_H
#define PNM_H

#include "formats/picture.h"

int pnm_is(const void *bytes, size_t size);

int pnm_decode(
    struct picture *out, const void *bytes, size_t size, size_t max_pixels, struct err *err);

/* Height, width and channels; pixels is NULL. */
int pnm_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

enum { PNM_HEADER = 40 }; /* room for any header that pnm_header() writes, and its '\0' */

/* The bytes in front of the samples of a picture; returns how many. channels is 1 or 3. */
size_t pnm_header(char out[PNM_HEADER], int height, int width, int channels);

#endif
