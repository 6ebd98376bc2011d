/* picture.h -- one picture in memory, and the encodings that can be told by their first bytes.
 *
 * Picture files are known by content, never by name. Extents and rectangles are those of the picture
 * as it is meant to be seen: upright, after the orientation that its file asks for. Each decoder
 * (jpeg.h, pnm.h, ...) looks at the size that the bytes claim before it allocates, and refuses more
 * than `max_pixels`.
 *
 * Errors: ERR_INPUT for damaged, unsupported or too large pictures: a sentence without a file name
 * ("JPEG is cut short"); callers that know a name put it in front. ERR_FAILED for memory.
 * SPDX-License-Identifier: MIT */
#ifndef PICTURE_H
#define PICTURE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Pixels a picture may have unless an option says otherwise. */
#define PICTURE_PIXELS ((size_t)100 * 1000 * 1000)

/* What is let in. */
struct picture_rules {
    size_t max_pixels;
    bool accept_truncated; /* a JPEG that is cut short is taken, the missing part grey */
};

/* Pixels in memory: a whole picture, or the part of one that was asked for. Pixel (0,0) is pixel
 * (x,y) of the whole picture reduced `reduce` times; a reduced picture has
 * ceil(H / reduce) x ceil(W / reduce) pixels, each the mean of a square. */
struct picture {
    int height, width, channels; /* channels: 3 (R,G,B) or 1 (grey) */
    unsigned char *pixels;       /* [H,W,C], owned: picture_free() */
    int x, y;                    /* 0,0 when it is whole */
    int reduce;                  /* 1, 2, 4 or 8 */
};

/* A rectangle of the upright picture, in its pixels and inside it, and how far it may be reduced. */
struct picture_region {
    int x, y, w, h;
    int reduce; /* 1, 2, 4 or 8: at most */
};

enum picture_kind { PICTURE_UNKNOWN, PICTURE_JPEG, PICTURE_PNM, PICTURE_PNG };

enum picture_kind picture_kind(const void *bytes, size_t size);

/* Decode all of it. On failure nothing is kept and `out` is zeroed. */
int picture_decode(struct picture *out, const void *bytes, size_t size,
    const struct picture_rules *rules, struct err *err);

/* Decode at least the region: `out` says what came (more, or all of it, where an encoding cannot be
 * decoded in part). Pixels inside the region are those of picture_decode() when out->reduce is 1;
 * those that come with them may be nearly so. */
int picture_decode_region(struct picture *out, const void *bytes, size_t size,
    const struct picture_region *region, const struct picture_rules *rules, struct err *err);

/* Height, width and channels without decoding; pixels is NULL. Checks neither size nor data. */
int picture_measure(struct picture *out, const void *bytes, size_t size, struct err *err);

/* Refuse extents without pixels and with more than `max_pixels`; `kind` ("JPEG") begins the message. */
int picture_check(int height, int width, size_t max_pixels, const char *kind, struct err *err);

/* Room for height*width*channels bytes, for decoders; checks the extents as picture_check() does.
 * The result is a whole picture: x, y 0, reduce 1. */
int picture_alloc(struct picture *out, int height, int width, int channels, size_t max_pixels,
    const char *kind, struct err *err);

void picture_free(struct picture *picture); /* zeroes it; a zeroed one is fine */

#endif
