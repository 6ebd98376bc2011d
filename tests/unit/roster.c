/* roster -- names are kept byte by byte and printed as one field.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/roster.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static void test_bytes(void)
{
    static const char odd[] = "a\tb\nc\rd\\e\0f";
    struct roster r = {0};
    struct err err = {0};
    char *text = NULL;
    size_t size;
    bool good = true;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        const int length = snprintf(name, sizeof name, "picture %d", i);
        good &= roster_add(&r, name, (size_t)length, &err) == 0;
    }
    good &= roster_add(&r, NULL, 0, &err) == 0 && roster_add(&r, odd, sizeof odd - 1, &err) == 0;
    OK(good && r.rows == 1002, "names are added");
    const char *const name = roster_name(&r, 777, &size);
    OK(size == 11 && memcmp(name, "picture 777", size) == 0, "and found again");
    roster_name(&r, 1000, &size);
    OK(size == 0, "an empty one too");
    FILE *const out = open_memstream(&text, &size);
    roster_print(out, &r, 1001);
    fclose(out);
    OK(strcmp(text, "a\\tb\\nc\\rd\\\\e\\0f") == 0, "what would break a table is escaped: %s",
        text);
    free(text);
    roster_clear(&r);
    OK(r.rows == 0 && roster_add(&r, "x", 1, &err) == 0 && *roster_name(&r, 0, &size) == 'x',
        "a cleared roster begins again");
    roster_free(&r);
}

static void test_record(void)
{
    struct roster r = {0};
    struct err err = {0};
    size_t size;
    struct header *const header = header_new("features", &err);
    header_add(header, "name", DTYPE_U8, -1, NULL, &err);
    char bytes[] = "cat.png";
    int64_t offsets[] = {0, 7, 7};
    struct field field = {.data = bytes, .offsets = offsets};
    const struct record record = {.rows = 2, .field = &field, .fields = 1};
    OK(roster_take(&r, header, &record, 0, 5, &err) == 0 &&
            roster_take(&r, header, &record, 1, -6, &err) == 0,
        "takes names of a record");
    OK(memcmp(roster_name(&r, 0, &size), "cat.png", 7) == 0 && size == 7, "the name");
    OK(memcmp(roster_name(&r, 1, &size), "-6", 2) == 0 && size == 2, "the id where it is empty");
    header_drop(header, "name");
    OK(roster_take(&r, header, &record, 0, 1LL << 62, &err) == 0 &&
            memcmp(roster_name(&r, 2, &size), "4611686018427387904", size) == 0 && size == 19,
        "or where there is none");
    header_free(header);
    roster_free(&r);
}

int main(void)
{
    test_bytes();
    test_record();
    return tap_done();
}
