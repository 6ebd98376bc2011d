/* gallery.h -- the pictures that a sheet shows, picked out of a stream as they arrive.
 *
 * Kind views: one row for each picture, in the order in which the first view of each arrives, one
 * column for each view. What belongs together has the same step and id: a step that comes view by
 * view or in parts is put together again, and another step begins new rows. Kind images, and views
 * of which no picture has more than one: cells one after another, row by row. Encoded pictures are
 * decoded and at once made small.
 *
 * Memory: the cells, and no more of the stream than the record at hand.
 * SPDX-License-Identifier: MIT */
#ifndef GALLERY_H
#define GALLERY_H

#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/image/sheet.h"

enum {
    GALLERY_COLUMNS = 8, /* where a column is no view */
    GALLERY_SIDE = 160,  /* of encoded images */
    GALLERY_VIEWS = 1000 /* of one picture, at most */
};

/* A picture that cannot be decoded: what it is called ("picture 'a/b.jpg'", "picture 7"), and why. */
typedef void gallery_notice(const char *picture, const char *reason);

struct gallery_options {
    int rows;
    int columns; /* views beyond are not shown; 0: all views, else GALLERY_COLUMNS */
    int cell;    /* as in struct sheet_style */
    bool names;  /* under the pictures; ids, where the stream has no names */
    bool labels; /* the names of their classes; numbers, where the stream has no names */
    gallery_notice *notice;
};

struct gallery_row;

struct gallery {
    struct gallery_options options;
    struct sheet_cell *cell;
    int cells;
    bool encoded; /* the pictures were decoded */
    bool single;  /* no picture has had a view but the first: cells one after another */
    /* What follows is gallery.c's own. */
    bool views;                               /* the kind; else images */
    int pixels, bytes, id, view, name, label; /* columns; -1: not there, or not needed */
    json_t *classes;
    int expected; /* views of a picture; 0: not known */
    bool started;
    struct gallery_row *row;
    int rows, complete; /* pictures, and those with all their views */
    int first;          /* row of the step */
    int64_t step;
    size_t kept; /* pixels of all cells */
    int room;
};

void gallery_init(struct gallery *gallery, const struct gallery_options *options);
void gallery_free(struct gallery *gallery);

/* A stream begins. Errors: ERR_INPUT when it is of another kind (or of the other, after a first) or
 * lacks a column; `source` names it. */
int gallery_header(
    struct gallery *gallery, const struct header *header, const char *source, struct err *err);

/* Take what is wanted of a record. 1: more is wanted; 0: the gallery is full; -1.
 * Errors: ERR_INPUT for views that cannot be counted; ERR_FAILED for memory, and for more than
 * SHEET_PIXELS in all cells. */
int gallery_record(struct gallery *gallery, const struct header *header,
    const struct record *record, struct err *err);

/* The input has ended, or the gallery is full: cells that stand one after another get their places. */
void gallery_finish(struct gallery *gallery);

#endif
