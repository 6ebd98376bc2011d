/* parts -- how steps are cut: one record, pieces of one view, steps that come in parts.
 * SPDX-License-Identifier: MIT */
#include "lib/image/parts.h"

#include "tests/unit/tap.h"

#include <stdbool.h>

static bool is(struct parts_range r, int view, int views, int first, int rows, int part, int parts)
{
    return r.view == view && r.views == views && r.first == first && r.rows == rows &&
           r.part == part && r.parts == parts;
}

static void test_single(void)
{
    struct err err = {0};
    const struct record record = {.parts = 1, .rows = 10};
    struct parts parts = {.views = 2};
    OK(parts_cut(&parts, &record, 9, &err) == 1 && is(parts_range(&parts, 0), 0, 2, 0, 9, 0, 1),
        "one record stays one, with all views");
    OK(parts_cut(&parts, &record, 0, &err) == 0, "nothing left: no record");

    parts = (struct parts){.views = 8, .first = 2};
    OK(parts_cut(&parts, &record, 9, &err) == 2 && is(parts_range(&parts, 0), 0, 2, 0, 9, 0, 2) &&
            is(parts_range(&parts, 1), 2, 6, 0, 9, 1, 2),
        "views of two sizes are two records");
    OK(parts_cut(&parts, &record, 0, &err) == 0, "nothing left: no record");
    parts.first = 8;
    OK(parts_cut(&parts, &record, 9, &err) == 1 && is(parts_range(&parts, 0), 0, 8, 0, 9, 0, 1),
        "those of one size are one");
    parts = (struct parts){.views = 3, .first = 1, .limit = 5};
    OK(parts_cut(&parts, &record, 9, &err) == 6 && is(parts_range(&parts, 2), 2, 1, 0, 5, 2, 6),
        "a limit parts all views, whatever their size");

    parts = (struct parts){.views = 2, .limit = 4};
    OK(parts_cut(&parts, &record, 10, &err) == 6, "10 rows by 4 are 3 pieces of each view");
    OK(is(parts_range(&parts, 0), 0, 1, 0, 4, 0, 6) && is(parts_range(&parts, 1), 1, 1, 0, 4, 1, 6),
        "the first rows of view 0, then of view 1");
    OK(is(parts_range(&parts, 4), 0, 1, 8, 2, 4, 6) && is(parts_range(&parts, 5), 1, 1, 8, 2, 5, 6),
        "the last piece is what is left");
    OK(parts_cut(&parts, &record, 8, &err) == 4 && is(parts_range(&parts, 3), 1, 1, 4, 4, 3, 4),
        "rows that were left out make fewer parts");
    OK(parts_cut(&parts, &record, 0, &err) == 0, "nothing left: no record");
    parts.limit = 100;
    OK(parts_cut(&parts, &record, 10, &err) == 2 && is(parts_range(&parts, 1), 1, 1, 0, 10, 1, 2),
        "a limit above the rows still parts the views");
}

static void test_several(void)
{
    struct err err = {0};
    struct record record = {.step = 7, .parts = 3, .rows = 8};
    struct parts parts = {.views = 2};
    OK(parts_cut(&parts, &record, 7, &err) == 2 && is(parts_range(&parts, 1), 1, 1, 0, 7, 1, 6),
        "each part becomes one for each view");
    record.part = 2;
    record.rows = 3;
    OK(parts_cut(&parts, &record, 3, &err) == 2 && is(parts_range(&parts, 0), 0, 1, 0, 3, 4, 6),
        "parts are numbered on");
    OK(parts_cut(&parts, &record, 0, &err) == -1 && err.status == ERR_INPUT,
        "a part without pictures is refused: %s", err.text);

    err = (struct err){0};
    parts = (struct parts){.views = 2, .limit = 3};
    record = (struct record){.parts = 3, .rows = 8};
    OK(parts_cut(&parts, &record, 8, &err) == 6 && is(parts_range(&parts, 0), 0, 1, 0, 2, 0, 18) &&
            is(parts_range(&parts, 2), 0, 1, 2, 3, 2, 18) &&
            is(parts_range(&parts, 5), 1, 1, 5, 3, 5, 18),
        "cut further: 8 rows by 3 are pieces of 2, 3, 3");
    record.part = 2;
    record.rows = 4;
    OK(parts_cut(&parts, &record, 4, &err) == 6 && is(parts_range(&parts, 5), 1, 1, 2, 2, 17, 18),
        "the last part is cut into as many, whatever its rows");
    OK(parts_cut(&parts, &record, 2, &err) == -1, "2 rows do not make 3 pieces: %s", err.text);
    err = (struct err){0};
    record.rows = 10;
    OK(parts_cut(&parts, &record, 10, &err) == -1, "10 rows are too many for 3 pieces of 3: %s",
        err.text);
}

int main(void)
{
    test_single();
    test_several();
    return tap_done();
}
