/* scatter.h -- points of a plane as a picture: where everything stands, and what it looks like.
 *
 * scatterpng.h and scattersvg.h draw what this lays out. Both axes have one scale and no ticks. A class
 * has one of eight colours that colour-blind eyes tell apart and, from the ninth on, another shape; so
 * 64 of them look different. Points are drawn in an order of their own, so that no class hides another.
 * With thumbnails the plane is cut into cells, and each shows the point that is nearest to its middle.
 *
 * Source: the colours are those of Okabe & Ito 2008, "Color Universal Design".
 * SPDX-License-Identifier: MIT */
#ifndef SCATTER_H
#define SCATTER_H

#include "formats/picture.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SCATTER_COLORS = 8, /* the last is that of the text */
    SCATTER_SHAPES = 8,
    SCATTER_NONE = -1,    /* the class of a point without one, and its look: a ring */
    SCATTER_CORNERS = 20, /* of a shape, at most */
    SCATTER_LEGEND = 200, /* classes in the legend, at most */
    SCATTER_FRAME = 2     /* pixels around a thumbnail */
};

struct scatter_class {
    const char *name; /* UTF-8 without control characters */
    int look;         /* its number among the looks, or SCATTER_NONE */
};

struct scatter {
    int points;
    const double *at;                   /* [N,2] */
    const int *class;                   /* [N]: an index into `classes`, or SCATTER_NONE */
    int classes;                        /* 0: all look alike */
    const struct scatter_class *legend; /* [classes] */
    const char *title;                  /* above; may be NULL */
    const char *caption;                /* below */
    int size;                           /* pixels across */
    bool painted; /* has a background of its own; else white, or what SVG is on */
    unsigned char background[3];
    int cell; /* thumbnails: side of a cell; 0: points */
    int cells;
    const int *shown;            /* [cells]: what scatter_cells() chose */
    const struct picture *thumb; /* [cells], no side above `cell`: pixels NULL: a point */
    const char *(*name)(const void *context, int point, size_t *bytes); /* any bytes */
    const void *context;
};

struct scatter_layout {
    int width, height;
    double unit;                     /* 1 for 720 pixels across */
    double left, top, right, bottom; /* of the plane */
    double scale, x, y;  /* a point is drawn at (left + (x0 - x) scale, top + (y - y0) scale) */
    double radius, line; /* of a mark and around it */
    int columns, rows, named; /* of the legend; entries, the last may stand for others */
    double step, lead;        /* from column to column, from row to row */
    double legend;            /* its top */
    int across, down;         /* cells of thumbnails */
};

/* How wide a text is, in pixels of the layout, for the sizes of `unit`. */
typedef double scatter_width(const char *text, double unit);

struct scatter_layout scatter_lay_out(const struct scatter *scatter, scatter_width *width);

/* Where a point is drawn. */
void scatter_place(double *x, double *y, const struct scatter_layout *layout, const double at[2]);

/* The point to be drawn as number i of all. */
int scatter_turn(const struct scatter *scatter, int i);

/* For thumbnails: the point that each cell shows, or -1; [*cells], the caller's to free. NULL:
 * ERR_FAILED memory. `cell` is set already. */
int *scatter_cells(int *cells, const struct scatter *scatter, struct err *err);

/* Where the middle of a cell is drawn. */
void scatter_cell(double *x, double *y, const struct scatter_layout *layout, int cell);

/* The largest side that a picture has within a cell, its frame left out. */
int scatter_room(const struct scatter *scatter);

/* The look of a class, or of SCATTER_NONE: that of the first class if there are no classes. */
int scatter_look(const struct scatter *scatter, int class);

/* What a look is, a ring too: color 0 .. SCATTER_COLORS-1, and a shape. */
int scatter_color(int look);
int scatter_shape(int look);

/* Of a color, on bright paper or dark; `line` is that around a mark. */
void scatter_rgb(unsigned char out[3], int color, bool dark, bool line);

/* The corners [returned][2] of a shape of radius 1, y downwards. */
int scatter_corners(const double (**corner)[2], int shape);

/* The legend's entry i as text: a class, or how many more there are. At most `size` bytes. */
void scatter_entry(char *out, size_t size, const struct scatter *scatter,
    const struct scatter_layout *layout, int i);

#endif
