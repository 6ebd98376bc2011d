/* arena -- count, allocate once, cut.
 * SPDX-License-Identifier: MIT */
#include "lib/base/arena.h"

#include "lib/base/shape.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

void *arena_take(struct arena *arena, size_t count, size_t unit)
{
    const size_t bytes = shape_plus(shape_times(count, unit), ALIGNMENT - 1);
    const size_t start = arena->used;
    arena->used = shape_plus(start, bytes == SIZE_MAX ? bytes : bytes / ALIGNMENT * ALIGNMENT);
    if (arena->base == NULL)
        return NULL;
    assert(arena->used <= arena->size);
    return arena->base + start;
}

int arena_alloc(struct arena *arena, const char *what, struct err *err)
{
    void *base = NULL;
    arena->size = arena->used == 0 ? ALIGNMENT : arena->used;
    if (arena->size > SIZE_MAX / 2 || posix_memalign(&base, ALIGNMENT, arena->size) != 0)
        return err_set(err, ERR_FAILED, "cannot allocate %.1f GiB for %s",
            (double)arena->size / (1 << 30), what);
    memset(base, 0, arena->size);
    arena->base = base;
    arena->used = 0;
    return 0;
}

void arena_lend(struct arena *arena, void *base, size_t size)
{
    assert(arena->used <= size);
    *arena = (struct arena){.base = base, .size = size, .lent = true};
}

void arena_free(struct arena *arena)
{
    if (!arena->lent)
        free(arena->base);
    *arena = (struct arena){0};
}
