/* textout -- the very bytes.
 * SPDX-License-Identifier: MIT */
#include "formats/textout.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static float h[4] = {0.1f, -1e-30f, 3, 16777216};
static int64_t id[2] = {5, 6}, label[2] = {-1, 2};
static char name[] = "a,\"\n\xc3\xa4";

struct setting {
    int labels, names, ids;
    int64_t offsets[3];
};

/* What comes out of two rows; "!" and the sentence of an error. */
static const char *text_of(enum textout_form form, const struct setting *s)
{
    static char out[sizeof((struct err *)0)->text + 1];
    struct err err = {0};
    struct textout text = {0};
    const int width = 2;
    struct field field[4] = {{.data = h}, {.data = id}};
    struct header *const header = header_new("features", &err);
    header_add(header, "h", DTYPE_F32, 1, &width, &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    int n = 2;
    if (s->labels) {
        header_add(header, "label", DTYPE_I64, 0, NULL, &err);
        field[n++].data = label;
    }
    if (s->names) {
        header_add(header, "name", DTYPE_U8, -1, NULL, &err);
        field[n++] = (struct field){.data = name, .offsets = (int64_t *)s->offsets};
    }
    const struct record record = {.parts = 1, .rows = 2, .field = field, .fields = n};
    char path[] = "/tmp/textout.XXXXXX";
    close(mkstemp(path));
    struct channel *const channel = channel_create(path, &err);
    if (textout_open(&text, form, s->ids, channel, header, 0, &err) == 0 &&
        textout_record(&text, header, 0, &record, &err) == 0)
        textout_finish(&text, &err);
    textout_close(&text);
    channel_finish(channel, &err);
    struct bytes file = load(path);
    snprintf(out, sizeof out, "%s%.*s", err.status == ERR_INPUT ? "!" : "", (int)file.size,
        (const char *)file.data);
    if (err.status == ERR_INPUT)
        snprintf(out, sizeof out, "!%s", err.text);
    bytes_free(&file);
    header_free(header);
    remove(path);
    return out;
}

static void is(enum textout_form form, struct setting s, const char *wanted, const char *what)
{
    const char *const got = text_of(form, &s);
    OK(strcmp(got, wanted) == 0, "%s", what);
    if (strcmp(got, wanted) != 0)
        printf("# %s\n", got);
}

int main(void)
{
    is(TEXTOUT_CSV, (struct setting){1, 1, 0, {0, 1, 6}},
        "filenames,embedding_0,embedding_1,labels\r\na,0.100000001,-1e-30,-1\r\n"
        "\",\"\"\n\xc3\xa4\",3,16777216,2\r\n",
        "CSV");
    is(TEXTOUT_CSV, (struct setting){0, 0, 1, {0, 0, 0}},
        "filenames,embedding_0,embedding_1,labels,id\r\n5,0.100000001,-1e-30,-1,5\r\n"
        "6,3,16777216,-1,6\r\n",
        "CSV without labels and names, with ids");
    is(TEXTOUT_JSONL, (struct setting){1, 1, 0, {0, 1, 6}},
        "{\"id\":5,\"label\":-1,\"name\":\"a\",\"h\":[0.100000001,-1e-30]}\n"
        "{\"id\":6,\"label\":2,\"name\":\",\\\"\\u000a\xc3\xa4\",\"h\":[3,16777216]}\n",
        "JSON lines");
    is(TEXTOUT_JSONL, (struct setting){0, 1, 0, {0, 5, 6}},
        "!the name of row 0 is no UTF-8, which JSON has to be", "half a character");
    is(TEXTOUT_CSV, (struct setting){0, 1, 0, {0, 1, 7}}, "!the name of row 1 has a zero byte",
        "a zero byte");
    return tap_done();
}
