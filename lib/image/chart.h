/* chart.h -- curves over a common axis as SVG.
 *
 * A chart of more rows than `points` shows for each group of successive rows their mean as a line and
 * the range from least to greatest as a pale band behind it; NaN interrupts a line. Points are marked
 * when there are few. Curves differ by colour (Okabe and Ito's, which colour-blind eyes tell apart)
 * and by dashes.
 *
 * For a page the chart is as wide as the place it is given, and only the curves are stretched: text
 * and lines stay as they are. Axis text stands around it, so the page leaves a margin; classes
 * (chart, grid, axis, band-1.., line-1.., dot-1.., key-1..) are for its style sheet. As a file of its
 * own it has a fixed size and brings a style sheet, light and dark.
 *
 * Names and labels come from foreign input: they are escaped; control characters and what is no UTF-8
 * become '?'.
 *
 * Source: Okabe and Ito, Color Universal Design, 2008 (the colours); Heckbert, Nice numbers for graph
 * labels, Graphics Gems, 1990 (the steps of the axes).
 * Errors: ERR_INPUT when there is no number to be shown; ERR_FAILED for memory.
 * SPDX-License-Identifier: MIT */
#ifndef CHART_H
#define CHART_H

#include "formats/bytes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { CHART_SERIES = 6 };

struct chart {
    size_t rows;
    const double *x; /* [rows], ascending; borrowed, as all that follows */
    int series;
    struct chart_series {
        const double *y; /* [rows] */
        const char *name;
    } one[CHART_SERIES];
    const char *title, *x_label; /* NULL: none */
    double y_min, y_max;         /* NaN: as the numbers are */
    int points;                  /* groups, at most */
    int width, height;           /* pixels of a file; of a page the height counts */
    bool inside;                 /* a page */
};

/* Append the chart. */
int chart_svg(struct bytes *out, const struct chart *chart, struct err *err);

/* About `wanted` round steps that cover [low,high]: the first and the distance; their number. */
int chart_ticks(double *first, double *step, double low, double high, int wanted);

#endif
