/* arena -- counting and cutting agree, pieces are aligned and apart, overflow is noticed.
 * SPDX-License-Identifier: MIT */
#include "lib/base/arena.h"
#include "tests/unit/tap.h"

#include <stdint.h>
#include <string.h>

struct pieces {
    char *a, *b, *c;
};

static void lay_out(struct arena *arena, struct pieces *p)
{
    p->a = arena_take(arena, 3, 1);
    p->b = arena_take(arena, 100, sizeof(double));
    p->c = arena_take(arena, 0, 8);
}

int main(void)
{
    struct arena arena = {0};
    struct err err = {0};
    struct pieces p;
    lay_out(&arena, &p);
    OK(p.a == NULL && p.b == NULL && arena.used == 64 + 832, "counting hands out nothing");
    OK(arena_alloc(&arena, "a test", &err) == 0, "what was counted is allocated");
    const size_t counted = arena.size;
    lay_out(&arena, &p);
    OK(arena.used == counted, "the second run takes what the first has counted");
    OK((uintptr_t)p.a % 64 == 0 && (uintptr_t)p.b % 64 == 0, "pieces are aligned");
    OK(p.b >= p.a + 3 && p.c >= p.b + 800, "pieces do not overlap");
    int sum = 0;
    for (size_t i = 0; i < arena.size; i++)
        sum |= arena.base[i];
    OK(sum == 0, "memory is zeroed");
    memset(p.b, 1, 800);
    arena_free(&arena);
    OK(arena.base == NULL && arena.size == 0, "free leaves an arena that can count again");

    static _Alignas(64) char lent[1000];
    lay_out(&arena, &p);
    arena_lend(&arena, lent, sizeof lent);
    lay_out(&arena, &p);
    OK((void *)p.a == (void *)lent && (void *)p.b == (void *)(lent + 64) && arena.used == counted,
        "pieces may come from memory that is lent");
    arena_free(&arena);
    OK(arena.base == NULL && arena.used == 0, "which is not freed");

    arena_take(&arena, SIZE_MAX / 4, 8);
    OK(arena.used == SIZE_MAX, "a product that overflows is noticed");
    arena_take(&arena, 1, 1);
    OK(arena.used == SIZE_MAX, "and stays noticed");
    OK(arena_alloc(&arena, "everything", &err) == -1 && err.status == ERR_FAILED &&
            strstr(err.text, "everything") != NULL,
        "it is not allocated");
    arena_free(&arena);
    err = (struct err){0};
    arena.used = SIZE_MAX - 65;
    OK(arena_alloc(&arena, "nearly everything", &err) == -1, "nor is nearly everything");
    return tap_done();
}
