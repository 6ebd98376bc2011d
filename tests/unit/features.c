/* features -- streams become matrices, or are refused with a reason; draws within classes.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lib/eval/features.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/features-XXXXXX";
static char path[64];

/* What a stream of the test has. */
struct plot {
    const char *column;
    enum dtype dtype;
    int rank; /* of the column: [2], [1,2], or -1 ragged */
    bool ids, labels;
    int rows, records, copies;
    int64_t label; /* of the last row; others are row % 3 */
    int64_t first; /* id */
    float last;    /* value of the last feature */
    const char *names;
};

static const struct plot plain = {"h", DTYPE_F32, 1, true, true, 5, 3, 1, 1, 0, 0, NULL};

static void write_stream(struct channel *out, const struct plot *p, struct err *err)
{
    const int shape[] = {p->rank == 1 ? 2 : 1, 2};
    struct header *const header = header_new("features", err);
    header_add(header, p->column, p->dtype, p->rank, shape, err);
    if (p->ids)
        header_add(header, "id", DTYPE_I64, 0, NULL, err);
    if (p->labels)
        header_add(header, "label", DTYPE_I64, 0, NULL, err);
    if (p->names != NULL) {
        json_t *const dataset = json_pack("{s:o}", "class_names", json_loads(p->names, 0, NULL));
        header_set(header, "dataset", dataset, err);
        json_decref(dataset);
    }
    struct writer *const writer = writer_new(out, 1, header, err);
    for (int r = 0; r < p->records; r++) {
        float value[64];
        unsigned char byte[64];
        int64_t id[32], label[32], offsets[33];
        for (int i = 0; i < p->rows; i++) {
            const int n = r * p->rows + i;
            value[2 * i] = (float)n;
            value[2 * i + 1] = 0.5F;
            byte[2 * i] = (unsigned char)n;
            byte[2 * i + 1] = 255;
            id[i] = p->first + n;
            label[i] = n % 3;
            offsets[i] = 2 * i;
        }
        offsets[p->rows] = 2 * p->rows;
        if (r == p->records - 1) {
            value[2 * p->rows - 1] += p->last;
            label[p->rows - 1] = p->label;
        }
        struct field field[3] = {{.data = p->dtype == DTYPE_F32 ? (void *)value : byte,
            .offsets = p->rank < 0 ? offsets : NULL}};
        int fields = 1;
        if (p->ids)
            field[fields++].data = id;
        if (p->labels)
            field[fields++].data = label;
        const struct record record = {
            .step = r, .parts = 1, .rows = p->rows, .field = field, .fields = fields};
        writer_record(writer, &record, err);
    }
    writer_end(writer, err);
    writer_free(writer);
    header_free(header);
}

/* Read the stream back; on success the caller frees f. */
static int read_back(
    struct features *f, const struct plot *p, const char *name, bool training, struct err *err)
{
    struct channel *const out = channel_create(path, err);
    for (int i = 0; i < p->copies; i++)
        write_stream(out, p, err);
    channel_finish(out, err);
    if (err->status != ERR_NONE)
        printf("Bail out! %s\n", err->text), exit(1);
    struct channel *const in = channel_open(path, err);
    *f = (struct features){0};
    const int status =
        features_open(f, in, name, err) < 0 || features_read(f, training, err) < 0 ? -1 : 0;
    if (status < 0)
        features_free(f);
    channel_abandon(in);
    f->source = "test"; /* the channel had the name */
    return status;
}

static void refuse(const char *what, const struct plot *p, const char *name, enum err_status status)
{
    struct features f;
    struct err err = {0};
    const int got = read_back(&f, p, name, true, &err);
    OK(got == -1 && err.status == status, "%s: %s", what, err.text);
    if (got == 0)
        features_free(&f);
}

static void test_reading(void)
{
    struct features f;
    struct err err = {0};
    struct plot p = plain;
    p.names = "[\"a\",\"b\",\"c\"]";
    OK(read_back(&f, &p, NULL, true, &err) == 0 && f.rows == 15 && f.width == 2 && f.ids &&
            f.value[2 * 14] == 14 && f.value[29] == 0.5F && f.id[14] == 14 && f.label[13] == 1,
        "three records become a matrix");
    OK(strcmp(f.column, "h") == 0 && json_array_size(f.names) == 3 && f.unlabelled == 0,
        "the column and the class names");
    features_free(&f);
    p = plain;
    p.dtype = DTYPE_U8;
    p.column = "pixels";
    p.rank = 2;
    p.label = -1;
    float row[4];
    const float shift[] = {1, 0.5F}, scale[] = {2, 4};
    const int which[] = {0, 9, 7};
    OK(read_back(&f, &p, NULL, true, &err) == 0 && f.rows == 14 && f.unlabelled == 1 &&
            f.value == NULL && f.byte[2 * 13] == 13,
        "pixels stay bytes; a row without a label is counted and left out");
    features_block(row, &f, which, 1, 2, NULL, NULL);
    OK(row[0] == 9 * (1.0F / 255) && row[1] == 255 * (1.0F / 255) && row[2] == 7 * (1.0F / 255),
        "a byte stands for byte/255");
    features_block(row, &f, NULL, 13, 1, shift, scale);
    OK(row[1] == (255 * (1.0F / 255) - 0.5F) * 4, "shifted and scaled");
    features_free(&f);
    p = plain;
    p.ids = false;
    p.copies = 2;
    OK(read_back(&f, &p, NULL, true, &err) == 0 && f.rows == 30 && f.id[29] == 29 && !f.ids,
        "without ids streams may be concatenated, and rows are counted");
    features_free(&f);
    p = plain;
    p.copies = 2;
    OK(read_back(&f, &p, NULL, false, &err) == 0 && f.rows == 30, "a test set may repeat ids");
    OK(features_match(&f, 2, NULL, "other", &err) == 0, "widths match");
    OK(features_match(&f, 3, NULL, "other", &err) == -1 && err.status == ERR_INPUT &&
            strstr(err.text, "3") != NULL && strstr(err.text, "2") != NULL,
        "another width: %s", err.text);
    features_free(&f);
}

