/* holdout.h -- a share of the rows of every class, set aside to measure on.
 *
 * What is chosen while one trains is chosen on such rows, never on a test set.
 * SPDX-License-Identifier: MIT */
#ifndef HOLDOUT_H
#define HOLDOUT_H

#include "lib/base/err.h"
#include "lib/eval/features.h"

#include <stdint.h>

/* Move a share of the rows of every class, rounded, but never the last one, from `features` to `held`,
 * drawn by (seed, id); the order stays in both. `held` is empty, or has no more than a roster: then it
 * gets the names of its rows from that of `features`, which names all of them still. It borrows `source`,
 * and is the caller's to free in any case.
 * Errors: ERR_INPUT when that is no row at all; ERR_FAILED memory. */
int holdout_take(struct features *held, struct features *features, double fraction, int64_t seed,
    struct err *err);

#endif
