/* tapes -- tapes for the parts of a step that run one by one, as many as memory holds.
 * SPDX-License-Identifier: MIT */
#include "lib/train/tapes.h"

#include "formats/stream.h"

#include <stdbool.h>
#include <stdlib.h>

/* The tapes for rows of one size. */
struct shelf {
    void **tape; /* [count] */
    int count, rows;
    size_t bytes; /* of one */
    int parts;    /* of this size that the step under way has so far */
};

/* One part of the step under way. */
struct slot {
    struct shelf *shelf; /* of its size */
    int turn;            /* among the parts of its size */
    int tape;            /* index of its own, or of the shared one (the last) */
    bool taped;          /* the tape still holds its forward pass */
};

struct tapes {
    const struct model *model;
    size_t memory, bytes; /* for tapes; that they take */
    struct shelf shelf[STREAM_SIZES];
    struct slot *slot; /* [room] */
    int parts, room;
};

struct tapes *tapes_new(const struct model *model, size_t memory, struct err *err)
{
    struct tapes *const t = calloc(1, sizeof *t);
    if (t == NULL) {
        err_memory(err, "activations");
        return NULL;
    }
    t->model = model;
    t->memory = memory;
    return t;
}

static void empty(struct tapes *t, struct shelf *shelf)
{
    for (int i = 0; i < shelf->count; i++)
        t->model->tape_free(shelf->tape[i]);
    free(shelf->tape);
    shelf->tape = NULL;
    t->bytes -= (size_t)shelf->count * shelf->bytes;
    shelf->count = 0;
    for (int i = 0; i < t->parts; i++)
        t->slot[i].taped = t->slot[i].taped && t->slot[i].shelf != shelf;
}

void tapes_free(struct tapes *t)
{
    if (t == NULL)
        return;
    t->parts = 0;
    for (int i = 0; i < STREAM_SIZES; i++)
        empty(t, &t->shelf[i]);
    free(t->slot);
    free(t);
}

static bool fits(const struct tapes *t, size_t bytes)
{
    return t->bytes <= t->memory && bytes <= t->memory - t->bytes;
}

/* Whoever has this tape must run forward again. */
static void withdraw(struct tapes *t, const struct shelf *shelf, int tape)
{
    for (int i = 0; i < t->parts; i++)
        if (t->slot[i].shelf == shelf && t->slot[i].tape == tape)
            t->slot[i].taped = false;
}

/* For the first tape of a size. */
static void make_room(struct tapes *t, size_t bytes)
{
    for (int size = 0; size < STREAM_SIZES; size++) {
        struct shelf *const shelf = &t->shelf[size];
        while (shelf->count > 1 && !fits(t, bytes)) {
            t->model->tape_free(shelf->tape[--shelf->count]);
            t->bytes -= shelf->bytes;
            withdraw(t, shelf, shelf->count);
        }
    }
}

/* One more tape. */
static int add_tape(struct tapes *t, struct shelf *shelf, int size, struct err *err)
{
    void **const grown = realloc(shelf->tape, (size_t)(shelf->count + 1) * sizeof *grown);
    if (grown == NULL)
        return err_memory(err, "the activations of a part");
    shelf->tape = grown;
    grown[shelf->count] = t->model->tape_new(t->model->self, size, shelf->rows, true, NULL, err);
    if (grown[shelf->count] == NULL)
        return -1;
    shelf->count++;
    t->bytes += shelf->bytes;
    return 0;
}

void tapes_begin(struct tapes *t)
{
    t->parts = 0;
    for (int i = 0; i < STREAM_SIZES; i++)
        t->shelf[i].parts = 0;
}

int tapes_add(struct tapes *t, int size, int rows, struct err *err)
{
    struct shelf *const shelf = &t->shelf[size];
    if (t->parts == t->room) {
        const int room = t->room == 0 ? 16 : 2 * t->room;
        struct slot *const grown = realloc(t->slot, (size_t)room * sizeof *grown);
        if (grown == NULL)
            return err_memory(err, "the parts of a step");
        t->slot = grown;
        t->room = room;
    }
    const int turn = shelf->parts++;
    t->slot[t->parts++] = (struct slot){.shelf = shelf, .turn = turn};
    if (rows > shelf->rows) {
        empty(t, shelf);
        shelf->rows = rows;
        shelf->bytes = t->model->tape_size(t->model->self, size, rows, true);
    }
    if (shelf->count == 0)
        make_room(t, shelf->bytes);
    while (shelf->count <= turn && (shelf->count == 0 || fits(t, shelf->bytes)))
        if (add_tape(t, shelf, size, err) < 0)
            return -1;
    return 0;
}

void *tapes_claim(struct tapes *t, int part)
{
    struct slot *const slot = &t->slot[part];
    const struct shelf *const shelf = slot->shelf;
    slot->tape = slot->turn < shelf->count ? slot->turn : shelf->count - 1;
    withdraw(t, shelf, slot->tape);
    slot->taped = true;
    return shelf->tape[slot->tape];
}

void *tapes_held(const struct tapes *t, int part)
{
    const struct slot *const slot = &t->slot[part];
    return slot->taped ? slot->shelf->tape[slot->tape] : NULL;
}

size_t tapes_bytes(const struct tapes *t)
{
    return t->bytes;
}
