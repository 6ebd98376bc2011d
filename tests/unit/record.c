/* record -- rows and tensors of a record, and choosing among its rows.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "tests/unit/tap.h"

#include <string.h>

static int64_t offsets[] = {0, 3, 3, 5}, id[] = {10, 11, 12};
static float h[] = {0, 1, 2, 3, 4, 5};
static struct field fields[] = {{.data = "abcde", .offsets = offsets}, {.data = id}, {.data = h}};
static const struct record record = {
    .step = 7, .epoch = 2, .part = 1, .parts = 3, .rows = 3, .field = fields, .fields = 3};

static struct header *make_header(bool more)
{
    struct err err = {0};
    const int two[] = {2}, four[] = {4};
    struct header *header = header_new("features", &err);
    if (more)
        header_add(header, "z", DTYPE_F32, 1, four, &err);
    header_add(header, "name", DTYPE_U8, -1, NULL, &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    header_add(header, "h", DTYPE_F32, 1, more ? four : two, &err);
    return header;
}

/* A column whose rows have the extents of the record. */
static void test_varying(void)
{
    struct err err = {0};
    const int open[] = {STREAM_VARIES, 2};
    static unsigned char pixels[] = "aabbccddeeff";
    struct header *header = header_new("views", &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    header_add(header, "pixels", DTYPE_U8, 2, open, &err);
    struct field field[] = {{.data = id}, {.data = pixels, .shape = {2, 2}}};
    const struct record in = {.parts = 1, .rows = 3, .field = field, .fields = 2};
    struct tensor tensor[4];
    const void *data;
    OK(record_row_bytes(header, &in, 0) == 8 && record_row_bytes(header, &in, 1) == 4 &&
            record_shape(header, &in, 1)[0] == 2,
        "extents and bytes of this record");
    OK(record_row(header, &in, 1, 2, &data) == 4 && data == pixels + 8, "a row");
    OK(record_tensors(header, &in, tensor) == 2 && tensor[1].rank == 3 && tensor[1].shape[1] == 2 &&
            tensor[1].shape[2] == 2 && tensor[1].bytes == 12,
        "a tensor");
    static const int order[] = {2, 0};
    struct record out = {0};
    OK(record_select(&out, header, &in, header, order, 2, &err) == 0 &&
            out.field[1].shape[0] == 2 && memcmp(out.field[1].data, "eeffaabb", 8) == 0,
        "chosen rows");
    field[1].shape[0] = 1;
    OK(record_select(&out, header, &in, header, order, 2, &err) == 0 &&
            out.field[1].shape[0] == 1 && memcmp(out.field[1].data, "ccaa", 4) == 0,
        "of another record of other extents");
    record_free(&out);
    header_free(header);
}

int main(void)
{
    struct err err = {0};
    struct header *from = make_header(false), *to = make_header(true);
    struct tensor tensor[8];
    const void *data;

    OK(record_row(from, &record, 0, 0, &data) == 3 && memcmp(data, "abc", 3) == 0, "a ragged row");
    OK(record_row(from, &record, 0, 1, &data) == 0, "an empty one");
    OK(record_row(from, &record, 2, 2, &data) == 8 && data == h + 4, "a row of floats");
    OK(record_tensors(from, &record, tensor) == 4, "a ragged column is two tensors");
    OK(tensor[0].bytes == 5 && tensor[0].shape[0] == 5 && tensor[1].bytes == 32 &&
            strcmp(tensor[1].name, "name.offsets") == 0 && tensor[2].rank == 1 &&
            tensor[3].rank == 2 && tensor[3].shape[1] == 2 && tensor[3].bytes == 24,
        "with their shapes");

    static const int order[] = {2, 0, 2, 1};
    struct record out = {0};
    OK(record_select(&out, to, &record, from, order, 4, &err) == 0 && out.rows == 4, "selected");
    OK(out.step == 7 && out.epoch == 2 && out.part == 1 && out.parts == 3, "of the same part");
    OK(out.field[0].data == NULL && out.field[3].data == NULL,
        "columns that are new, or of another shape, are left to the caller");
    const int64_t want[] = {12, 10, 12, 11}, want_offsets[] = {0, 2, 5, 7, 7};
    OK(memcmp(out.field[2].data, want, sizeof want) == 0, "numbers in the order asked for");
    OK(memcmp(out.field[1].offsets, want_offsets, sizeof want_offsets) == 0 &&
            memcmp(out.field[1].data, "deabcde", 7) == 0,
        "ragged rows too");
    int aligned = 0;
    for (int i = 1; i < 3; i++)
        aligned +=
            (uintptr_t)out.field[i].data % 8 == 0 && (uintptr_t)out.field[i].offsets % 8 == 0;
    OK(aligned == 2, "aligned");
    const void *const buffer = out.buffer;
    OK(record_select(&out, from, &record, from, NULL, 2, &err) == 0 && out.buffer == buffer,
        "a smaller choice takes the same memory");
    OK(memcmp(out.field[2].data, h, 16) == 0 && out.field[0].offsets[2] == 3, "the first rows");
    OK(record_select(&out, from, &record, from, order, 0, &err) == 0 && out.rows == 0 &&
            out.field[0].offsets[0] == 0,
        "no rows");
    record_free(&out);
    OK(out.buffer == NULL && out.field == NULL, "freed");
    header_free(from);
    header_free(to);
    test_varying();
    return tap_done();
}
