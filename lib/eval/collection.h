/* collection.h -- rows of features with the names to call them by: what is searched, or searched for.
 *
 * The column of features is found as features.h says. Labels are not needed. A row is called by the
 * column `name` where there is one, else by its id, else by its number. Features are made rows of
 * length 1 (cosine.h), either kept or handed on a record at a time; ids and names are kept.
 *
 * Errors: as features.h.
 * SPDX-License-Identifier: MIT */
#ifndef COLLECTION_H
#define COLLECTION_H

#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collection {
    const char *source; /* the channel's name; borrowed */
    bool raw;           /* names as they are; set it before collection_open() */
    int rows, width;    /* N so far, D */
    int64_t *id;        /* [N]; counted from 0 when the stream has none */
    bool ids;           /* the stream has some */
    float *unit;        /* [N,D]: once collection_keep() did it */
    char *column;       /* what is read */
    size_t *at;         /* [N]: where in text a row's name starts */
    char *text;
    size_t used, text_room, unit_room; /* bytes, bytes, rows */
    int room;                          /* rows there is memory for, of id and at */
    struct record record;
    struct reader *reader;
    const struct header *header; /* the reader's */
};

/* Read the header: column (`name` may be NULL) and width are known then. The channel stays the
 * caller's and must outlive the reading. Start with a zeroed struct; free it in any case. */
int collection_open(
    struct collection *out, struct channel *channel, const char *name, struct err *err);

/* Read a record, of whatever stream of the channel is next: its ids and names are added. Returns its
 * rows, the last that were added; 0 at the end, when there is at least one row; -1. */
int collection_next(struct collection *collection, struct err *err);

/* out [rows,D]: rows from, from+1, ... of the record that was read last, with length 1. */
void collection_unit(float *out, const struct collection *collection, int from, int rows);

/* Read all rows there are, and keep their features. */
int collection_keep(struct collection *collection, struct err *err);

/* Refuse an id that occurs twice: a concatenation, or views of one picture, which would be found as
 * each other's copies. */
int collection_once(const struct collection *collection, struct err *err);

/* What a row is called: UTF-8 without control characters, or, with `raw`, any bytes but zero, which
 * is '?' in either. The collection's. */
const char *collection_name(const struct collection *collection, int row);

void collection_free(struct collection *collection);

#endif
