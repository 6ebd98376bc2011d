/* record -- rows of columns in one buffer: looking at them, and choosing among them.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "lib/base/shape.h"

#include <stdlib.h>
#include <string.h>

void record_free(struct record *record)
{
    free(record->field);
    free(record->buffer);
    *record = (struct record){0};
}

int record_reserve(struct record *record, int fields, size_t capacity, struct err *err)
{
    if (fields > record->fields) {
        struct field *const more = realloc(record->field, (size_t)fields * sizeof *more);
        if (more == NULL)
            return err_memory(err, "a record");
        record->field = more;
        record->fields = fields;
    }
    if (capacity > record->capacity) {
        void *const more = realloc(record->buffer, capacity);
        if (more == NULL)
            return err_memory(err, "a record");
        record->buffer = more;
        record->capacity = capacity;
    }
    return 0;
}

const int *record_shape(const struct header *header, const struct record *record, int column)
{
    const struct column *const c = &header->column[column];
    return c->varies ? record->field[column].shape : c->shape;
}

size_t record_row_bytes(const struct header *header, const struct record *record, int column)
{
    const struct column *const c = &header->column[column];
    if (!c->varies)
        return c->row_bytes;
    size_t bytes = dtype_size(c->dtype);
    for (int i = 0; i < c->rank; i++) {
        const int extent = record->field[column].shape[i];
        bytes = extent < 0 ? SIZE_MAX : shape_times(bytes, (size_t)extent);
    }
    return bytes;
}

size_t record_row(const struct header *header, const struct record *record, int column, int row,
    const void **data)
{
    const struct field *const f = &record->field[column];
    if (f->offsets == NULL) {
        const size_t bytes = record_row_bytes(header, record, column);
        *data = (const char *)f->data + (size_t)row * bytes;
        return bytes;
    }
    *data = (const char *)f->data + f->offsets[row];
    return (size_t)(f->offsets[row + 1] - f->offsets[row]);
}

int record_tensors(const struct header *header, const struct record *record, struct tensor *out)
{
    int count = 0;
    for (int i = 0; i < header->columns; i++) {
        const struct column *const c = &header->column[i];
        const struct field *const f = &record->field[i];
        struct tensor *t = &out[count++];
        *t = (struct tensor){
            .name = c->name, .dtype = c->dtype, .rank = c->rank + 1, .data = f->data};
        t->shape[0] = c->ragged ? f->offsets[record->rows] : record->rows;
        for (int d = 0; d < c->rank; d++)
            t->shape[d + 1] = record_shape(header, record, i)[d];
        t->bytes = (size_t)t->shape[0];
        if (!c->ragged)
            t->bytes = shape_times(record_row_bytes(header, record, i), (size_t)record->rows);
        if (!c->ragged)
            continue;
        t = &out[count++];
        *t = (struct tensor){
            .name = c->offsets_name, .dtype = DTYPE_I64, .rank = 1, .data = f->offsets};
        t->shape[0] = (int64_t)record->rows + 1;
        t->bytes = (size_t)t->shape[0] * sizeof *f->offsets;
    }
    return count;
}

/* ---- selection --------------------------------------------------------------------------------
 */

/* The column of `from` that column i of `to` is, or -1. */
static int match(const struct header *to, int i, const struct header *from)
{
    const int j = header_find(from, to->column[i].name);
    return j >= 0 && header_same_column(&to->column[i], &from->column[j]) ? j : -1;
}

static size_t aligned(size_t size)
{
    return shape_plus(size, 7) == SIZE_MAX ? SIZE_MAX : (size + 7) / 8 * 8;
}

/* Bytes of the chosen rows, without their offsets. */
static size_t selected(
    const struct header *from, const struct record *in, int column, const int *row, int rows)
{
    const void *data;
    if (!from->column[column].ragged)
        return shape_times(record_row_bytes(from, in, column), (size_t)rows);
    size_t bytes = 0;
    for (int i = 0; i < rows; i++)
        bytes = shape_plus(bytes, record_row(from, in, column, row ? row[i] : i, &data));
    return bytes;
}

static void copy_rows(struct field *out, const struct header *from, const struct record *in,
    int column, const int *row, int rows)
{
    char *to = out->data;
    if (out->offsets != NULL)
        out->offsets[0] = 0;
    for (int i = 0; i < rows; i++) {
        const void *data;
        const size_t bytes = record_row(from, in, column, row ? row[i] : i, &data);
        if (bytes > 0)
            memcpy(to, data, bytes);
        to += bytes;
        if (out->offsets != NULL)
            out->offsets[i + 1] = to - (char *)out->data;
    }
}

int record_select(struct record *out, const struct header *to, const struct record *in,
    const struct header *from, const int *row, int rows, struct err *err)
{
    size_t total = 0;
    for (int i = 0; i < to->columns; i++) {
        const int j = match(to, i, from);
        if (j < 0)
            continue;
        total = shape_plus(total, aligned(selected(from, in, j, row, rows)));
        if (to->column[i].ragged)
            total = shape_plus(total, ((size_t)rows + 1) * sizeof(int64_t));
    }
    if (record_reserve(out, to->columns, total, err) < 0)
        return -1;
    out->step = in->step;
    out->epoch = in->epoch;
    out->part = in->part;
    out->parts = in->parts;
    out->rows = rows;
    char *next = out->buffer;
    for (int i = 0; i < to->columns; i++) {
        const int j = match(to, i, from);
        out->field[i] = (struct field){0};
        if (j < 0)
            continue;
        if (to->column[i].varies)
            memcpy(out->field[i].shape, in->field[j].shape, sizeof in->field[j].shape);
        if (to->column[i].ragged) {
            out->field[i].offsets = (int64_t *)next;
            next += ((size_t)rows + 1) * sizeof(int64_t);
        }
        out->field[i].data = next;
        next += aligned(selected(from, in, j, row, rows));
        copy_rows(&out->field[i], from, in, j, row, rows);
    }
    return 0;
}
