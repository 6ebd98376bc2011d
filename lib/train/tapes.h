/* tapes.h -- tapes for the parts of a step that run one by one, as many as memory holds.
 *
 * One for each part, so that nothing is computed twice; where memory does not hold them, the last of a
 * size is shared, and the parts that had it run forward again when their gradient has come. One of
 * each size is made in any case: others that are not the only ones of theirs give way to it.
 * SPDX-License-Identifier: MIT */
#ifndef TAPES_H
#define TAPES_H

#include "lib/base/err.h"
#include "lib/nn/model.h"

#include <stddef.h>

struct tapes;

/* `memory` bytes for all of them; model is borrowed. Errors: ERR_FAILED. */
struct tapes *tapes_new(const struct model *model, size_t memory, struct err *err);
void tapes_free(struct tapes *tapes); /* NULL is fine */

/* Forget the parts of the step before; the tapes stay. */
void tapes_begin(struct tapes *tapes);

/* The next part of the step has `rows` rows of that size: tapes are made in the first step, and anew
 * only where a later part is larger; what the old ones held must then be computed again.
 * Errors: ERR_FAILED (memory). */
int tapes_add(struct tapes *tapes, int size, int rows, struct err *err);

/* A tape for the forward pass of a part, which is its own from here on; whoever had it, has none. */
void *tapes_claim(struct tapes *tapes, int part);

/* The tape that holds the forward pass of a part; NULL: it must be claimed and run forward again. */
void *tapes_held(const struct tapes *tapes, int part);

size_t tapes_bytes(const struct tapes *tapes);

#endif
