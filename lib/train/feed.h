/* feed.h -- a thread that reads a stream ahead of whoever consumes it.
 *
 * A training stage has two: one prefetches the next step's input while this step is computed, the
 * other drains the gradients from the start, so that no sender is ever blocked by a stage that is
 * still sending itself.
 *
 * The parts of a step of several wait compressed, before they are handed out (where reading stays one
 * step ahead: gradients have no use for it), and again when the consumer folds them.
 * SPDX-License-Identifier: MIT */
#ifndef FEED_H
#define FEED_H

#include "formats/stream.h"
#include "lib/base/err.h"

#include <signal.h>
#include <stdbool.h>

struct feed;

/* Start reading `channel`, which becomes the feed's own. With `one_ahead` the thread reads no further
 * than the end of the step after the one being consumed; without, as far as records come.
 * Errors: ERR_FAILED; the channel is then still the caller's. */
struct feed *feed_new(struct channel *channel, bool one_ahead, struct err *err);

/* Stop the thread and free everything, records that were not returned included. NULL is fine. */
void feed_free(struct feed *feed);

/* Wait for the header of the stream; it is the feed's. NULL on error. */
const struct header *feed_header(struct feed *feed, struct err *err);

/* The next record in order. 1: *out is the caller's until feed_return(); 0: END; -1. When `stop` is
 * not NULL and *stop becomes non-zero before a record is taken: -1 with ERR_STOPPED. */
int feed_next(
    struct feed *feed, struct record **out, const volatile sig_atomic_t *stop, struct err *err);

/* Give a record back; its buffer serves again. */
void feed_return(struct feed *feed, struct record *record);

/* A record that was handed out will not be looked at for a while, and then again: between the two its
 * fields point nowhere. Both have no effect on a record that is plain, as the only part of a step.
 * Errors: ERR_FAILED (memory). */
void feed_fold(struct feed *feed, struct record *record);
int feed_unfold(struct feed *feed, struct record *record, struct err *err);

/* The input ended without END. */
bool feed_cut(struct feed *feed);

/* Another stream came after END. */
bool feed_more(struct feed *feed);

/* Seconds that the consumer has waited in feed_header() and feed_next() so far. */
double feed_waited(const struct feed *feed);

#endif
