/* arena.h -- count, allocate once, cut.
 *
 * The same layout function runs twice. The first time the arena has no memory: arena_take() only
 * counts and returns NULL. Then arena_alloc() allocates the sum, and the second run hands out
 * pieces. So a training step allocates nothing, and what a thing will need is known beforehand.
 * SPDX-License-Identifier: MIT */
#ifndef ARENA_H
#define ARENA_H

#include "lib/base/err.h"

#include <stddef.h>

struct arena {
    char *base;  /* NULL while counting; owned */
    size_t size; /* bytes at base */
    size_t used; /* bytes counted, or handed out; SIZE_MAX when the count overflowed */
};

/* count * unit bytes at a 64-byte boundary; NULL while counting. */
void *arena_take(struct arena *arena, size_t count, size_t unit);

/* Allocate what was counted, zeroed, and start handing out from its beginning.
 * Errors: ERR_FAILED naming `what` when the memory is not to be had. */
int arena_alloc(struct arena *arena, const char *what, struct err *err);

void arena_free(struct arena *arena);

#endif
