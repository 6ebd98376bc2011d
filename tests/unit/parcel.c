/* parcel -- folding and unfolding: the same bytes, fields that point to them, and what does not
 * shrink.
 * SPDX-License-Identifier: MIT */
#include "lib/train/parcel.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 100000, ROWS = 10 };

/* A record as a reader leaves it: bytes, each at most `noise` above the one three before, and offsets
 * behind them. */
static struct record record_new(unsigned noise)
{
    struct record record = {.parts = 2, .rows = ROWS};
    struct err err = {0};
    record_reserve(&record, 2, BYTES + (ROWS + 1) * sizeof(int64_t) + 999, &err);
    record.used = BYTES + (ROWS + 1) * sizeof(int64_t);
    unsigned char *const bytes = record.buffer;
    unsigned state = 1;
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)(((state = state * 1664525u + 1013904223u) >> 24 & noise) +
                                   (i < 3 ? 0 : bytes[i - 3]));
    int64_t *const offsets = (int64_t *)(void *)(bytes + BYTES);
    for (int i = 0; i <= ROWS; i++)
        offsets[i] = i * BYTES / ROWS;
    record.field[0] = (struct field){.data = bytes, .offsets = offsets};
    record.field[1] = (struct field){.data = bytes + 4096};
    return record;
}

static bool same(const struct record *a, const struct record *b)
{
    return memcmp(a->buffer, b->buffer, b->used) == 0 && a->field[0].data == a->buffer &&
           (char *)a->field[0].offsets == (char *)a->buffer + BYTES &&
           (char *)a->field[1].data == (char *)a->buffer + 4096 && a->field[1].offsets == NULL;
}

static void there_and_back(void)
{
    struct err err = {0};
    struct parcel_press *const press = parcel_press_new(&err);
    struct parcel parcel = {0};
    struct record record = record_new(15), wanted = record_new(15);
    OK(parcel_make(&parcel, press, &record, &err) == 0 && parcel.size > 0 &&
            parcel.size < BYTES * 3 / 4,
        "slow changes shrink to %zu of %d", parcel.size, BYTES);
    OK(parcel_unfold(&parcel, press, &record, NULL, 0, &err) == 0 && same(&record, &wanted),
        "what is not folded stays");
    free(parcel_fold(&parcel, &record));
    OK(record.buffer == NULL && parcel_fold(&parcel, &record) == NULL, "folded once, not twice");
    OK(parcel_unfold(&parcel, press, &record, NULL, 0, &err) == 0 && same(&record, &wanted),
        "unfolded into memory of its own");
    free(parcel_fold(&parcel, &record));
    char *const spare = malloc(BYTES * 2);
    OK(parcel_unfold(&parcel, press, &record, spare, BYTES * 2, &err) == 0 &&
            record.buffer == spare && record.capacity == BYTES * 2 && same(&record, &wanted),
        "into memory that is there");
    free(parcel_fold(&parcel, &record));
    OK(parcel_unfold(&parcel, press, &record, malloc(16), 16, &err) == 0 && same(&record, &wanted),
        "and in place of what is too small");
    record_free(&record);
    record_free(&wanted);
    parcel_free(&parcel);
    parcel_press_free(press);
}

static void noise(void)
{
    struct err err = {0};
    struct parcel_press *const press = parcel_press_new(&err);
    struct parcel parcel = {0};
    struct record record = record_new(255), wanted = record_new(255);
    OK(parcel_make(&parcel, press, &record, &err) == 0 && parcel.size == 0 &&
            parcel_fold(&parcel, &record) == NULL && same(&record, &wanted),
        "noise stays plain");
    record_free(&record);
    record_free(&wanted);
    parcel_free(&parcel);
    parcel_press_free(press);
}

int main(void)
{
    there_and_back();
    noise();
    return tap_done();
}
