/* pairing -- sort rows by id or group, then by view.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/pairing.h"

#include "lib/base/arena.h"
#include "lib/base/shape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 46340 }; /* so that pairs of them are counted in int */

struct key {
    int64_t id, view;
    int row, picture;
};

static int digit(const struct key *key, size_t offset, int byte)
{
    int64_t number;
    memcpy(&number, (const char *)key + offset, sizeof number);
    return (
        int)(((uint64_t)number ^ (uint64_t)1 << 63) >> (8 * byte) & 255); /* negative ones first */
}

/* Sort keys by the number at this offset in each, from small to large; equal ones stay in order. Byte by
 * byte, from the last; bytes that are the same in all keys are passed over. */
static void sort_by(struct key *key, struct key *other, int rows, size_t offset)
{
    for (int byte = 0; byte < 8; byte++) {
        int count[257] = {0};
        for (int i = 0; i < rows; i++)
            count[digit(&key[i], offset, byte) + 1]++;
        if (count[digit(key, offset, byte) + 1] == rows)
            continue;
        for (int i = 1; i < 256; i++)
            count[i] += count[i - 1];
        for (int i = 0; i < rows; i++)
            other[count[digit(&key[i], offset, byte)]++] = key[i];
        memcpy(key, other, (size_t)rows * sizeof *key);
    }
}

/* Larger tiles waste less on packing, more of them keep more threads busy. By the shape alone. */
static int choose_edge(int rows)
{
    return rows >= 4096 ? PAIRING_EDGE : rows >= 1024 ? 96 : 48;
}

/* Cut the arrays out of one piece of memory; returns the keys, and behind them room for as many. */
static struct key *layout(struct arena *arena, struct pairing *p, int rows)
{
    const size_t n = (size_t)rows;
    struct key *const key = arena_take(arena, n, 2 * sizeof *key);
    p->order = arena_take(arena, n, sizeof *p->order);
    p->picture = arena_take(arena, n + PAIRING_EDGE, sizeof *p->picture);
    p->view = arena_take(arena, n, sizeof *p->view);
    p->first = arena_take(arena, n + 1, sizeof *p->first);
    p->member = arena_take(arena, n, sizeof *p->member);
    p->begin = arena_take(arena, n + 1, sizeof *p->begin);
    p->block = arena_take(arena, n, sizeof *p->block);
    return key;
}

static struct key *reserve(struct pairing *p, int rows, struct err *err)
{
    struct arena count = {0};
    layout(&count, p, rows);
    if (count.used > p->capacity) {
        struct arena made = {.used = count.used};
        free(p->memory);
        *p = (struct pairing){0};
        if (arena_alloc(&made, "the pairs of a step", err) < 0)
            return NULL;
        p->memory = made.base;
        p->capacity = made.size;
    }
    struct arena cut = {.base = p->memory, .size = p->capacity};
    return layout(&cut, p, rows);
}

/* The end of the run of keys with the id of key i. */
static int run_end(const struct key *key, int rows, int i)
{
    int next = i + 1;
    while (next < rows && key[next].id == key[i].id)
        next++;
    return next;
}

/* The views of each picture, where the stream does not number them. */
static void number_own(struct key *key, int rows)
{
    for (int i = 0, next; i < rows; i = next) {
        next = run_end(key, rows, i);
        for (int j = i; j < next; j++)
            key[j].view = j - i;
    }
}

/* A picture's group takes the place of its id: its label, or a number below 0 of its own. */
static int name_groups(struct key *key, const int64_t *label, int rows, struct err *err)
{
    int64_t unknown = 0;
    for (int i = 0, next; i < rows; i = next) {
        next = run_end(key, rows, i);
        const int64_t first = label[key[i].row], id = key[i].id;
        for (int j = i; j < next; j++) {
            if (label[key[j].row] != first)
                return err_set(err, ERR_INPUT, "picture %lld has labels %lld and %lld",
                    (long long)id, (long long)first, (long long)label[key[j].row]);
            key[j].id = first >= 0 ? first : unknown - 1;
        }
        unknown -= first < 0;
    }
    return 0;
}

