/* stream -- headers, records and ENDs: round trips, and every prefix and every flipped byte.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* ---- streams in memory, through a file without a name -----------------------------------------
 */

struct bytes {
    char *data;
    size_t size;
};

static int memory_file(void)
{
    char name[] = "/tmp/simclr-unit-XXXXXX";
    const int fd = mkstemp(name);
    unlink(name);
    return fd;
}

static struct channel *channel_to(int fd)
{
    char path[32];
    struct err err = {0};
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    return channel_create(path, &err);
}

static struct channel *channel_from(int fd, const void *data, size_t size)
{
    char path[32];
    struct err err = {0};
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return NULL;
    lseek(fd, 0, SEEK_SET);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    return channel_open(path, &err);
}

static struct bytes contents(int fd)
{
    struct bytes all = {.size = (size_t)lseek(fd, 0, SEEK_END)};
    all.data = malloc(all.size + 1);
    if (pread(fd, all.data, all.size, 0) != (ssize_t)all.size)
        all.size = 0;
    return all;
}

static struct header *make_header(struct err *err)
{
    const int pixels[] = {2, 3, 3};
    const struct plan plan = {
        .batch = 3, .views = 2, .epochs = 2, .steps = 4, .steps_per_epoch = 2, .seed = -7};
    struct header *h = header_new("images", err);
    json_t *dataset = json_pack("{s:i, s:[s,s]}", "images", 6, "class_names", "cat", "dog");
    json_t *arguments = json_pack("{s:f}", "learning-rate", 0.3);
    header_add(h, "name", DTYPE_U8, -1, NULL, err);
    header_add(h, "pixels", DTYPE_U8, 3, pixels, err);
    header_add(h, "id", DTYPE_I64, 0, NULL, err);
    header_add(h, "h", DTYPE_F32, 1, pixels + 1, err);
    header_set_plan(h, &plan, err);
    header_set(h, "dataset", dataset, err);
    header_provenance(h, "simclr-images", 7, arguments, NULL, err);
    header_provenance(h, "simclr-encode", 7, arguments, "abcdef", err);
    json_decref(dataset);
    json_decref(arguments);
    return h;
}

/* Three names of odd lengths, so that what follows them is not aligned by chance. */
static void fill(struct record *record, int64_t step, int part, int parts)
{
    static struct field field[4];
    static int64_t offsets[] = {0, 4, 4, 9}, id[3];
    static unsigned char pixels[3 * 18];
    static float h[9];
    for (int i = 0; i < 3; i++)
        id[i] = 3 * step + i;
    for (int i = 0; i < 54; i++)
        pixels[i] = (unsigned char)(i * 5 + step);
    for (int i = 0; i < 9; i++)
        h[i] = (float)(i - step) * 0.25f;
    field[0] = (struct field){.data = "ab\ncdefgh", .offsets = offsets};
    field[1] = (struct field){.data = pixels};
    field[2] = (struct field){.data = id};
    field[3] = (struct field){.data = h};
    *record = (struct record){.step = step,
        .epoch = step / 2,
        .part = part,
        .parts = parts,
        .rows = 3,
        .field = field,
        .fields = 4};
}

static struct bytes make_stream(int level)
{
    struct err err = {0};
    const int fd = memory_file();
    struct channel *out = channel_to(fd);
    struct header *h = make_header(&err);
    struct writer *w = writer_new(out, level, h, &err);
    for (int64_t step = 0; step < 4; step++) {
        for (int part = 0; part < 2; part++) {
            struct record record;
            fill(&record, step, part, 2);
            writer_record(w, &record, &err);
        }
    }
    writer_end(w, &err);
    writer_free(w);
    header_free(h);
    channel_finish(out, &err);
    struct bytes all = contents(fd);
    close(fd);
    if (err.status != ERR_NONE)
        printf("# %s\n", err.text);
    return all;
}

