/* collection -- rows and the names they go by, a record at a time or all of them.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lib/eval/collection.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 3 };

static char folder[] = "/tmp/collection-XXXXXX";
static char path[64];

static const char *const names[2 * ROWS] = {
    "plain", "", "tab\there", "z\xC3\xBCrich", "\xff", "six"};

/* Two records of three rows of two numbers: row n is (n, 0.5), or bytes (n, 255). */
static void write_one(struct channel *out, enum dtype dtype, bool ids, bool named, int64_t first)
{
    struct err err = {0};
    const int shape[] = {2};
    struct header *const header = header_new("features", &err);
    header_add(header, "h", dtype, 1, shape, &err);
    if (ids)
        header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    if (named)
        header_add(header, "name", DTYPE_U8, -1, NULL, &err);
    struct writer *const writer = writer_new(out, 1, header, &err);
    for (int r = 0; r < 2; r++) {
        float value[2 * ROWS];
        unsigned char byte[2 * ROWS];
        char text[100];
        int64_t id[ROWS], offsets[ROWS + 1] = {0};
        for (int i = 0; i < ROWS; i++) {
            const int n = r * ROWS + i;
            value[2 * i] = (float)n;
            value[2 * i + 1] = 0.5F;
            byte[2 * i] = (unsigned char)n;
            byte[2 * i + 1] = 255;
            id[i] = first + n;
            memcpy(text + offsets[i], names[n], strlen(names[n]));
            offsets[i + 1] = offsets[i] + (int64_t)strlen(names[n]);
            if (n == 5)
                text[offsets[i] + 1] = '\0'; /* "s\0x" */
        }
        struct field field[3] = {{.data = dtype == DTYPE_F32 ? (void *)value : byte}};
        int fields = 1;
        if (ids)
            field[fields++].data = id;
        if (named)
            field[fields++] = (struct field){.data = text, .offsets = offsets};
        const struct record record = {
            .step = r, .parts = 1, .rows = ROWS, .field = field, .fields = fields};
        writer_record(writer, &record, &err);
    }
    writer_end(writer, &err);
    OK(err.status == ERR_NONE, "a stream is written%s", err.text);
    writer_free(writer);
    header_free(header);
}

static struct channel *stream(enum dtype dtype, bool ids, bool named, int copies)
{
    struct err err = {0};
    struct channel *const out = channel_create(path, &err);
    for (int i = 0; i < copies; i++)
        write_one(out, dtype, ids, named, 70);
    channel_finish(out, &err);
    return channel_open(path, &err);
}

static void test_names(void)
{
    static const char *const wanted[] = {"plain", "", "tab?here", "z\xC3\xBCrich", "?", "s?x"};
    const struct {
        bool ids, named;
        const char *last;
    } cases[] = {
        {true, true, "s?x"}, {true, false, "75"}, {false, true, "s?x"}, {false, false, "5"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct err err = {0};
        struct collection rows = {0};
        struct channel *const in = stream(DTYPE_F32, cases[c].ids, cases[c].named, 1);
        OK(collection_open(&rows, in, NULL, &err) == 0 && rows.width == 2 &&
                strcmp(rows.column, "h") == 0 && rows.rows == 0,
            "the header says what there will be");
        OK(collection_keep(&rows, &err) == 0 && rows.rows == 2 * ROWS, "all rows are read");
        OK(rows.ids == cases[c].ids && rows.id[5] == (cases[c].ids ? 75 : 5), "ids, or numbers");
        OK(strcmp(collection_name(&rows, 5), cases[c].last) == 0, "the last is called '%s'",
            cases[c].last);
        int same = 0;
        for (int i = 0; i < 2 * ROWS && cases[c].named; i++)
            same += strcmp(collection_name(&rows, i), wanted[i]) == 0;
        OK(same == (cases[c].named ? 2 * ROWS : 0), "names are clean");
        OK(collection_once(&rows, &err) == 0, "ids occur once");
        collection_free(&rows);
        channel_finish(in, &err);
    }
}

static void test_unit(enum dtype dtype)
{
    struct err err = {0};
    struct collection kept = {0}, passing = {0};
    struct channel *in = stream(dtype, true, false, 2);
    OK(collection_open(&kept, in, "h", &err) == 0 && collection_keep(&kept, &err) == 0 &&
            kept.rows == 4 * ROWS,
        "%s: two streams, one behind the other", dtype_name(dtype));
    double worst = 0;
    for (int i = 0; i < kept.rows; i++) {
        const double a = dtype == DTYPE_F32 ? i % 6 : (double)(float)(i % 6) / 255;
        const double b = dtype == DTYPE_F32 ? 0.5 : 1, length = sqrt(a * a + b * b);
        worst = fmax(worst, fabs((double)kept.unit[2 * i] - a / length));
        worst = fmax(worst, fabs((double)kept.unit[2 * i + 1] - b / length));
    }
    OK(worst < 1e-7, "rows have length 1: %.2g", worst);
    OK(collection_once(&kept, &err) < 0 && err.status == ERR_INPUT && strstr(err.text, "id 70 "),
        "an id that occurs twice is refused: %s", err.text);
    channel_finish(in, &err);
    err = (struct err){0};
    in = channel_open(path, &err);
    int rows, at = 0, same = 0;
    collection_open(&passing, in, NULL, &err);
    while ((rows = collection_next(&passing, &err)) > 0) {
        float one[2];
        for (int i = 0; i < rows; i++, at++) {
            collection_unit(one, &passing, i, 1);
            same += memcmp(one, kept.unit + 2 * at, sizeof one) == 0;
        }
    }
    OK(rows == 0 && at == kept.rows && same == at, "row by row as it passes by, the same: %d",
        same);
    OK(passing.unit == NULL && passing.rows == kept.rows, "and nothing of it is kept but names");
    collection_free(&kept);
    collection_free(&passing);
    channel_finish(in, &err);
}

static void test_refusals(void)
{
    struct err err = {0};
    struct collection rows = {0};
    struct channel *in = stream(DTYPE_F32, true, true, 1);
    OK(collection_open(&rows, in, "z", &err) < 0 && err.status == ERR_INPUT,
        "a column that is not there: %s", err.text);
    collection_free(&rows);
    channel_finish(in, &err);
    err = (struct err){0};
    OK(truncate(path, 300) == 0, "cut");
    in = channel_open(path, &err);
    OK((collection_open(&rows, in, NULL, &err) < 0 || collection_keep(&rows, &err) < 0) &&
            err.status == ERR_INPUT,
        "a stream that is cut short: %s", err.text);
    collection_free(&rows);
    channel_finish(in, &err);
    err = (struct err){0};
    struct channel *const out = channel_create(path, &err);
    struct header *const header = header_new("features", &err);
    const int shape[] = {2};
    header_add(header, "h", DTYPE_F32, 1, shape, &err);
    struct writer *const writer = writer_new(out, 1, header, &err);
    writer_end(writer, &err);
    writer_free(writer);
    header_free(header);
    channel_finish(out, &err);
    in = channel_open(path, &err);
    OK(collection_open(&rows, in, NULL, &err) == 0 && collection_keep(&rows, &err) < 0 &&
            err.status == ERR_INPUT && strstr(err.text, "has no rows") != NULL,
        "a stream without rows: %s", err.text);
    collection_free(&rows);
    channel_finish(in, &err);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        printf("Bail out! no folder\n"), exit(1);
    snprintf(path, sizeof path, "%s/stream", folder);
    test_names();
    test_unit(DTYPE_F32);
    test_unit(DTYPE_U8);
    test_refusals();
    unlink(path);
    rmdir(folder);
    return tap_done();
}
