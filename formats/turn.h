/* turn.h -- from the pixels as a file stores them to the upright picture, and back.
 *
 * The eight orientations are: mirror the stored columns or not, the stored rows or not, then swap
 * rows and columns or not.
 *
 *     1 as it is          2 mirrored       3 upside down         4 mirrored upside down
 *     5 swapped           6 turn right     7 swapped otherwise   8 turn left
 *
 * Source: CIPA DC-008 (Exif 2.32), 4.6.4 A, Orientation.
 * SPDX-License-Identifier: MIT */
#ifndef TURN_H
#define TURN_H

#include "formats/picture.h"

#include <stdbool.h>

struct turn {
    bool mirror_x, mirror_y; /* of the stored picture */
    bool swap;               /* after that */
};

/* Of an orientation from 1 to 8; anything else is 1. */
struct turn turn_of(int orientation);

/* A rectangle of the upright picture becomes the one of the stored picture that holds the same
 * pixels; the stored picture has H x W = height x width. */
void turn_stored(struct picture_region *rect, struct turn turn, int height, int width);

/* Put `rows` stored rows at their places in `out`, which holds the turned rectangle `stored`: the
 * first of them is row `y` counted from the rectangle's top; row[i] points at its first pixel. */
void turn_rows(struct picture *out, const struct picture_region *stored, struct turn turn, int y,
    int rows, unsigned char *const *row);

#endif
