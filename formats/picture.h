/* picture.h -- one picture in memory, and the encodings that can be told by their first bytes.
 *
 * Picture files are known by content, never by name. Each decoder (jpeg.h, pnm.h) looks at the size
 * that the bytes claim before it allocates, and refuses more than `max_pixels`.
 *
 * Errors: ERR_INPUT for damaged, unsupported or too large pictures: a sentence without a file name
 * ("JPEG is cut short"); callers that know a name put it in front. ERR_FAILED for memory.
 * SPDX-License-Identifier: MIT */
#ifndef PICTURE_H
#define PICTURE_H

#include "lib/base/err.h"

#include <stddef.h>

/* Pixels a picture may have unless an option says otherwise: 384 MiB in colour. */
#define PICTURE_PIXELS ((size_t)1 << 27)

struct picture {
    int height, width, channels; /* channels: 3 (R,G,B) or 1 (grey) */
    unsigned char *pixels;       /* [H,W,C], owned: picture_free() */
};

enum picture_kind { PICTURE_UNKNOWN, PICTURE_JPEG, PICTURE_PNM };

enum picture_kind picture_kind(const void *bytes, size_t size);

/* Decode. On failure nothing is kept and `out` is zeroed. */
int picture_decode(
    struct picture *out, const void *bytes, size_t size, size_t max_pixels, struct err *err);

/* Height, width and channels without decoding; pixels is NULL. */
int picture_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

/* Room for height*width*channels bytes, for decoders; checks the extents against `max_pixels`.
 * `kind` ("JPEG") begins the message. */
int picture_alloc(struct picture *out, int height, int width, int channels, size_t max_pixels,
    const char *kind, struct err *err);

void picture_free(struct picture *picture); /* zeroes it; a zeroed one is fine */

#endif
