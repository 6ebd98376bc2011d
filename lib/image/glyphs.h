/* glyphs.h -- a small font, for what stands under the pictures of a sheet.
 *
 * ASCII 32 .. 126, proportional: capitals 7 pixels high, small letters 5, 2 below the line. Bytes of
 * text come from foreign input, taken for UTF-8: Latin letters are shown without their marks, and any
 * other character, whatever its number of bytes, as an empty box; so are control characters.
 * SPDX-License-Identifier: MIT */
#ifndef GLYPHS_H
#define GLYPHS_H

#include "formats/picture.h"

enum { GLYPHS_HEIGHT = 9 };

/* Pixels from the first to the last column of a text, at scale 1. */
int glyphs_width(const char *text);

/* `text` in at most `width` pixels: as it is, or with "..." in place of its middle, down to nothing.
 * At most size-1 bytes; no character is cut in two. */
void glyphs_fit(char *out, size_t size, const char *text, int width);

/* Draw into a picture of three channels with the upper left corner at (x,y); each pixel of the font
 * is a square of `scale` pixels. What lies outside the picture is left out. */
void glyphs_draw(
    struct picture *out, int x, int y, const char *text, int scale, const unsigned char color[3]);

#endif
