/* pairing.h -- which rows of a step show the same picture, and the order a loss goes through them.
 *
 * Rows with one id are views of one picture: positives of each other. The canonical order is by view,
 * then id, then position, so that a loss that follows it has the same bits however the rows came:
 * whole or in parts, in source order or any other. Each view is cut into blocks of at most `edge`
 * rows; a pair of blocks is a tile of the matrix of similarities.
 *
 * By labels the positives are all rows of a class. What is called a picture below is then a group: a
 * class, or a picture whose label is unknown; the order is by view, group, id, position.
 * SPDX-License-Identifier: MIT */
#ifndef PAIRING_H
#define PAIRING_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pairing_block {
    int first, rows; /* canonical positions */
    int view;
};

struct pairing {
    int rows, pictures, views;
    int *order;   /* [rows] canonical position -> row as it came */
    int *picture; /* [rows] canonical position -> 0 .. pictures-1; readable up to rows + edge */
    int *view;    /* [rows] canonical position -> 0 .. views-1 */
    int *first;   /* [pictures+1] begin of each picture in member */
    int *member;  /* [rows] canonical positions, by picture, rising within one */
    int *begin;   /* [views+1] begin of each view in canonical positions */
    int edge, blocks;
    struct pairing_block *block; /* [blocks], rising */
    void *memory;                /* of all of these, and of the sort; owned */
    size_t capacity;
};

enum {
    PAIRING_EDGE = 192, /* the largest edge of a block; a multiple of 48, as all edges are */
    PAIRING_VIEWS = 64  /* so many views are always welcome; more need not too many rows */
};

/* Work out all of the above for rows with these ids and views; `view` NULL numbers the rows of an id
 * in the order they come. Begin with a zeroed struct; memory grows with the largest step so far.
 * Errors: ERR_INPUT: a row without another view, only one picture, too many views; ERR_FAILED. */
int pairing_make(
    struct pairing *pairing, const int64_t *id, const int64_t *view, int rows, struct err *err);

/* The same by labels ([rows], below 0: unknown; the same for all views of a picture). A row may be
 * without another of its group, and one group may be all there is.
 * Errors: ERR_INPUT: a picture with two labels, not one row that has a positive, too many views;
 * ERR_FAILED. */
int pairing_make_labels(struct pairing *pairing, const int64_t *id, const int64_t *label,
    const int64_t *view, int rows, struct err *err);
void pairing_free(struct pairing *pairing);

#endif