static void test_names(void)
{
    struct features f;
    struct err err = {0};
    struct plot p = plain;
    p.names = "[\"ant\",\"bee\",\"cat\"]";
    json_t *const same = json_pack("[s,s]", "ant", "bee"), *const other =
                                                               json_pack("[s,s]", "ant", "cat");
    read_back(&f, &p, NULL, true, &err);
    OK(features_match(&f, 2, same, "x", &err) == 0, "fewer class names, the same ones");
    OK(features_match(&f, 2, other, "x", &err) == -1, "other class names: %s", err.text);
    json_decref(same);
    json_decref(other);
    features_free(&f);
}

static void test_refusals(void)
{
    struct plot p = plain;
    p.copies = 2;
    refuse("ids that repeat", &p, NULL, ERR_INPUT);
    p = plain;
    refuse("no such column", &p, "z", ERR_INPUT);
    p.column = "grad";
    refuse("none of the usual columns", &p, NULL, ERR_INPUT);
    p = plain;
    p.rank = -1;
    p.dtype = DTYPE_U8;
    p.column = "bytes";
    refuse("a ragged column", &p, "bytes", ERR_INPUT);
    p = plain;
    refuse("a column of another type", &p, "id", ERR_INPUT);
    p.labels = false;
    refuse("no labels", &p, NULL, ERR_INPUT);
    p = plain;
    p.rows = p.records = 1;
    p.label = -1;
    refuse("none labelled", &p, NULL, ERR_INPUT);
    p = plain;
    p.label = -2;
    refuse("a label of -2", &p, NULL, ERR_INPUT);
    p.label = 100000;
    refuse("a label of 100000", &p, NULL, ERR_INPUT);
    p.label = (int64_t)1 << 32;
    refuse("a label of 2^32", &p, NULL, ERR_INPUT);
    p = plain;
    p.last = NAN;
    refuse("not a number", &p, NULL, ERR_FAILED);
    p.last = -INFINITY;
    refuse("infinite", &p, NULL, ERR_FAILED);
}

static void test_draws(void)
{
    struct features f = {.source = "draws", .rows = 1000, .width = 1};
    struct err err = {0};
    int rank[1000], again[1000], count[3] = {0};
    f.value = malloc(1000 * sizeof *f.value);
    f.label = malloc(1000 * sizeof *f.label);
    f.id = malloc(1000 * sizeof *f.id);
    for (int i = 0; i < 1000; i++) {
        f.value[i] = (float)i;
        f.id[i] = 7 * i;
        f.label[i] = i < 2 ? 2 : i % 2;
    }
    features_rank(rank, &f, 1, "a", &err);
    bool seen[3][500] = {{false}}, permutation = true, differs = false;
    for (int i = 0; i < 1000; i++) {
        bool *const mine = &seen[f.label[i]][rank[i] % 500];
        permutation &= rank[i] >= 0 && rank[i] < 500 && !*mine;
        *mine = true;
    }
    OK(permutation, "ranks are a permutation of each class");
    features_rank(again, &f, 2, "a", &err);
    differs = memcmp(rank, again, sizeof rank) != 0;
    features_rank(again, &f, 1, "a", &err);
    OK(differs && memcmp(rank, again, sizeof rank) == 0, "the seed decides, and nothing else");
    OK(features_count(&f) == 3, "three labels");
    OK(features_thin(&f, 0.1, 5, &err) == 0 && f.rows == 101,
        "a tenth of each class, at least one");
    bool ordered = true;
    for (int i = 0; i < f.rows; i++) {
        count[f.label[i]]++;
        ordered &= f.id[i] == 7 * (int64_t)f.value[i] && (i == 0 || f.id[i] > f.id[i - 1]);
    }
    OK(count[0] == 50 && count[1] == 50 && count[2] == 1 && ordered,
        "rows stay together and in order");
    int index[101], classes;
    int *const label = features_classes(&classes, index, &f, &err);
    OK(classes == 3 && label[2] == 2 && label[index[5]] == f.label[5], "classes, and places there");
    free(label);
    features_free(&f);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/s", folder);
    test_reading();
    test_names();
    test_refusals();
    test_draws();
    unlink(path);
    rmdir(folder);
    return tap_done();
}
