/* points -- rows with names, labels and classes; what is missing, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/points.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 3 };

static char folder[] = "/tmp/points-XXXXXX";
static char path[64];

/* Two records of three rows of two numbers: row n is (n, 0.5), or bytes (n, 255). */
static void write_one(struct channel *out, enum dtype dtype, bool all, int64_t label, float poison)
{
    static const char *const names[2 * ROWS] = {"plain", "", "a\tb", "x", "y", "z"};
    struct err err = {0};
    const int shape[] = {2};
    struct header *const header = header_new("features", &err);
    header_add(header, "h", dtype, 1, shape, &err);
    if (all) {
        json_t *const dataset = json_pack("{s:[s,s]}", "class_names", "cat", "dog");
        header_add(header, "id", DTYPE_I64, 0, NULL, &err);
        header_add(header, "label", DTYPE_I64, 0, NULL, &err);
        header_add(header, "name", DTYPE_U8, -1, NULL, &err);
        header_set(header, "dataset", dataset, &err);
        json_decref(dataset);
    }
    struct writer *const writer = writer_new(out, 1, header, &err);
    for (int r = 0; r < 2; r++) {
        float value[2 * ROWS];
        unsigned char byte[2 * ROWS];
        char text[100];
        int64_t id[ROWS], labels[ROWS] = {0, 1, label}, offsets[ROWS + 1] = {0};
        for (int i = 0; i < ROWS; i++) {
            const int n = r * ROWS + i;
            value[2 * i] = n == 4 ? poison : (float)n;
            value[2 * i + 1] = 0.5F;
            byte[2 * i] = (unsigned char)n;
            byte[2 * i + 1] = 255;
            id[i] = 70 + n;
            memcpy(text + offsets[i], names[n], strlen(names[n]));
            offsets[i + 1] = offsets[i] + (int64_t)strlen(names[n]);
        }
        struct field field[4] = {{.data = dtype == DTYPE_F32 ? (void *)value : byte}, {.data = id},
            {.data = labels}, {.data = text, .offsets = offsets}};
        const struct record record = {
            .step = r, .parts = 1, .rows = ROWS, .field = field, .fields = all ? 4 : 1};
        writer_record(writer, &record, &err);
    }
    writer_end(writer, &err);
    if (err.status != ERR_NONE)
        OK(0, "a stream is written: %s", err.text);
    writer_free(writer);
    header_free(header);
}

static int visit(void *context, const struct header *header, const struct record *record, int row,
    struct err *err)
{
    int *const seen = context;
    (void)header;
    if (++*seen == 100)
        return err_set(err, ERR_INPUT, "enough of row %d of step %d", row, (int)record->step);
    return 0;
}

/* Reads what was written; `seen` counts visits. */
static int read_back(struct points *out, enum dtype dtype, bool all, int64_t label, float poison,
    int copies, int *seen, struct err *err)
{
    struct channel *const to = channel_create(path, err);
    for (int i = 0; i < copies; i++)
        write_one(to, dtype, all, label, poison);
    channel_finish(to, err);
    struct channel *const in = channel_open(path, err);
    *out = (struct points){0};
    const int status =
        points_open(out, in, NULL, err) < 0 || points_read(out, visit, seen, err) < 0;
    struct err ignored = {0};
    reader_free(out->reader);
    out->reader = NULL;
    channel_finish(in, &ignored);
    return status;
}

static int is_named(const struct points *p, int row, const char *name)
{
    size_t bytes;
    const char *const text = roster_name(&p->name, row, &bytes);
    return bytes == strlen(name) && memcmp(text, name, bytes) == 0;
}

int main(void)
{
    struct points p;
    struct err err = {0};
    int seen = 0;
    if (mkdtemp(folder) == NULL)
        printf("Bail out! no folder for temporary files\n");
    snprintf(path, sizeof path, "%s/s", folder);

    OK(read_back(&p, DTYPE_F32, true, -1, 4, 2, &seen, &err) == 0, "a concatenation is read %s",
        err.text);
    OK(p.rows == 12 && p.width == 2 && strcmp(p.column, "h") == 0 && seen == 12, "all rows");
    OK(p.value[0] == 0 && p.value[10] == 5 && p.value[11] == 0.5F && p.value[22] == 5,
        "features as they are");
    OK(p.id[0] == 70 && p.id[5] == 75 && p.id[6] == 70, "ids may repeat");
    OK(p.label[0] == 0 && p.label[1] == 1 && p.label[2] == -1, "labels, and none");
    OK(p.names && is_named(&p, 0, "plain") && is_named(&p, 1, "71") && is_named(&p, 2, "a\tb"),
        "names; the id for an empty one");
    OK(json_array_size(p.classes) == 2, "names of classes");
    points_free(&p);

    OK(read_back(&p, DTYPE_U8, false, 0, 0, 1, &seen, &err) == 0, "bare bytes are read");
    OK(!p.names && p.classes == NULL && p.id[3] == 3 && p.label[3] == -1 && is_named(&p, 3, "3"),
        "and counted");
    NEAR(p.value[6], 3.0F / 255, 1e-9, "a byte is byte/255");
    points_free(&p);

    OK(read_back(&p, DTYPE_F32, true, 0, NAN, 1, &seen, &err) && err.status == ERR_FAILED &&
            strstr(err.text, "not a number (step 1, row 1)") != NULL,
        "%s", err.text);
    points_free(&p);
    err = (struct err){0};
    OK(read_back(&p, DTYPE_F32, true, -2, 0, 1, &seen, &err) && err.status == ERR_INPUT, "%s",
        err.text);
    points_free(&p);
    err = (struct err){0};
    OK(read_back(&p, DTYPE_F32, true, 100000, 0, 1, &seen, &err) && err.status == ERR_INPUT, "%s",
        err.text);
    points_free(&p);
    err = (struct err){0};
    seen = 97;
    OK(read_back(&p, DTYPE_F32, true, 1, 0, 1, &seen, &err) && strstr(err.text, "row 2") != NULL,
        "a visitor may end it: %s", err.text);
    points_free(&p);

    unlink(path);
    rmdir(folder);
    return tap_done();
}
