/* passing.h -- a source that can be read once, from its beginning to its end, as it comes: a tar
 * archive in a pipe or compressed, or a tensor stream of kind images.
 *
 * Of a stream, the column `pixels` or `bytes` is taken, and `label` and `name` where there are any;
 * ids are left behind. Labels that have names in its header are classes; with concatenated streams
 * these are joined by name.
 *
 * Errors: ERR_MISUSE for a stream that holds no pictures; ERR_INPUT damaged, cut short, or without
 * any picture; what channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef PASSING_H
#define PASSING_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum passing_kind { PASSING_NONE, PASSING_TAR, PASSING_STREAM };

struct passing {
    int height, width, channels; /* of every picture; all 0 when they are encoded */
    bool named;                  /* there are names */
    bool complete;               /* `classes` has all classes */
    struct classes classes;      /* as they come */
    int64_t ignored;             /* members of an archive left out so far */
    bool labelled;               /* an archive: a picture had a file for its label beside it, */
    bool folders;                /* or lay in a folder */
    enum passing_kind kind;
    char *path; /* of a regular file, which is open only while it is read; else NULL */
    struct channel *channel;
    struct passing_tar *tar;
    struct passing_stream *stream;
    int64_t count; /* pictures so far */
    enum { LABELS_UNKNOWN, LABELS_NUMBERS, LABELS_NAMES } labels;
};

/* What bytes, unpacked, begin with. 512 of them are enough, or fewer at the end of the input. */
enum passing_kind passing_kind(const void *bytes, size_t size);

/* A regular file. On failure nothing is kept. */
int passing_open_file(
    struct passing *out, enum passing_kind kind, const char *path, struct err *err);

/* A channel, which is taken over, also on failure. */
int passing_open(
    struct passing *out, enum passing_kind kind, struct channel *channel, struct err *err);

void passing_close(struct passing *passing);

struct passing_row {  /* valid until the next call */
    const char *name; /* "": none */
    const char *text; /* of the label, in an archive; NULL: none */
    int label;        /* of a stream; -1: none */
};

/* The next picture; its bytes are appended to `out`. 1; 0: that was all; -1. */
int passing_next(
    struct passing *passing, struct passing_row *row, struct bytes *out, struct err *err);

/* The number of a row's label: where labels are texts, the first one decides whether all are
 * decimal numbers or names of classes. LABEL_NONE, or -2 for ERR_INPUT. */
int passing_label(struct passing *passing, const struct passing_row *row, struct err *err);

#endif
