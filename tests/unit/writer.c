/* writer -- the same bytes for the same content, whatever was written before, and no bad stream.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "tests/unit/tap.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 40000 };

static int64_t ids[ROWS];
static int fd;

static struct writer *start(struct channel **out, const struct header *h, int level)
{
    struct err err = {0};
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    *out = channel_create(path, &err);
    return writer_new(*out, level, h, &err);
}

static int send_rows(struct writer *w, int64_t step, int part, int parts, int rows, struct err *err)
{
    struct field field = {.data = ids};
    const struct record record = {
        .step = step, .part = part, .parts = parts, .rows = rows, .field = &field, .fields = 1};
    return writer_record(w, &record, err);
}

/* The bytes of the record of step 5, behind another of `rows` rows, or behind none. */
static char *frame_after(const struct header *h, int rows, int level, size_t *size)
{
    struct err err = {0};
    struct channel *out;
    struct writer *w = start(&out, h, level);
    if (rows > 0)
        send_rows(w, 0, 0, 1, rows, &err);
    const off_t from = lseek(fd, 0, SEEK_CUR);
    send_rows(w, 5, 0, 1, ROWS / 2, &err);
    *size = (size_t)(lseek(fd, 0, SEEK_CUR) - from);
    char *bytes = malloc(*size);
    if (pread(fd, bytes, *size, from) != (ssize_t)*size)
        *size = 0;
    writer_free(w);
    channel_abandon(out);
    return bytes;
}

static void test_same_bytes(const struct header *h)
{
    for (int level = -5; level <= 19; level += 8) {
        size_t a_size, b_size, c_size;
        char *a = frame_after(h, 0, level, &a_size), *b = frame_after(h, 1, level, &b_size);
        char *c = frame_after(h, ROWS, level, &c_size);
        OK(a_size > 0 && a_size == b_size && a_size == c_size && memcmp(a, b, a_size) == 0 &&
                memcmp(a, c, a_size) == 0,
            "level %d: what was written before does not matter (%zu bytes)", level, a_size);
        free(a);
        free(b);
        free(c);
    }
}

/* The extents of a column that varies are those of the record, and must be there. */
static void test_varying(void)
{
    struct err err = {0};
    struct channel *out;
    static unsigned char pixels[2 * 5 * 4 * 3];
    const int open[] = {STREAM_VARIES, STREAM_VARIES, 3};
    struct header *h = header_new("views", &err);
    header_add(h, "pixels", DTYPE_U8, 3, open, &err);
    struct writer *w = start(&out, h, 1);
    struct field field = {.data = pixels, .shape = {5, 4, 3}};
    struct record record = {.parts = 1, .rows = 2, .field = &field, .fields = 1};
    OK(writer_record(w, &record, &err) == 0, "a record of one shape %s", err.text);
    record.step = 1;
    field.shape[0] = 2;
    OK(writer_record(w, &record, &err) == 0, "and one of another %s", err.text);
    static const int wrong[][3] = {{0, 4, 3}, {5, -1, 3}, {5, 4, 4}, {INT_MAX, INT_MAX, 3}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct err){0};
        record.step = 2 + (int64_t)i;
        memcpy(field.shape, wrong[i], sizeof wrong[i]);
        OK(writer_record(w, &record, &err) == -1 && err.status == ERR_FAILED, "[%d,%d,%d]: %s",
            wrong[i][0], wrong[i][1], wrong[i][2], err.text);
    }
    writer_free(w);
    channel_abandon(out);
    header_free(h);
}

static void test_refusals(const struct header *h)
{
    struct err err = {0};
    struct channel *out;
    struct writer *w = start(&out, h, 1);
    OK(send_rows(w, 0, 0, 2, 3, &err) == 0, "a part of two");
    OK(writer_end(w, &err) == -1 && err.status == ERR_FAILED, "%s", err.text);
    err = (struct err){0};
    OK(send_rows(w, 1, 0, 1, 3, &err) == -1 && err.status == ERR_FAILED, "%s", err.text);
    err = (struct err){0};
    OK(send_rows(w, 0, 1, 2, 0, &err) == -1 && err.status == ERR_FAILED, "%s", err.text);
    err = (struct err){0};
    OK(send_rows(w, 0, 1, 2, 3, &err) == 0 && writer_end(w, &err) == 0, "with the second it ends");
    OK(send_rows(w, 2, 0, 1, 3, &err) == -1, "%s", err.text);
    writer_free(w);
    writer_free(NULL);
    channel_abandon(out);

    err = (struct err){0};
    out = channel_create("/dev/full", &err);
    w = writer_new(out, 1, h, &err);
    OK(w == NULL && err.status == ERR_FAILED, "%s", err.text);
    channel_abandon(out);
}

int main(void)
{
    struct err err = {0};
    char name[] = "/tmp/simclr-unit-XXXXXX";
    fd = mkstemp(name);
    unlink(name);
    for (int i = 0; i < ROWS; i++)
        ids[i] = i * 7919LL % 104729;
    struct header *h = header_new("features", &err);
    header_add(h, "id", DTYPE_I64, 0, NULL, &err);
    test_same_bytes(h);
    test_refusals(h);
    test_varying();
    header_free(h);
    close(fd);
    return tap_done();
}