/* Read all of it; the status, and the digest of all tensors. */
static enum err_status read_all(
    int fd, const void *data, size_t size, char digest[65], bool *cut, struct err *err)
{
    struct channel *in = channel_from(fd, data, size);
    struct reader *reader = reader_new(in, (size_t)1 << 20, err);
    const struct header *header;
    struct record record = {0};
    struct sha256 hash;
    struct tensor tensor[64];
    sha256_init(&hash);
    while (reader_header(reader, &header, err) == 1)
        while (reader_record(reader, &record, err) == 1)
            safetensors_hash(&hash, record_tensors(header, &record, tensor), tensor);
    sha256_final(&hash, digest);
    if (cut != NULL)
        *cut = reader_cut(reader);
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
    return err->status;
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void test_round_trip(const struct bytes *stream)
{
    struct err err = {0};
    const int fd = memory_file();
    struct channel *in = channel_from(fd, stream->data, stream->size);
    struct reader *reader = reader_new(in, STREAM_RECORD, &err);
    const struct header *h;
    struct record record = {0}, want;
    OK(reader_header(reader, &h, &err) == 1, "a header is read %s", err.text);
    OK(strcmp(h->kind, "images") == 0 && h->columns == 4, "kind and columns");
    OK(header_need(h, "pixels", DTYPE_U8, 3, "x", &err) == 1, "pixels are where they were");
    OK(header_need(h, "name", DTYPE_U8, -1, "x", &err) == 0, "names are ragged");
    OK(h->plan.steps == 4 && h->plan.seed == -7 && h->plan.views == 2, "the plan came through");
    json_t *run = header_get(h, "run");
    OK(json_array_size(run) == 2 && json_object_get(json_array_get(run, 1), "weights") != NULL,
        "provenance has two entries");
    json_decref(run);
    int good = 0, got;
    while ((got = reader_record(reader, &record, &err)) == 1) {
        fill(&want, record.step, record.part, record.parts);
        bool same = record.rows == 3 && record.epoch == record.step / 2;
        for (int i = 0; i < 4; i++) {
            same &= (uintptr_t)record.field[i].data % 8 == 0;
            for (int row = 0; row < 3; row++) {
                const void *a, *b;
                const size_t n = record_row(h, &record, i, row, &a);
                same &= n == record_row(h, &want, i, row, &b) && memcmp(a, b, n) == 0;
            }
        }
        good += same;
    }
    OK(got == 0 && good == 8, "eight records are as they were written, and aligned: %d", good);
    OK(reader_header(reader, &h, &err) == 0 && !reader_cut(reader), "nothing follows");
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
    close(fd);
}

static void test_damage(const struct bytes *stream)
{
    struct err err = {0};
    char digest[65], other[65];
    const int fd = memory_file();
    size_t wrong = 0, uncut = 0, changed = 0, refused = 0;
    read_all(fd, stream->data, stream->size, digest, NULL, &err);
    OK(err.status == ERR_NONE, "the whole stream of %zu bytes is good", stream->size);
    for (size_t size = 0; size < stream->size; size++) {
        bool cut;
        err = (struct err){0};
        wrong += read_all(fd, stream->data, size, other, &cut, &err) != ERR_INPUT;
        uncut += !cut;
    }
    OK(wrong == 0, "every proper prefix is refused");
    OK(uncut == 0, "and known as cut");
    for (size_t i = 0; i < stream->size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            err = (struct err){0};
            stream->data[i] ^= (char)(1 << bit);
            const enum err_status status =
                read_all(fd, stream->data, stream->size, other, NULL, &err);
            stream->data[i] ^= (char)(1 << bit);
            refused += status == ERR_INPUT;
            changed += status != ERR_INPUT && (status != ERR_NONE || strcmp(digest, other) != 0);
        }
    }
    OK(changed == 0 && refused > 7 * stream->size,
        "every flipped bit is refused (%zu) or changes nothing (%zu)", refused,
        8 * stream->size - refused);
    close(fd);
}

static void test_same_bytes(const struct bytes *stream)
{
    struct bytes again = make_stream(STREAM_LEVEL), packed = make_stream(19);
    struct err err = {0};
    char a[65], b[65];
    const int fd = memory_file();
    OK(again.size == stream->size && memcmp(again.data, stream->data, again.size) == 0,
        "the same records give the same bytes");
    read_all(fd, stream->data, stream->size, a, NULL, &err);
    read_all(fd, packed.data, packed.size, b, NULL, &err);
    OK(err.status == ERR_NONE && packed.size != stream->size && strcmp(a, b) == 0,
        "the digest does not depend on the level");
    free(again.data);
    free(packed.data);
    close(fd);
}

int main(void)
{
    struct bytes stream = make_stream(STREAM_LEVEL);
    test_round_trip(&stream);
    test_damage(&stream);
    test_same_bytes(&stream);
    free(stream.data);
    return tap_done();
}
