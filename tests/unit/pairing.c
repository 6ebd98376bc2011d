/* pairing -- pictures, views, canonical order and blocks.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/pairing.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 5000 };

static int64_t id[MANY], view[MANY];

static void small(void)
{
    static const int64_t ids[] = {30, 10, 20, 10, 30, 20, 10}, views[] = {5, -1, 5, 5, -1, -1, 9};
    static const int order[] = {
        1, 5, 4, 3, 2, 0, 6}; /* view -1: 10 20 30; view 5: 10 20 30; view 9 */
    struct pairing p = {0};
    struct err err = {0};
    OK(pairing_make(&p, ids, views, 7, &err) == 0, "seven rows of three pictures %s", err.text);
    OK(p.rows == 7 && p.pictures == 3 && p.views == 3, "counted");
    OK(memcmp(p.order, order, sizeof order) == 0, "by view, then by id");
    OK(p.begin[0] == 0 && p.begin[1] == 3 && p.begin[2] == 6 && p.begin[3] == 7,
        "where views begin");
    OK(p.first[1] == 3 && p.member[0] == 0 && p.member[1] == 3 && p.member[2] == 6,
        "the rows of a picture rise");
    OK(p.blocks == 3 && p.block[1].first == 3 && p.block[1].rows == 3 && p.block[1].view == 1,
        "no block holds two views");
    OK(pairing_make(&p, ids, NULL, 7, &err) == 0 && p.views == 3 && p.order[0] == 1 &&
            p.order[6] == 6,
        "without views: in order of appearance");
    pairing_free(&p);
}

static void large(void)
{
    struct pairing p = {0};
    struct err err = {0};
    static char seen[MANY];
    int wrong = 0, rows = 0;
    for (int i = 0; i < MANY; i++) {
        id[i] = (int64_t)i * 7919 % (MANY / 2);
        view[i] = i / (MANY / 2);
    }
    OK(pairing_make(&p, id, view, MANY, &err) == 0 && p.pictures == MANY / 2, "%d rows", MANY);
    for (int i = 0; i < MANY; i++) {
        wrong += seen[p.order[i]]++;
        wrong += view[p.order[i]] != p.view[i];
        if (i > 0 && p.view[i] == p.view[i - 1])
            wrong += id[p.order[i]] <= id[p.order[i - 1]];
    }
    for (int i = 0; i < p.pictures; i++)
        for (int j = p.first[i]; j < p.first[i + 1]; j++)
            wrong += p.picture[p.member[j]] != i;
    OK(wrong == 0, "a permutation, in order, members in their pictures");
    for (int i = 0; i < p.blocks; i++) {
        wrong += p.block[i].first != rows || p.block[i].rows > p.edge;
        rows += p.block[i].rows;
    }
    OK(wrong == 0 && rows == MANY && p.edge == PAIRING_EDGE, "blocks cover all rows");
    pairing_make(&p, id, view, 2 * 100, &err); /* less than before, in the same memory */
    OK(err.status == ERR_INPUT, "half of these have no second view: %s", err.text);
    pairing_free(&p);
}

/* Classes 5 and 8, two pictures of unknown label, one class of one row. */
static void labels(void)
{
    static const int64_t ids[] = {9, 7, 9, 7, 3, 4, 3, 4, 2, 6},
                         views[] = {0, 0, 1, 1, 0, 0, 1, 1, 0, 0};
    static const int64_t label[] = {8, 5, 8, 5, -1, -9, -1, -9, 8, 6};
    /* view 0: unknown 4, unknown 3, 5: 7, 6: 6, 8: 2 9; view 1: 4, 3, 7, 9 */
    static const int order[] = {5, 4, 1, 9, 8, 0, 7, 6, 3, 2};
    static const int64_t two[] = {1, 2, 3, 4}, same[] = {1, 1, 1, 1};
    struct pairing p = {0};
    struct err err = {0};
    OK(pairing_make_labels(&p, ids, label, views, 10, &err) == 0, "ten rows of five groups %s",
        err.text);
    OK(p.pictures == 5 && p.views == 2, "two unknown pictures are two groups");
    OK(memcmp(p.order, order, sizeof order) == 0, "by view, group, id");
    OK(p.first[5] - p.first[4] == 3 && p.member[p.first[4]] == 4 && p.member[p.first[4] + 2] == 9,
        "rows of a label are members of a group");
    OK(p.first[4] - p.first[3] == 1, "a row may be alone");
    OK(pairing_make_labels(&p, ids, label, NULL, 10, &err) == 0 &&
            memcmp(p.order, order, sizeof order) == 0,
        "views are numbered by picture, not by label");
    OK(pairing_make_labels(&p, two, same, same, 4, &err) == 0 && p.pictures == 1,
        "one label may be all there is");
    OK(pairing_make_labels(&p, two, two, same, 4, &err) < 0 && err.status == ERR_INPUT, "%s",
        err.text);
    err = (struct err){0};
    OK(pairing_make_labels(&p, same, two, same, 4, &err) < 0 && err.status == ERR_INPUT, "%s",
        err.text);
    pairing_free(&p);
}

static void refusals(void)
{
    struct pairing p = {0};
    struct err err = {0};
    for (int i = 0; i < MANY; i++) {
        id[i] = i % (MANY / 2);
        view[i] = i;
    }
    OK(pairing_make(&p, id, view, MANY, &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    err = (struct err){0};
    OK(pairing_make(&p, id, view, 1, &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    err = (struct err){0};
    id[0] = id[1] = 3;
    OK(pairing_make(&p, id, view, 2, &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    for (int i = 0; i < 200; i++) {
        id[i] = i % 2;
        view[i] = i / 2;
    }
    err = (struct err){0};
    OK(pairing_make(&p, id, view, 200, &err) == 0 && p.views == 100,
        "a hundred views of two pictures");
    id[0] = INT64_MIN;
    id[2] = INT64_MIN;
    id[1] = INT64_MAX;
    OK(pairing_make(&p, id, view, 200, &err) < 0 && strstr(err.text, "9223372036854775807") != NULL,
        "%s", err.text);
    pairing_free(&p);
}

int main(void)
{
    small();
    large();
    labels();
    refusals();
    return tap_done();
}
