/* arena.h -- count, allocate once, cut.
 *
 * The same layout function runs twice. The first time the arena has no memory: arena_take() only
 * counts and returns NULL. Then arena_alloc() allocates the sum, and the second run hands out
 * pieces. So a training step allocates nothing, and what a thing will need is known beforehand.
 * SPDX-License-Identifier: MIT */
#ifndef ARENA_H
#define ARENA_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct arena {
    char *base;  /* NULL while counting; owned, unless lent */
    size_t size; /* bytes at base */
    size_t used; /* bytes counted, or handed out; SIZE_MAX when the count overflowed */
    bool lent;   /* base is somebody else's */
};

/* count * unit bytes at a 64-byte boundary; NULL while counting. */
void *arena_take(struct arena *arena, size_t count, size_t unit);

/* Allocate what was counted, zeroed, and start handing out from its beginning.
 * Errors: ERR_FAILED naming `what` when the memory is not to be had. */
int arena_alloc(struct arena *arena, const char *what, struct err *err);

/* Take what was counted from memory of the caller, zeroed and at a 64-byte boundary, instead. `size`
 * bytes are at least as many as were counted; base stays where it is until arena_free(). */
void arena_lend(struct arena *arena, void *base, size_t size);

void arena_free(struct arena *arena);

#endif
