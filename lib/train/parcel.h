/* parcel.h -- a record put aside, compressed: the parts of a large step wait in little memory.
 *
 *     parcel_make()    record (plain) --> record and parcel
 *     parcel_fold()    the record's buffer is given up
 *     parcel_unfold()  and comes back, the same bytes; fields point into it again
 *
 * Pictures shrink to a half or two thirds; what does not shrink by an eighth stays plain.
 * SPDX-License-Identifier: MIT */
#ifndef PARCEL_H
#define PARCEL_H

#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>

struct parcel {
    void *bytes; /* compressed content; owned */
    size_t size; /* 0: not worth it, the record stays plain */
    size_t room;
    char *base; /* where the content was when it was folded; NULL: it is there */
};

/* What makes and opens parcels, one for each thread: memory that zstd works in. */
struct parcel_press;
struct parcel_press *parcel_press_new(struct err *err);
void parcel_press_free(struct parcel_press *press); /* NULL is fine */

/* Compress the content of a record that the library filled (its buffer, record->used bytes).
 * Errors: ERR_FAILED (memory). */
int parcel_make(struct parcel *parcel, struct parcel_press *press, const struct record *record,
    struct err *err);

/* The buffer becomes the caller's (free() it, or hand it to parcel_unfold()); NULL when there is
 * nothing to give up: the record is folded already, or stays plain. */
void *parcel_fold(struct parcel *parcel, struct record *record);

/* The inverse of the line above. `spare` is NULL or a buffer of `room` bytes that becomes the
 * record's, or is freed. No effect on what is not folded. Errors: ERR_FAILED (memory). */
int parcel_unfold(struct parcel *parcel, struct parcel_press *press, struct record *record,
    void *spare, size_t room, struct err *err);

void parcel_free(struct parcel *parcel);

#endif
