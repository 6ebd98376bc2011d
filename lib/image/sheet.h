/* sheet.h -- pictures in rows and columns, with text underneath: one picture of them all.
 *
 * Each row is as high as its highest picture as it is shown, each column as wide as its widest (or
 * all as the widest of all, where a column is no view); smaller ones stand in the middle. Small
 * pictures are enlarged by a whole number, so that their pixels stay what they are; those larger
 * than a cell are made smaller (shrink.h). Grey is shown in three channels.
 * SPDX-License-Identifier: MIT */
#ifndef SHEET_H
#define SHEET_H

#include "formats/picture.h"
#include "lib/base/err.h"

#include <stdbool.h>

#define SHEET_PIXELS ((size_t)100 * 1000 * 1000) /* of a sheet, at most */

enum { SHEET_LINES = 2, SHEET_SMALL = 96, SHEET_LARGE = 256 };

struct sheet_cell {
    int row, column;
    struct picture picture; /* whole; pixels NULL: a crossed box */
    char *caption[SHEET_LINES];
};

struct sheet_style {
    int cell; /* pixels a side that a picture may take; 0: as SHEET_SMALL and SHEET_LARGE say */
    int gap;
    bool rows; /* a row is one picture: all on one scale, and text runs on under the row */
    unsigned char background[3];
};

/* The side that pictures of at most `side` pixels are shown in when no other is asked for: their own
 * from SHEET_SMALL to SHEET_LARGE; smaller ones are enlarged to about SHEET_SMALL. */
int sheet_side(int side);

/* The extents of a picture of h x w that may take `cell` x `cell`. */
void sheet_fit(int *height, int *width, int h, int w, int cell);

/* out [H,W,3], the caller's: picture_free(). Of several cells in one place the last is seen; there
 * is at least one.
 * Errors: ERR_FAILED for memory, and before any is taken for a sheet of more than SHEET_PIXELS. */
int sheet_draw(struct picture *out, const struct sheet_cell *cell, int cells,
    const struct sheet_style *style, struct err *err);

#endif