static void number_pictures(struct pairing *p, struct key *key)
{
    p->pictures = 0;
    for (int i = 0, next; i < p->rows; i = next) {
        next = run_end(key, p->rows, i);
        p->first[p->pictures] = i;
        for (int j = i; j < next; j++)
            key[j].picture = p->pictures;
        p->pictures++;
    }
    p->first[p->pictures] = p->rows;
}

/* Without labels each row needs a positive and a negative. */
static int check_pictures(const struct pairing *p, const struct key *key, struct err *err)
{
    for (int i = 0; i < p->pictures; i++)
        if (p->first[i + 1] == p->first[i] + 1)
            return err_set(err, ERR_INPUT, "picture %lld has no second view: no positives",
                (long long)key[p->first[i]].id);
    if (p->pictures < 2)
        return err_set(err, ERR_INPUT, "all %d rows show picture %lld: no negatives", p->rows,
            (long long)key[0].id);
    return 0;
}

/* Canonical order, views and blocks, from sorted keys. */
static void number_views(struct pairing *p, const struct key *key)
{
    p->views = p->blocks = 0;
    for (int i = 0; i < p->rows; i++) {
        if (i == 0 || key[i].view != key[i - 1].view)
            p->begin[p->views++] = i;
        struct pairing_block *const last = p->blocks > 0 ? &p->block[p->blocks - 1] : NULL;
        if (last != NULL && last->view == p->views - 1 && last->rows < p->edge)
            last->rows++;
        else
            p->block[p->blocks++] = (struct pairing_block){i, 1, p->views - 1};
        p->order[i] = key[i].row;
        p->picture[i] = key[i].picture;
        p->view[i] = p->views - 1;
    }
    p->begin[p->views] = p->rows;
    for (int i = 0; i < p->rows; i++) /* first[] serves as the cursor of each picture... */
        p->member[p->first[p->picture[i]]++] = i;
    for (int i = p->pictures; i > 0; i--) /* ...and now stands at the next one's begin */
        p->first[i] = p->first[i - 1];
    p->first[0] = 0;
}

/* label NULL: by ids. */
static int make(struct pairing *p, const int64_t *id, const int64_t *label, const int64_t *view,
    int rows, struct err *err)
{
    struct key *const key = reserve(p, rows, err);
    if (key == NULL)
        return -1;
    struct key *const spare = key + rows;
    p->rows = rows;
    p->edge = choose_edge(rows);
    for (int i = 0; i < rows; i++)
        key[i] = (struct key){id[i], view != NULL ? view[i] : 0, i, 0};
    sort_by(key, spare, rows, offsetof(struct key, view));
    sort_by(key, spare, rows, offsetof(struct key, id)); /* by id, view, position */
    if (view == NULL)
        number_own(key, rows);
    if (label != NULL) {
        if (name_groups(key, label, rows, err) < 0)
            return -1;
        sort_by(key, spare, rows, offsetof(struct key, id)); /* by group, id, view, position */
    }
    number_pictures(p, key);
    if (label == NULL && check_pictures(p, key, err) < 0)
        return -1;
    if (label != NULL && p->pictures == rows)
        return err_set(
            err, ERR_INPUT, "no two of %d rows have a label in common: no positives", rows);
    sort_by(key, spare, rows, offsetof(struct key, view)); /* by view, id, position */
    number_views(p, key);
    if (p->blocks > BLOCKS)
        return err_set(err, ERR_INPUT, "%d rows in %d views: too many rows", rows, p->views);
    if (p->views > PAIRING_VIEWS && shape_times((size_t)rows, (size_t)p->views) > (size_t)1 << 22)
        return err_set(err, ERR_INPUT, "%d rows in %d views: too many views", rows, p->views);
    return 0;
}

int pairing_make(
    struct pairing *p, const int64_t *id, const int64_t *view, int rows, struct err *err)
{
    return make(p, id, NULL, view, rows, err);
}

int pairing_make_labels(struct pairing *p, const int64_t *id, const int64_t *label,
    const int64_t *view, int rows, struct err *err)
{
    return make(p, id, label, view, rows, err);
}

void pairing_free(struct pairing *p)
{
    free(p->memory);
    *p = (struct pairing){0};
}
