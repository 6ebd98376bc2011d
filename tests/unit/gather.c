/* gather -- the same step whole and in parts, there and back.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/gather.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 24, P = 5, STEPS = 3 };

static float number(int64_t step, int row, int column)
{
    return (float)(step * 1000 + row * 10 + column);
}

static struct channel *through(int fd, bool writing)
{
    char path[32];
    struct err err = {0};
    lseek(fd, 0, SEEK_SET);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    return writing ? channel_create(path, &err) : channel_open(path, &err);
}

static int write_stream(int parts, bool with_view, struct err *err)
{
    char name[] = "/tmp/simclr-unit-XXXXXX";
    const int fd = mkstemp(name), width = P;
    float z[ROWS * P];
    int64_t id[ROWS], view[ROWS], label[ROWS];
    unlink(name);
    struct channel *const out = through(fd, true);
    struct header *const header = header_new("projections", err);
    header_add(header, "id", DTYPE_I64, 0, NULL, err);
    if (with_view)
        header_add(header, "view", DTYPE_I64, 0, NULL, err);
    header_add(header, "z", DTYPE_F32, 1, &width, err);
    header_add(header, "label", DTYPE_I64, 0, NULL, err);
    struct writer *const writer = writer_new(out, STREAM_LEVEL, header, err);
    for (int64_t step = 0; step < STEPS; step++)
        for (int part = 0; part < parts; part++) {
            const int first = ROWS * part / parts, last = ROWS * (part + 1) / parts;
            for (int row = first; row < last; row++) {
                id[row - first] = step * 100 + row % (ROWS / 2);
                view[row - first] = row / (ROWS / 2);
                label[row - first] = row % 5 - 1;
                for (int j = 0; j < P; j++)
                    z[(row - first) * P + j] = number(step, row, j);
            }
            struct field field[4] = {{.data = id}, {.data = with_view ? (void *)view : z},
                {.data = with_view ? (void *)z : label}, {.data = label}};
            const struct record record = {.step = step,
                .epoch = step / 2,
                .part = part,
                .parts = parts,
                .rows = last - first,
                .field = field,
                .fields = with_view ? 4 : 3};
            writer_record(writer, &record, err);
        }
    writer_end(writer, err);
    writer_free(writer);
    header_free(header);
    channel_finish(out, err);
    return fd;
}

static void check_step(const struct gather *g, int64_t step, int parts, bool with_view)
{
    int wrong = 0;
    OK(g->step == step && g->epoch == step / 2, "step %d of %d parts", (int)step, parts);
    OK(g->rows == ROWS && g->parts == parts && g->end[parts - 1] == ROWS, "all of its rows");
    for (int row = 0; row < ROWS; row++) {
        wrong += g->id[row] != step * 100 + row % (ROWS / 2);
        wrong += with_view && g->view[row] != row / (ROWS / 2);
        wrong += g->labels && g->label[row] != row % 5 - 1;
        for (int j = 0; j < P; j++)
            wrong += g->z[row * P + j] != number(step, row, j);
    }
    OK(wrong == 0, "every number in its place");
}

/* Read, and send z back as its own gradient. */
static int there(int fd, int parts, bool with_view, struct err *err)
{
    char name[] = "/tmp/simclr-unit-XXXXXX";
    const int back = mkstemp(name), width = P;
    struct gather g = {.labels = with_view};
    const struct header *header;
    unlink(name);
    struct channel *const in = through(fd, false), *const out = through(back, true);
    struct reader *const reader = reader_new(in, STREAM_RECORD, err);
    struct header *const gradients = header_new("gradients", err);
    header_add(gradients, "grad", DTYPE_F32, 1, &width, err);
    struct writer *const writer = writer_new(out, STREAM_LEVEL, gradients, err);
    OK(reader_header(reader, &header, err) == 1 && gather_columns(&g, header, "test", err) == 0,
        "columns are there %s", err->text);
    OK((g.view_column >= 0) == with_view && g.p == P, "view is there or not");
    int64_t steps = 0;
    while (gather_step(&g, reader, err) == 1) {
        check_step(&g, steps++, parts, with_view);
        memcpy(g.grad, g.z, sizeof(float) * ROWS * P);
        gather_send(&g, writer, err);
    }
    OK(steps == STEPS && err->status == ERR_NONE, "all steps %s", err->text);
    writer_end(writer, err);
    writer_free(writer);
    reader_free(reader);
    header_free(gradients);
    channel_finish(in, err);
    channel_finish(out, err);
    gather_free(&g);
    return back;
}

static void and_back(int fd, int parts, struct err *err)
{
    struct record record = {0};
    const struct header *header;
    struct channel *const in = through(fd, false);
    struct reader *const reader = reader_new(in, STREAM_RECORD, err);
    int wrong = reader_header(reader, &header, err) != 1, rows = 0;
    while (wrong == 0 && reader_record(reader, &record, err) == 1) {
        wrong += record.parts != parts || record.epoch != record.step / 2;
        rows = record.part == 0 ? 0 : rows;
        for (int i = 0; i < record.rows; i++, rows++)
            for (int j = 0; j < P; j++)
                wrong += ((float *)record.field[0].data)[i * P + j] != number(record.step, rows, j);
    }
    OK(wrong == 0 && rows == ROWS && err->status == ERR_NONE, "%d parts came back %s", parts,
        err->text);
    record_free(&record);
    reader_free(reader);
    channel_finish(in, err);
}

static void refusals(void)
{
    struct err err = {0};
    struct gather g = {0};
    struct header *const header = header_new("projections", &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    OK(gather_columns(&g, header, "x", &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    const int width = P;
    header_add(header, "z", DTYPE_F32, 1, &width, &(struct err){0});
    g.labels = true;
    err = (struct err){0};
    OK(gather_columns(&g, header, "x", &err) < 0 && strstr(err.text, "label") != NULL, "%s",
        err.text);
    err = (struct err){0};
    header_add(header, "h", DTYPE_F32, 1, &width, &err);
    OK(gather_labelled(&g, header, "h", "x", &err) < 0 && strstr(err.text, "label") != NULL, "%s",
        err.text);
    err = (struct err){0};
    header_add(header, "label", DTYPE_I64, 0, NULL, &err);
    OK(gather_labelled(&g, header, "h", "x", &err) == 0 && g.p == P && g.id_column == -1 &&
            g.label_column == 3,
        "rows and labels are there %s", err.text);
    OK(gather_labelled(&g, header, "y", "x", &err) < 0, "%s", err.text);
    header_free(header);
}

int main(void)
{
    static const int parts[] = {1, 2, 3, 5, 24};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct err err = {0};
        const int fd = write_stream(parts[i], i % 2 == 0, &err);
        const int back = there(fd, parts[i], i % 2 == 0, &err);
        and_back(back, parts[i], &err);
        close(fd);
        close(back);
    }
    refusals();
    return tap_done();
}
