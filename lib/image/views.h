/* views.h -- the views of one record of pictures: made, and cut into records.
 *
 * Input: a stream of kind images with `pixels` U8 [h,w,3] or [h,w,1], or else `bytes` (picture
 * files, known by content), and `id` I64. Output: kind views, with `pixels` U8 [size,size,3] and
 * `view` I64 in place of the column that was used, and every other column repeated for each view.
 * With views of two sizes the extents of `pixels` are open, and no record holds both (parts.h).
 * Pictures that cannot be decoded are left out.
 *
 * All views of a picture are made by one thread, which decodes what they show of it once (sight.h).
 * What comes out depends on neither the number of threads nor the pictures beside.
 * SPDX-License-Identifier: MIT */
#ifndef VIEWS_H
#define VIEWS_H

#include "formats/picture.h"
#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/base/parallel.h"
#include "lib/image/augment.h"

struct views_options {
    struct augment recipe;
    int views, part; /* part 0: no limit (see parts.h) */
    int64_t seed;
    struct picture_rules rules; /* of pictures that are decoded */
    bool whole;                 /* decode all of each picture, at full size */
    int more;                   /* further views, of another recipe: multi-crop; 0: none */
    struct augment small;       /* theirs */
};

struct views;
struct views_made;

/* The size that all pictures of a stream have, when it is known and they are square; else 0. */
int views_size(const struct header *in);

/* `in` and `parallel` are borrowed, `source` names the input in messages.
 * Errors: ERR_INPUT when the stream is not of pictures; ERR_FAILED for memory. */
struct views *views_new(const struct header *in, const struct views_options *options,
    struct parallel *parallel, const char *source, struct err *err);
void views_free(struct views *views); /* NULL is fine */

/* The header of the output; the caller may add to its metadata. */
struct header *views_header(struct views *views);

/* The views of one record. Two of them let one be written while the other is made. */
struct views_made *views_made_new(const struct views *views, struct err *err);
void views_made_free(struct views_made *made); /* NULL is fine */

/* Make all views of a record, which is borrowed until `made` is used for another. Records are given
 * in their order. Returns the number of records that they become, 0 if no picture is left of the
 * step, or -1.
 * Errors: ERR_INPUT from parts_cut(); ERR_FAILED for memory, and for more than STREAM_RECORD bytes
 * of views. */
int views_make(
    struct views *views, struct views_made *made, const struct record *record, struct err *err);

/* Why row `row` of the record was left out, or NULL. Valid after views_make(), even if it failed. */
const struct err *views_reason(const struct views_made *made, int row);

/* Record i of those that views_make() counted; valid until the next call for `made`. May be called
 * by another thread while views_make() works on another. */
const struct record *views_record(struct views_made *made, int i, struct err *err);

#endif
