/* jsonl -- keys that are there or not, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/jsonl.h"

#include "tests/unit/holding.h"

#include <unistd.h>

static const char *put(const char *text)
{
    return holding_put("a.jsonl", text, strlen(text));
}

static void check_forms(void)
{
    OK(holding_is(put("{\"id\":7,\"label\":3,\"name\":\"a\\u00e4\",\"h\":[0.5,-1e-3]}\n"
                      "{\"h\":[1,2],\"label\":null,\"name\":null,\"id\":9,\"more\":{}}\r\n"),
           NULL, 10, "h id label name ", "7 3 a\xc3\xa4: 0.5 -0.00100000005;9 -1 : 1 2;"),
        "all keys, in any order; null for no label and no name");
    OK(holding_is(put("{\"embedding\":[1,2],\"view\":1}\n{\"embedding\":[3,4],\"view\":0}\n"), NULL,
           1, "embedding id view ", "0 1 : 1 2;1 0 : 3 4;"),
        "the only array, ids counted");
    OK(holding_is(put("{\"a\":[1],\"z\":[2],\"b\":[3]}\n"), NULL, 1, "z id ", "0 : 2;"),
        "z among other arrays");
    OK(holding_is(put("{\"a\":[1],\"z\":[2],\"b\":[3]}\n"), "b", 1, "b id ", "0 : 3;"),
        "the one that was asked for");
}

/* The first line goes through jansson, the second as far as possible not: they must be the same. */
static void check_numbers(void)
{
    static const char *const line[][2] = {
        {"{ \"h\" : [ 1.5 , -2e-3,3 ] , \"id\" : 1, \"name\":\"[\\\"h\\\":[9]\" }",
            "1 [\"h\":[9]: 1.5 -0.00200000009 3;"},
        {"{\"name\":\"h\",\"h\":[-0,-0.0,0.30000000000000004],\"id\":2}", "2 h: 0 -0 0.300000012;"},
        {"{\"x\":{\"h\":[7,7,7]},\"id\":3,\"h\":[1e22,1e-30,16777217]}\r",
            "3 : 9.99999978e+21 1e-30 16777216;"},
        {"{\"\\u0068\":[1,2,3],\"id\":4}", "4 : 1 2 3;"},
        {"{\"id\":5,\"h\":[9007199254740993,0.1234567890123456789,1E2]}",
            "5 : 9.00719925e+15 0.123456791 100;"}};
    char text[400], rows[400];
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        snprintf(text, sizeof text, "%s\n%s\n%s\n", line[i][0], line[i][0], line[i][0]);
        snprintf(rows, sizeof rows, "%s%s%s", line[i][1], line[i][1], line[i][1]);
        const struct holding got = holding_read(put(text), NULL, 2);
        OK(strcmp(got.rows, rows) == 0, "%s %s", got.rows, got.err.text);
    }
    static const char *const bad[][2] = {{"{\"h\":[1,2],\"h\":[1,2]}", "no JSON object"},
        {"{\"h\":[1,2],\"\\u0068\":[1,2]}", "no JSON object"}, {"{\"h\":[1,2}", "no JSON object"},
        {"{\"h\":[1,02]}", "no JSON object"}, {"{\"h\":[1,2]]}", "no JSON object"},
        {"{\"h\":[1,2]} x", "no JSON object"}, {"[\"h\":[1,2]]", "no JSON object"},
        {"{\"h\":[1,1e999]}", "no JSON object"}, {"{\"h\":[1,\"2\"]}", "no number"},
        {"{\"h\":[1,[2]]}", "no number"}, {"{\"h\":[1,2,]}", "no JSON object"},
        {"{\"h\":[1]}", "has 1 features, not 2"}, {"{\"h\":[1,2,3]}", "has 3 features, not 2"},
        {"{\"x\":{\"h\":[1,2]}}", "has 0 features"}, {"{\"h\":[1,2],\"x\":\"\xff\"}", "no JSON"},
        {"{\"x\":\"\\\",\"h\":[1,2]}", "no JSON object"}, {"{\"h\":\"h\",\"h\":[1,2]}", "no JSON"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"h\":[1,2]}\n%s\n", bad[i][0]);
        OK(holding_refused(put(text), bad[i][1]), "refused: %s", bad[i][0]);
    }
}

static void check_refused(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "is empty"}, {"{", "cut short"}, {"{\"h\":[1]}", "cut short"},
        {"{\"h\":[1]}\n{", "cut short"}, {"{]\n", "line 1 of 'a.jsonl' is no JSON object"},
        {"{\"h\":[1]}\n[1]\n", "line 2 of 'a.jsonl' is no JSON object"},
        {"{\"h\":[1]}\n\n", "line 2 of 'a.jsonl' is no JSON object"},
        {"{\"a\":[1],\"b\":[2]}\n", "does not tell"}, {"{\"a\":1}\n", "does not tell"},
        {"{\"h\":[]}\n", "no features"}, {"{\"h\":[1]}\n{\"h\":[1,2]}\n", "has 2 features, not 1"},
        {"{\"h\":[1]}\n{\"g\":[1]}\n", "has 0 features"}, {"{\"h\":[\"1\"]}\n", "no number"},
        {"{\"h\":[1],\"h\":[1]}\n", "no JSON object"},
        {"{\"h\":[1],\"label\":1.5}\n", "'label' that is no whole number"},
        {"{\"h\":[1],\"id\":null}\n", "'id' that is no whole number"},
        {"{\"h\":[1],\"name\":1}\n", "no string"},
        {"{\"h\":[1]}\n{\"h\":[1],\"label\":1}\n", "has a 'label', other than the first"},
        {"{\"h\":[1],\"id\":1}\n{\"h\":[1]}\n", "has no 'id', other than the first"},
        {"{\"h\":[1],\"name\":\"\"}\n{\"h\":[1]}\n", "has no name"},
        {"{\"h\":[1]}\n{\"h\":[1],\"name\":\"\"}\n", "has a name"},
        {"{\"h.x\":[1]}\n", "cannot be the name"}, {"{\"h\":[1],\"name\":\"\xff\"}\n", "no JSON"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(holding_refused(put(bad[i].text), bad[i].why), "refused: %s", bad[i].why);
}

/* Lines that do not fit the first piece that is read. */
static void check_long(void)
{
    enum { NUMBERS = 100000 };
    char *const text = malloc(2 * NUMBERS + 100), *to = text;
    to += sprintf(to, "{\"h\":[");
    for (int i = 0; i < NUMBERS; i++)
        to += sprintf(to, "%s%d", i > 0 ? "," : "", i % 10);
    sprintf(to, "]}\n");
    struct err err = {0};
    struct import import;
    struct record record = {0};
    struct channel *const channel = channel_open(put(text), &err);
    OK(import_open(&import, IMPORT_JSONL, NULL, channel, NULL, 10, &err) == 0 &&
            import_next(&import, &record, &err) == 1 && record.rows == 1 &&
            ((float *)record.field[0].data)[NUMBERS - 1] == 9 &&
            import_next(&import, &record, &err) == 0,
        "a long line");
    import_close(&import);
    channel_abandon(channel);
    free(text);
}

int main(void)
{
    char root[] = "/tmp/jsonl.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    check_forms();
    check_numbers();
    check_refused();
    check_long();
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
