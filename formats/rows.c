/* rows -- columns that grow row by row.
 * SPDX-License-Identifier: MIT */
#include "formats/rows.h"

#include <stdlib.h>
#include <string.h>

struct header *rows_header(const struct rows *rows, const char *column, struct err *err)
{
    struct header *const header = header_new("features", err);
    if (header == NULL)
        return NULL;
    header_add(header, column, DTYPE_F32, 1, &rows->width, err);
    header_add(header, "id", DTYPE_I64, 0, NULL, err);
    if (rows->labels)
        header_add(header, "label", DTYPE_I64, 0, NULL, err);
    if (rows->views)
        header_add(header, "view", DTYPE_I64, 0, NULL, err);
    if (rows->names)
        header_add(header, "name", DTYPE_U8, -1, NULL, err);
    if (err->status == ERR_NONE)
        return header;
    header_free(header);
    return NULL;
}

static int append(struct bytes *to, const void *from, size_t size, struct err *err)
{
    unsigned char *const room = bytes_room(to, size, err);
    if (room == NULL)
        return -1;
    if (size > 0)
        memcpy(room, from, size);
    to->size += size;
    return 0;
}

float *rows_add(struct rows *rows, int64_t id, int64_t label, int64_t view, const char *name,
    size_t length, struct err *err)
{
    const size_t size = (size_t)rows->width * sizeof(float);
    const int64_t zero = 0;
    if (append(&rows->id, &id, sizeof id, err) < 0 ||
        append(&rows->label, &label, sizeof label, err) < 0 ||
        append(&rows->view, &view, sizeof view, err) < 0)
        return NULL;
    if (rows->offsets.size == 0 && append(&rows->offsets, &zero, sizeof zero, err) < 0)
        return NULL;
    if (rows->names && append(&rows->name, name, length, err) < 0)
        return NULL;
    const int64_t end = (int64_t)rows->name.size;
    if (append(&rows->offsets, &end, sizeof end, err) < 0)
        return NULL;
    unsigned char *const room = bytes_room(&rows->value, size, err);
    if (room == NULL)
        return NULL;
    rows->value.size += size;
    rows->count++;
    return (float *)(void *)room;
}

void rows_record(struct rows *rows, int64_t step, struct record *out)
{
    int n = 0;
    rows->field[n++].data = rows->value.data;
    rows->field[n++].data = rows->id.data;
    if (rows->labels)
        rows->field[n++].data = rows->label.data;
    if (rows->views)
        rows->field[n++].data = rows->view.data;
    if (rows->names)
        rows->field[n++] = (struct field){
            .data = rows->name.data, .offsets = (int64_t *)(void *)rows->offsets.data};
    *out = (struct record){
        .step = step, .parts = 1, .rows = rows->count, .field = rows->field, .fields = n};
}

void rows_clear(struct rows *rows)
{
    rows->count = 0;
    rows->value.size = rows->id.size = rows->label.size = rows->view.size = 0;
    rows->name.size = rows->offsets.size = 0;
    memset(rows->field, 0, sizeof rows->field);
}

void rows_free(struct rows *rows)
{
    bytes_free(&rows->value);
    bytes_free(&rows->id);
    bytes_free(&rows->label);
    bytes_free(&rows->view);
    bytes_free(&rows->name);
    bytes_free(&rows->offsets);
    *rows = (struct rows){0};
}
