/* arraysout -- spool, then header and numbers.
 * SPDX-License-Identifier: MIT */
#include "formats/arraysout.h"

#include "formats/bytes.h"
#include "formats/codepoint.h"
#include "formats/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CHUNK = 1 << 20 };

/* NULL: NumPy has no such type. */
static const char *type_of(enum dtype dtype)
{
    static const char *const types[DTYPE_COUNT] = {[DTYPE_BOOL] = "|b1",
        [DTYPE_U8] = "|u1",
        [DTYPE_I8] = "|i1",
        [DTYPE_U16] = "<u2",
        [DTYPE_I16] = "<i2",
        [DTYPE_F16] = "<f2",
        [DTYPE_U32] = "<u4",
        [DTYPE_I32] = "<i4",
        [DTYPE_F32] = "<f4",
        [DTYPE_U64] = "<u8",
        [DTYPE_I64] = "<i8",
        [DTYPE_F64] = "<f8"};
    return types[dtype];
}

/* CRC-32 of the bytes behind others; zlib counts them in 32 bits. */
static unsigned long sum(unsigned long crc, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    while (size > 0) {
        const uInt piece = size < CHUNK ? (uInt)size : CHUNK;
        crc = crc32(crc, from, piece);
        from += piece;
        size -= piece;
    }
    return crc;
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* Kept as its length and its bytes until the widest of all is known. */
static int keep_text(struct arraysout_array *a, const void *text, size_t size, struct err *err)
{
    const unsigned char *const from = text;
    const uint64_t length = size;
    uint32_t codepoint;
    size_t characters = 0;
    if (size > 0 && from[size - 1] == '\0')
        return err_set(err, ERR_INPUT, "the %s of row %lld ends in a zero byte", a->name,
            (long long)a->head.shape[0]);
    for (size_t i = 0; i < size; characters++)
        i += (size_t)codepoint_take(&codepoint, from + i, size - i);
    a->widest = characters > a->widest ? characters : a->widest;
    if (spool_add(&a->spool, &length, sizeof length, err) < 0)
        return -1;
    return spool_add(&a->spool, text, size, err);
}

/* Append a text in four bytes a character, zeros behind it. */
static int widen(
    struct bytes *out, const unsigned char *text, size_t size, size_t widest, struct err *err)
{
    unsigned char *to = bytes_room(out, 4 * widest, err);
    if (to == NULL)
        return -1;
    memset(to, 0, 4 * widest);
    for (size_t i = 0; i < size; to += 4) {
        uint32_t codepoint;
        i += (size_t)codepoint_take(&codepoint, text + i, size - i);
        for (int k = 0; k < 4; k++)
            to[k] = (unsigned char)(codepoint >> 8 * k);
    }
    out->size += 4 * widest;
    return 0;
}

/* The texts as NumPy has them, in a spool of their own that takes the place of the first. */
static int finish_texts(struct arraysout_array *a, struct err *err)
{
    struct spool wide = {0};
    struct bytes text = {0}, out = {0};
    int64_t at = 0;
    uint64_t length = 0;
    a->widest = a->widest > 0 ? a->widest : 1; /* numpy has no texts of no characters */
    int failed = spool_open(&wide, err);
    for (int64_t row = 0; row < a->head.shape[0] && !failed; row++) {
        text.size = 0;
        failed = bytes_read_at(&text, a->spool.fd, at, sizeof length, "a temporary file", err);
        if (failed)
            break;
        memcpy(&length, text.data, sizeof length);
        failed = bytes_read_at(&text, a->spool.fd, at + (int64_t)sizeof length, (size_t)length,
            "a temporary file", err);
        at += (int64_t)(sizeof length + length);
        if (!failed)
            failed = widen(&out, text.data + sizeof length, (size_t)length, a->widest, err);
        if (!failed && (out.size >= CHUNK || row + 1 == a->head.shape[0])) {
            a->crc = sum(a->crc, out.data, out.size);
            failed = spool_add(&wide, out.data, out.size, err);
            out.size = 0;
        }
    }
    bytes_free(&text);
    bytes_free(&out);
    spool_close(&a->spool);
    a->spool = wide;
    a->text = false;
    snprintf(a->head.type, sizeof a->head.type, "<U%zu", a->widest);
    return failed;
}

/* ---- columns -------------------------------------------------------------------------------- */

/* A column that can be an array; 0 also when it cannot, which is counted. */
static int add_column(struct arraysout *out, const struct column *c, struct err *err)
{
    const bool text = c->ragged && strcmp(c->name, "name") == 0;
    if (c->varies || (c->ragged && !text) || type_of(c->dtype) == NULL) {
        out->left_out++;
        return 0;
    }
    struct arraysout_array *const a = &out->array[out->arrays++];
    *a = (struct arraysout_array){.text = text};
    strncpy(a->name, c->name, sizeof a->name - 1);
    strcpy(a->head.type, type_of(c->dtype));
    a->head.rank = 1 + c->rank;
    for (int i = 0; i < c->rank; i++)
        a->head.shape[1 + i] = c->shape[i];
    return spool_open(&a->spool, err);
}

static int add_classes(struct arraysout *out, const struct header *header, struct err *err)
{
    json_t *const dataset = header_get(header, "dataset");
    const json_t *const names = json_object_get(dataset, "class_names");
    int failed = 0;
    if (json_array_size(names) > 0 && header_find(header, "class_names") < 0) {
        struct arraysout_array *const a = &out->array[out->arrays++];
        *a = (struct arraysout_array){.name = "class_names", .text = true, .head = {.rank = 1}};
        failed = spool_open(&a->spool, err);
        for (size_t i = 0; i < json_array_size(names) && !failed; i++, a->head.shape[0]++) {
            const json_t *const name = json_array_get(names, i);
            failed = keep_text(a, json_string_value(name), json_string_length(name), err);
        }
    }
    json_decref(dataset);
    return failed;
}

int arraysout_open(
    struct arraysout *out, const struct header *header, int column, bool all, struct err *err)
{
    static const char *const beside[] = {"label", "id", "name"};
    *out = (struct arraysout){.array = calloc((size_t)header->columns + 5, sizeof *out->array)};
    int failed = out->array == NULL ? err_memory(err, "arrays")
                                    : add_column(out, &header->column[column], err);
    for (int i = 0; i < header->columns && all && !failed; i++)
        if (i != column)
            failed = add_column(out, &header->column[i], err);
    if (all && !failed)
        failed = add_classes(out, header, err);
    for (int i = 0; i < 3 && !all && !failed; i++) {
        const int found = header_find(header, beside[i]);
        if (found >= 0 && found != column)
            failed = add_column(out, &header->column[found], err);
    }
    if (!all)
        out->left_out = header->columns - out->arrays;
    if (failed)
        arraysout_close(out);
    return failed;
}

int arraysout_record(struct arraysout *out, const struct header *header,
    const struct record *record, struct err *err)
{
    for (int k = 0; k < out->arrays; k++) {
        struct arraysout_array *const a = &out->array[k];
        const int column = header_find(header, a->name);
        if (column < 0) /* names of classes */
            continue;
        for (int row = 0; row < record->rows && a->text; row++, a->head.shape[0]++) {
            const void *text;
            const size_t size = record_row(header, record, column, row, &text);
            if (keep_text(a, text, size, err) < 0)
                return -1;
        }
        if (a->text)
            continue;
        const size_t size = (size_t)record->rows * header->column[column].row_bytes;
        a->crc = sum(a->crc, record->field[column].data, size);
        a->head.shape[0] += record->rows;
        if (spool_add(&a->spool, record->field[column].data, size, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------- */

static int send(const struct arraysout_array *a, const char *head, size_t size,
    struct channel *channel, struct err *err)
{
    struct bytes piece = {0};
    int failed = channel_write(channel, head, size, err);
    for (int64_t at = 0; at < a->spool.size && !failed;) {
        const int64_t left = a->spool.size - at;
        piece.size = 0;
        failed = bytes_read_at(
            &piece, a->spool.fd, at, left < CHUNK ? (size_t)left : CHUNK, "a temporary file", err);
        if (!failed)
            failed = channel_write(channel, piece.data, piece.size, err);
        at += (int64_t)piece.size;
    }
    bytes_free(&piece);
    return failed;
}

int arraysout_npy(struct arraysout *out, int i, struct channel *channel, struct err *err)
{
    struct arraysout_array *const a = &out->array[i];
    char head[NPYHEAD_SIZE];
    if (a->text && finish_texts(a, err) < 0)
        return -1;
    return send(a, head, npyhead_write(head, &a->head), channel, err);
}

int arraysout_npz(struct arraysout *out, struct channel *channel, struct err *err)
{
    struct zip_writer zip = {.channel = channel};
    char head[NPYHEAD_SIZE], name[sizeof out->array->name + 4];
    int failed = 0;
    for (int i = 0; i < out->arrays && !failed; i++) {
        struct arraysout_array *const a = &out->array[i];
        failed = a->text ? finish_texts(a, err) : 0;
        const size_t size = npyhead_write(head, &a->head);
        const unsigned long crc = crc32_combine(sum(0, head, size), a->crc, (z_off_t)a->spool.size);
        snprintf(name, sizeof name, "%s.npy", a->name);
        if (!failed)
            failed = zip_add(&zip, name, (uint32_t)crc, (int64_t)size + a->spool.size, err);
        if (!failed)
            failed = send(a, head, size, channel, err);
    }
    if (!failed)
        return zip_finish(&zip, err);
    bytes_free(&zip.directory);
    return -1;
}

void arraysout_close(struct arraysout *out)
{
    for (int i = 0; i < out->arrays; i++)
        spool_close(&out->array[i].spool);
    free(out->array);
    *out = (struct arraysout){0};
}
