/* album.h -- thumbnails of certain pictures, picked out of a stream by their ids.
 *
 * The stream has `id` I64 and pictures as thumbnail.h says; of several rows with one id the first is
 * taken. Where both sides have names they must agree: ids count the pictures of a collection, and those of
 * another would be taken for them without a word.
 *
 * Memory: the thumbnails, and no more of the stream than the record at hand.
 * SPDX-License-Identifier: MIT */
#ifndef ALBUM_H
#define ALBUM_H

#include "formats/picture.h"
#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/image/thumbnail.h"

#include <stddef.h>
#include <stdint.h>

struct album_wish {
    int64_t id;
    int place;        /* in `thumb` */
    const char *name; /* borrowed, any bytes; NULL: not known */
    size_t bytes;
};

/* A picture cannot be shown: its id, and why. */
typedef void album_notice(int64_t id, const char *reason);

struct album {
    struct album_wish *wish; /* [wishes], sorted by id; the caller's */
    int wishes, left;        /* `left` of them are not fulfilled */
    struct picture *thumb;   /* [...], the caller's; pixels NULL: not there */
    int cell;
    album_notice *notice; /* may be NULL */
    struct thumbnail_columns columns;
    int id, name;
};

/* Wishes are sorted; all but columns, id, name and left is set by the caller, thumb zeroed. */
void album_begin(struct album *album);

/* A stream begins. Errors: ERR_INPUT when it lacks a column; `source` names it. */
int album_header(
    struct album *album, const struct header *header, const char *source, struct err *err);

/* 1: more is wanted; 0: every wish is fulfilled; -1. Errors: ERR_INPUT for a name that differs. */
int album_record(struct album *album, const struct header *header, const struct record *record,
    const char *source, struct err *err);

#endif
