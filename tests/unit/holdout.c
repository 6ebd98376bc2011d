/* holdout -- what is set aside is a share of each class, and nothing is lost or mixed up.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/holdout.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000 };

/* Classes 0 and 1 of about 500 rows, 2 of three rows, 3 of two, 4 of one; two features a row, that tell
 * the row. */
static void fill(struct features *f, bool bytes)
{
    *f = (struct features){.source = "rows", .rows = ROWS, .width = 2, .ids = true};
    f->value = bytes ? NULL : malloc(2 * ROWS * sizeof *f->value);
    f->byte = bytes ? malloc(2 * ROWS) : NULL;
    f->label = malloc(ROWS * sizeof *f->label);
    f->id = malloc(ROWS * sizeof *f->id);
    f->column = strdup("h");
    f->names = json_pack("[sssss]", "a", "b", "c", "d", "e");
    for (int i = 0; i < ROWS; i++) {
        for (int d = 0; d < 2 && bytes; d++)
            f->byte[2 * i + d] = (uint8_t)(d == 0 ? i % 256 : i / 256);
        for (int d = 0; d < 2 && !bytes; d++)
            f->value[2 * i + d] = (float)(d == 0 ? i : -i);
        f->id[i] = 7 * (int64_t)i;
        f->label[i] = i < 3 ? 2 : i < 5 ? 3 : i < 6 ? 4 : i % 2;
    }
}

static int row_of(const struct features *f, int i)
{
    if (f->byte != NULL)
        return f->byte[2 * i] + 256 * f->byte[2 * i + 1];
    return f->value[2 * i] == -f->value[2 * i + 1] ? (int)f->value[2 * i] : -1;
}

static int label_of(int row)
{
    return row < 3 ? 2 : row < 5 ? 3 : row < 6 ? 4 : row % 2;
}

/* Rows are whole, in order, and of what they say; marks them, and counts them by class. */
static bool sound(const struct features *f, bool seen[ROWS], int count[5])
{
    bool good = true;
    memset(count, 0, 5 * sizeof *count);
    for (int i = 0, last = -1; i < f->rows && good; i++) {
        const int row = row_of(f, i);
        good = row > last && row < ROWS && !seen[row] && f->id[i] == 7 * (int64_t)row &&
               f->label[i] == label_of(row);
        if (good) {
            seen[row] = true;
            count[f->label[i]]++;
        }
        last = row;
    }
    return good;
}

static void test_share(bool bytes)
{
    struct features f, held = {0};
    struct err err = {0};
    bool seen[ROWS] = {false};
    int left[5], gone[5];
    fill(&f, bytes);
    OK(holdout_take(&held, &f, 0.2, 3, &err) == 0 && held.rows + f.rows == ROWS,
        "a share goes, nothing is lost (%s)", bytes ? "bytes" : "floats");
    OK(sound(&f, seen, left) && sound(&held, seen, gone), "rows stay whole and in order");
    OK(gone[0] == 99 && gone[1] == 99, "a fifth of 497 rows, rounded: %d, %d", gone[0], gone[1]);
    OK(gone[2] == 1 && gone[3] == 0 && gone[4] == 0, "of three rows one, of two and one none");
    OK(held.width == 2 && held.ids && strcmp(held.column, "h") == 0 && held.names == f.names &&
            strcmp(held.source, "rows") == 0,
        "what the set is called goes with it");
    features_free(&held);
    features_free(&f);
}

static void test_draw(void)
{
    struct features f, g, h, held[3] = {{0}};
    struct err err = {0};
    fill(&f, false);
    fill(&g, false);
    fill(&h, false);
    holdout_take(&held[0], &f, 0.5, 1, &err);
    holdout_take(&held[1], &g, 0.5, 1, &err);
    holdout_take(&held[2], &h, 0.5, 2, &err);
    const size_t size = (size_t)held[0].rows * sizeof *held[0].id;
    OK(held[0].rows == held[1].rows && memcmp(held[0].id, held[1].id, size) == 0,
        "the same seed, the same rows");
    OK(held[0].rows == held[2].rows && memcmp(held[0].id, held[2].id, size) != 0,
        "another seed, other rows");
    for (int i = 0; i < 3; i++)
        features_free(&held[i]);
    features_free(&f);
    features_free(&g);
    fill(&f, false);
    held[0] = (struct features){0};
    OK(holdout_take(&held[0], &f, 0.999, 1, &err) == 0 && f.rows == 5, "a row of each class stays");
    features_free(&held[0]);
    features_free(&f);
    features_free(&h);
}

static void test_names(void)
{
    struct features f;
    struct roster all = {0}, some = {0};
    struct features held = {.roster = &some};
    struct err err = {0};
    fill(&f, false);
    f.roster = &all;
    for (int i = 0; i < ROWS; i++) {
        char name[16];
        const int size = snprintf(name, sizeof name, "row %d", i);
        roster_add(&all, name, (size_t)size, &err);
    }
    OK(holdout_take(&held, &f, 0.25, 0, &err) == 0 && some.rows == held.rows,
        "every row held out has a name");
    bool own = true;
    for (int i = 0; i < held.rows; i++) {
        char name[16];
        size_t size;
        const char *const got = roster_name(&some, i, &size);
        const int wanted = snprintf(name, sizeof name, "row %d", row_of(&held, i));
        own &= (size_t)wanted == size && memcmp(got, name, size) == 0;
    }
    OK(own, "its own");
    features_free(&held);
    features_free(&f);
    roster_free(&all);
    roster_free(&some);
}

static void test_none(void)
{
    struct features f, held = {0};
    struct err err = {0};
    fill(&f, true);
    f.rows = 6;
    OK(holdout_take(&held, &f, 0.1, 0, &err) == -1 && err.status == ERR_INPUT && f.rows == 6,
        "no row at all is refused: %s", err.text);
    features_free(&held);
    features_free(&f);
}

int main(void)
{
    test_share(false);
    test_share(true);
    test_draw();
    test_names();
    test_none();
    return tap_done();
}
