/* tapes -- who has which tape: one for each part as far as memory goes, then the last is shared.
 * SPDX-License-Identifier: MIT */
#include "lib/train/tapes.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <stdlib.h>

enum { ROW = 100 }; /* bytes of a row of size 0; of size 1 twice as many */

struct toy {
    int alive, failing; /* tapes; 1: no more can be made */
};

struct toy_tape {
    struct toy *toy;
    int size, rows;
};

static size_t toy_size(const void *self, int size, int rows, bool training)
{
    (void)self;
    return training ? (size_t)rows * ROW * (size_t)(size + 1) : 1;
}

static void *toy_new(
    void *self, int size, int rows, bool training, const struct spill *spill, struct err *err)
{
    struct toy *const toy = self;
    struct toy_tape *const tape = toy->failing ? NULL : malloc(sizeof *tape);
    OK(training && spill == NULL, "a tape for training, of its own memory");
    if (tape == NULL) {
        err_memory(err, "a toy");
        return NULL;
    }
    *tape = (struct toy_tape){toy, size, rows};
    toy->alive++;
    return tape;
}

static void toy_free(void *tape)
{
    if (tape != NULL)
        ((struct toy_tape *)tape)->toy->alive--;
    free(tape);
}

static struct toy toy;
static const struct model model = {
    .self = &toy, .tape_size = toy_size, .tape_new = toy_new, .tape_free = toy_free};

/* Parts of a step, each claimed as it comes; how many of them still have theirs in the end. */
static int step(struct tapes *tapes, int parts, const int *size, const int *rows)
{
    struct err err = {0};
    int held = 0;
    bool fits = true;
    tapes_begin(tapes);
    for (int i = 0; i < parts; i++) {
        if (tapes_add(tapes, size[i], rows[i], &err) < 0)
            return -1;
        const struct toy_tape *const tape = tapes_claim(tapes, i);
        fits =
            fits && tape->size == size[i] && tape->rows >= rows[i] && tapes_held(tapes, i) == tape;
    }
    OK(fits, "every part has had a tape of its size, large enough");
    for (int i = 0; i < parts; i++) {
        held += tapes_held(tapes, i) != NULL;
        for (int j = 0; j < i; j++)
            fits = fits &&
                   (tapes_held(tapes, i) == NULL || tapes_held(tapes, i) != tapes_held(tapes, j));
    }
    OK(fits, "no two parts hold the same");
    return held;
}

static struct tapes *make(size_t memory)
{
    struct err err = {0};
    struct tapes *const tapes = tapes_new(&model, memory, &err);
    if (tapes == NULL)
        exit(1);
    return tapes;
}

static void test_memory(void)
{
    static const int size[4] = {0}, rows[4] = {3, 3, 3, 3};
    for (int room = 0; room <= 5; room++) {
        struct tapes *const tapes = make((size_t)room * 3 * ROW);
        const int tape = room < 1 ? 1 : room > 4 ? 4 : room;
        for (int again = 0; again < 2; again++) {
            const int held = step(tapes, 4, size, rows);
            OK(held == tape, "%d of 4 parts still have their tape, of %d", held, tape);
            OK(toy.alive == tape && tapes_bytes(tapes) == (size_t)tape * 3 * ROW, "%zu bytes",
                tapes_bytes(tapes));
        }
        if (tape < 4) { /* the way back: whoever has none takes the last one */
            OK(tapes_held(tapes, tape - 1) == NULL, "the shared one went to the last part");
            void *const taken = tapes_claim(tapes, tape - 1);
            OK(tapes_held(tapes, tape - 1) == taken && tapes_held(tapes, 3) == NULL,
                "and comes back");
        }
        tapes_free(tapes);
        OK(toy.alive == 0, "all are freed");
    }
}

static void test_growing(void)
{
    static const int size[3] = {0}, rows[3] = {2, 3, 3};
    struct tapes *const tapes = make(1000 * ROW);
    OK(step(tapes, 3, size, rows) == 2, "a larger part takes the tape from the one before");
    OK(tapes_held(tapes, 0) == NULL && toy.alive == 3, "which has to run again");
    OK(step(tapes, 3, size, rows) == 3, "and the next step has tapes for all");
    tapes_free(tapes);
}

static void test_sizes(void)
{
    static const int size[4] = {0, 0, 0, 1}, rows[4] = {2, 2, 2, 2};
    struct tapes *const tapes = make(6 * ROW);
    OK(step(tapes, 4, size, rows) == 2 && toy.alive == 2,
        "the first of a size makes others give way");
    OK(tapes_bytes(tapes) <= 6 * ROW, "within what there is");
    OK(tapes_held(tapes, 3) != NULL && tapes_held(tapes, 2) == NULL, "the last ones");
    tapes_free(tapes);
    struct tapes *const none = make(0);
    OK(step(none, 4, size, rows) == 2 && toy.alive == 2, "one of each size in any case");
    tapes_free(none);
    struct tapes *const failing = make(1000 * ROW);
    toy.failing = 1;
    OK(step(failing, 4, size, rows) == -1, "memory that is not there is said");
    tapes_free(failing);
    tapes_free(NULL);
    OK(toy.alive == 0, "nothing is left");
}

int main(void)
{
    test_memory();
    test_growing();
    test_sizes();
    return tap_done();
}
