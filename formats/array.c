/* array -- from the types of NumPy to those of a stream.
 * SPDX-License-Identifier: MIT */
#include "formats/array.h"

#include "formats/codepoint.h"
#include "lib/base/shape.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROW = 1 << 28, TEXT = 1 << 20 };

static const char *const DAMAGED_TEXT = "'%s' has a text in '%s' that is no Unicode";

/* ---- types ---------------------------------------------------------------------------------- */

/* What the type of an array says; false: no column has it. */
static bool take_type(struct array *a)
{
    static const struct {
        const char *type;
        enum dtype dtype;
    } known[] = {{"|u1", DTYPE_U8}, {"|i1", DTYPE_I8}, {"|b1", DTYPE_BOOL}, {"<u2", DTYPE_U16},
        {"<i2", DTYPE_I16}, {"<u4", DTYPE_U32}, {"<i4", DTYPE_I32}, {"<u8", DTYPE_U64},
        {"<i8", DTYPE_I64}, {"<f2", DTYPE_F16}, {"<f4", DTYPE_F32}, {"<f8", DTYPE_F64}};
    const char *const type = a->head.type;
    a->text = strncmp(type, "<U", 2) == 0 || strncmp(type, "|S", 2) == 0;
    if (a->text) {
        const size_t digits = strspn(type + 2, "0123456789");
        const size_t length = digits > 0 && digits < 8 ? (size_t)atoi(type + 2) : 0;
        a->unit = type[1] == 'U' ? 4 * length : length;
        return type[2 + digits] == '\0' && a->unit > 0 && a->unit <= TEXT;
    }
    size_t i = 0;
    while (i < sizeof known / sizeof *known && strcmp(known[i].type, type) != 0)
        i++;
    if (i == sizeof known / sizeof *known)
        return false;
    a->from = a->to = known[i].dtype;
    a->unit = dtype_size(a->from);
    return true;
}

bool array_real(const struct array *a)
{
    return !a->text && (a->from == DTYPE_F16 || a->from == DTYPE_F32 || a->from == DTYPE_F64);
}

/* Half precision, IEEE 754. */
static float half(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = bits & 0x3ff;
    const uint32_t exponent = bits >> 10 & 31;
    uint32_t wide = exponent == 31 ? 0x7f800000 | rest << 13 : (exponent + 112) << 23 | rest << 13;
    float out;
    if (exponent == 0) { /* a multiple of 2^-24 */
        out = (float)rest * 0x1p-24F;
        memcpy(&wide, &out, sizeof wide);
    }
    wide |= sign;
    memcpy(&out, &wide, sizeof out);
    return out;
}

int array_open(struct array *out, const char *name, int fd, int64_t from, int64_t size,
    const char *source, struct err *err)
{
    *out = (struct array){.fd = fd};
    strncpy(out->name, name, sizeof out->name - 1);
    if (npyhead_read(&out->head, fd, from, size, source, err) < 0)
        return -1;
    if (!take_type(out))
        return 0;
    if (npyhead_check(&out->head, out->unit, from, size, source, err) < 0)
        return -1;
    const int rank = out->head.rank;
    out->row = rank < 1 ? 0 : shape_bytes(rank - 1, out->head.shape + 1, 1);
    out->row = out->row > ROW ? 0 : out->row;
    return 0;
}

void array_close(struct array *array)
{
    if (array->own)
        close(array->fd);
    bytes_free(&array->raw);
    bytes_free(&array->data);
    bytes_free(&array->offsets);
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* A text as numpy keeps it, zeros behind it, appended as UTF-8. */
static int take_text(const struct array *a, const unsigned char *from, struct bytes *out,
    const char *source, struct err *err)
{
    size_t size = a->unit;
    const bool wide = a->head.type[1] == 'U';
    unsigned char *to = bytes_room(out, a->unit, err);
    if (to == NULL)
        return -1;
    while (size > 0 && from[size - 1] == 0)
        size--;
    for (size_t i = 0; wide && i < size; i += 4) {
        const int length = codepoint_put(to, (uint32_t)npyhead_integer(from + i, 4, false));
        if (length == 0)
            return err_set(err, ERR_INPUT, DAMAGED_TEXT, source, a->name);
        to += length;
    }
    if (!wide) {
        memcpy(to, from, size);
        to += size;
    }
    out->size = (size_t)(to - out->data);
    return 0;
}

static int read_rows(
    struct array *a, int64_t first, int64_t rows, const char *source, struct err *err)
{
    const size_t size = a->row * a->unit;
    a->raw.size = 0;
    return bytes_read_at(
        &a->raw, a->fd, a->head.at + first * (int64_t)size, (size_t)rows * size, source, err);
}

/* Numbers of the file as those of the column. */
static int convert(struct array *a, size_t numbers, struct err *err)
{
    const unsigned char *const from = a->raw.data;
    a->data.size = 0;
    void *const room = bytes_room(&a->data, numbers * dtype_size(a->to), err);
    const bool with_sign = a->head.type[1] == 'i';
    if (room == NULL)
        return -1;
    for (size_t i = 0; i < numbers; i++) {
        double wide;
        uint16_t narrow;
        if (a->to == DTYPE_I64) {
            ((int64_t *)room)[i] = npyhead_integer(from + i * a->unit, (int)a->unit, with_sign);
        } else if (a->from == DTYPE_F64) {
            memcpy(&wide, from + i * sizeof wide, sizeof wide);
            ((float *)room)[i] = (float)wide;
        } else {
            memcpy(&narrow, from + i * sizeof narrow, sizeof narrow);
            ((float *)room)[i] = half(narrow);
        }
    }
    return 0;
}

static int convert_texts(struct array *a, int rows, const char *source, struct err *err)
{
    a->data.size = a->offsets.size = 0;
    int64_t *const offset =
        (int64_t *)(void *)bytes_room(&a->offsets, ((size_t)rows + 1) * sizeof *offset, err);
    if (offset == NULL)
        return -1;
    offset[0] = 0;
    for (int i = 0; i < rows; i++) {
        if (take_text(a, a->raw.data + (size_t)i * a->unit, &a->data, source, err) < 0)
            return -1;
        offset[i + 1] = (int64_t)a->data.size;
    }
    return 0;
}

int array_read(struct field *out, struct array *a, int64_t first, int rows, const char *source,
    struct err *err)
{
    const bool same = !a->text && a->from == a->to;
    int failed = read_rows(a, first, rows, source, err);
    if (!failed && a->text)
        failed = convert_texts(a, rows, source, err);
    else if (!failed && !same)
        failed = convert(a, (size_t)rows * a->row, err);
    *out = (struct field){.data = same ? a->raw.data : a->data.data,
        .offsets = a->text ? (int64_t *)(void *)a->offsets.data : NULL};
    return failed;
}

json_t *array_strings(struct array *a, const char *source, struct err *err)
{
    json_t *const out = json_array();
    struct field field;
    const int rows = (int)a->head.shape[0];
    int failed = out == NULL ? err_memory(err, "texts") : 0;
    if (!failed)
        failed = array_read(&field, a, 0, rows, source, err);
    for (int i = 0; i < rows && !failed; i++)
        if (json_array_append_new(out, json_stringn((const char *)field.data + field.offsets[i],
                                           (size_t)(field.offsets[i + 1] - field.offsets[i]))) < 0)
            failed = err_set(err, ERR_INPUT, DAMAGED_TEXT, source, a->name);
    if (!failed)
        return out;
    json_decref(out);
    return NULL;
}
