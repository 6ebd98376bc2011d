/* selection -- shards cover everything once; choices are nested, stratified and in order.
 * SPDX-License-Identifier: MIT */
#include "formats/selection.h"

#include "tests/unit/tap.h"

enum { TOTAL = 2000 };

/* Class 0: 1 of 2; class 1: 1 of 4; class 2: 1 of 8; the rest has none; class 9 has one picture. */
static int label_of(const void *context, int64_t id)
{
    (void)context;
    return id == 777 ? 9 : id % 2 == 0 ? 0 : id % 4 == 1 ? 1 : id % 8 == 3 ? 2 : -1;
}

static struct selection make(const struct selection_rules *rules, int64_t total)
{
    struct err err = {0};
    struct selection s;
    OK(selection_make(&s, rules, total, label_of, NULL, &err) == 0, "made: %s", err.text);
    return s;
}

/* How often each picture comes; false unless ids rise. */
static int mark(const struct selection *s, int *seen)
{
    int good = 1;
    for (int64_t i = 0, last = -1; i < s->count; i++) {
        const int64_t id = selection_id(s, i);
        good &= id > last && id < TOTAL;
        seen[id]++;
        last = id;
    }
    return good;
}

static int in_class(const struct selection *s, int label)
{
    int n = 0;
    for (int64_t i = 0; i < s->count; i++)
        n += label_of(NULL, selection_id(s, i)) == label;
    return n;
}

static void test_shards(void)
{
    for (int shards = 1; shards < 8; shards += 3) {
        for (int part = 0; part < 2; part++) {
            int seen[TOTAL] = {0}, good = 1, once = 1, other[TOTAL] = {0};
            const struct selection_rules all = {.fraction = part ? 0.3 : 0, .seed = 5};
            struct selection whole = make(&all, TOTAL);
            good &= mark(&whole, other);
            for (int i = 0; i < shards; i++) {
                struct selection_rules rules = all;
                rules.shard = i;
                rules.shards = shards;
                struct selection s = make(&rules, TOTAL);
                good &= mark(&s, seen);
                for (int64_t j = 0; j < s.count; j++)
                    good &= selection_id(&s, j) % shards == i;
                selection_free(&s);
            }
            for (int i = 0; i < TOTAL; i++)
                once &= seen[i] == other[i];
            OK(good && once, "%d shards are the whole, with%s a choice", shards, part ? "" : "out");
            selection_free(&whole);
        }
    }
    const struct selection_rules last = {.shard = 5, .shards = 7};
    OK(make(&last, 5).count == 0, "a shard without pictures");
    OK(make(&last, 6).count == 1 && make(&last, 12).count == 1 && make(&last, 13).count == 2,
        "sizes of shards");
}

static void test_fractions(void)
{
    const double fraction[] = {0.0001, 0.01, 0.1, 0.5, 1};
    int before[TOTAL] = {0};
    for (size_t f = 0; f < sizeof fraction / sizeof *fraction; f++) {
        const struct selection_rules rules = {.fraction = fraction[f], .seed = 3};
        struct selection s = make(&rules, TOTAL);
        int seen[TOTAL] = {0}, nested = 1, good = mark(&s, seen);
        for (int i = 0; i < TOTAL; i++) {
            nested &= seen[i] >= before[i];
            before[i] = seen[i];
        }
        OK(good && nested, "fraction %g is in order and holds the smaller one", fraction[f]);
        const int wanted = fraction[f] * 1000 < 1 ? 1 : (int)(fraction[f] * 1000);
        OK(in_class(&s, 0) == wanted, "%d of 1000", wanted);
        OK(in_class(&s, 2) >= 1 && in_class(&s, 2) >= (int)(fraction[f] * 250) &&
                in_class(&s, 2) <= (int)(fraction[f] * 250) + 1,
            "as many of a smaller class");
        OK(in_class(&s, 9) == 1 && in_class(&s, -1) >= 1, "at least one of each class");
        selection_free(&s);
    }
}

static void test_numbers(void)
{
    int before[TOTAL] = {0};
    for (int n = 1; n <= 1001; n += 250) {
        const struct selection_rules rules = {.per_class = n, .seed = 3};
        struct selection s = make(&rules, TOTAL);
        int seen[TOTAL] = {0}, nested = 1, good = mark(&s, seen);
        for (int i = 0; i < TOTAL; i++) {
            nested &= seen[i] >= before[i];
            before[i] = seen[i];
        }
        OK(good && nested, "%d a class are in order and hold the fewer", n);
        OK(in_class(&s, 0) == (n < 1000 ? n : 1000) && in_class(&s, 9) == 1, "at most all");
        selection_free(&s);
    }
}

static void test_seeds(void)
{
    int seen[TOTAL] = {0}, both = 0;
    for (int seed = 0; seed < 2; seed++) {
        const struct selection_rules rules = {.fraction = 0.1, .seed = seed};
        struct selection s = make(&rules, TOTAL);
        mark(&s, seen);
        selection_free(&s);
    }
    for (int i = 0; i < TOTAL; i++)
        both += seen[i] == 2;
    OK(both > 2 && both < 60, "two seeds share %d of 200", both);
}

int main(void)
{
    test_shards();
    test_fractions();
    test_numbers();
    test_seeds();
    return tap_done();
}
