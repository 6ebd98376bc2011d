/* fetch.h -- the pictures of one record, read while the record before it is on its way.
 *
 *     fetch_start(f, n)    threads begin to read the rows whose ids stand in fetch_row(f, i)
 *     ...                  meanwhile the caller writes what it has
 *     fetch_wait(f)        now they are there; take them, and start the next
 *
 * Files are read by a fixed handful of threads, whatever the number of CPUs: they wait for disks,
 * not for each other. Sources that pass by are read by one, in their order. Nothing depends on which
 * thread was first.
 *
 * A picture that cannot be read, is of no known kind, has a damaged header or too many pixels has a
 * reason in its row; that is no error. What is decoded later may still turn out damaged.
 *
 * Errors: ERR_FAILED for memory, threads, and pictures of more than STREAM_RECORD bytes in all;
 * what dataset.h says of sources that are damaged as a whole.
 * SPDX-License-Identifier: MIT */
#ifndef FETCH_H
#define FETCH_H

#include "formats/dataset.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_row {
    int64_t id; /* the caller's to set, but for sources that pass by */
    int label;
    const char *name;      /* "" if it has none */
    char *reason;          /* why it is to be left out, or NULL */
    size_t at, size, text; /* where fetch_picture() and the name are */
};

struct fetch;

/* Rooms for `rows` pictures at a time. `set` is borrowed; nobody else may use dataset_next() on it.
 * Of sources that pass by, only ids that are `shard` modulo `shards` are taken. */
struct fetch *fetch_new(struct dataset *set, int rows, int64_t max_pixels, int64_t shard,
    int64_t shards, struct err *err);
void fetch_free(struct fetch *fetch); /* waits for what was started; NULL is fine */

/* Begin to read rows 0 .. rows-1. Everything from before is overwritten. */
void fetch_start(struct fetch *fetch, int rows);

/* Wait until one of them can be used, or all have been tried: false if none can be. */
bool fetch_some(struct fetch *fetch);

/* Wait for all. Returns their number: what was asked for, but at the end of sources that pass by
 * fewer; or -1. */
int fetch_wait(struct fetch *fetch, struct err *err);

struct fetch_row *fetch_row(struct fetch *fetch, int row);

/* Its row.size bytes, if there is no reason against it. */
const unsigned char *fetch_picture(const struct fetch *fetch, int row);

/* Bytes of pictures that were read so far. */
int64_t fetch_bytes(const struct fetch *fetch);

#endif
