/* helper.h -- a thread that does one thing at a time beside its owner, and sleeps in between.
 *
 * A tool that reads, works and writes overlaps the three with two helpers: one fetches the next
 * record while the last one is sent off by the other.
 * SPDX-License-Identifier: MIT */
#ifndef HELPER_H
#define HELPER_H

#include "lib/base/err.h"

struct helper;

/* Errors: ERR_FAILED when the thread cannot be started. */
struct helper *helper_new(struct err *err);
void helper_free(struct helper *helper); /* waits for what it does; NULL is fine */

/* Begin work(context) in the helper's thread, once it has done what it was given before. */
void helper_start(struct helper *helper, void (*work)(void *context), void *context);

/* Returns when the helper has nothing to do: what it wrote is the caller's to read. */
void helper_wait(struct helper *helper);

#endif
