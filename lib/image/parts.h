/* parts.h -- how the views of one input record are cut into records.
 *
 * A step that comes in one record leaves in one: all rows of view 0, then of view 1, ...; in two,
 * when the views have two sizes: those of the first size, then the others. A step
 * that is to be cut (a limit is set, or it comes in several parts) leaves in parts of one view
 * each, which alternate over the same pictures: piece 0 of view 0, piece 0 of view 1, piece 1 of
 * view 0, ...
 *
 * Pieces of a step that came in one record are `limit` rows, the last one what is left. When a step
 * comes in several parts, the number of its parts must be told before the last ones are seen; so
 * the first part decides into how many pieces every part of the step is cut, as evenly as its
 * rows allow.
 * SPDX-License-Identifier: MIT */
#ifndef PARTS_H
#define PARTS_H

#include "formats/stream.h"
#include "lib/base/err.h"

struct parts {
    int views, limit; /* the caller's; limit 0: none */
    int first;        /* likewise: views of the first size; 0 or all: there is but one size */
    int pieces;       /* of each part of the step at hand */
    int kept;         /* rows of the record at hand */
    bool whole;       /* one record with all views of a size */
    int part, parts;  /* of the input record */
};

/* One output record: rows first .. first+rows-1 of views view .. view+views-1. */
struct parts_range {
    int view, views, first, rows;
    int part, parts;
};

/* Take the next input record, of which `kept` rows are left; returns the number of records it
 * becomes, or -1. A step in one record of which nothing is left becomes none.
 * Errors: ERR_INPUT when a part has too few rows left to fill its pieces, or too many for them. */
int parts_cut(struct parts *parts, const struct record *record, int kept, struct err *err);

/* Record i of those. */
struct parts_range parts_range(const struct parts *parts, int i);

#endif
