/* holding.h -- files of given bytes in the current folder, and what a reader of features makes of them.
 * SPDX-License-Identifier: MIT */
#ifndef HOLDING_H
#define HOLDING_H

#include "formats/import.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *holding_put(const char *name, const void *bytes, size_t size)
{
    remove(name);
    FILE *const out = fopen(name, "wb");
    if (out == NULL || fwrite(bytes, 1, size, out) != size || fclose(out) != 0)
        printf("Bail out! cannot write %s\n", name);
    return name;
}

/* What was read of a file: its rows as one text, "id label view name: numbers;". */
struct holding {
    struct err err;
    int left_out;
    char columns[200], rows[4000];
};

static inline void holding_record(
    struct holding *out, const struct header *header, const struct record *record)
{
    const struct column *const c = header->column;
    for (int row = 0; row < record->rows; row++) {
        char *const text = out->rows;
        for (int i = 1; i < header->columns; i++)
            if (!c[i].ragged && c[i].dtype == DTYPE_I64)
                sprintf(text + strlen(text), "%lld ",
                    (long long)((const int64_t *)record->field[i].data)[row]);
        const void *name;
        const int named = header_find(header, "name");
        const size_t size = named < 0 ? 0 : record_row(header, record, named, row, &name);
        sprintf(text + strlen(text), "%.*s:", (int)size, named < 0 ? "" : (const char *)name);
        const size_t width = c->row_bytes / dtype_size(c->dtype), first = (size_t)row * width;
        for (size_t i = 0; i < width; i++)
            sprintf(text + strlen(text), " %.9g",
                c->dtype == DTYPE_F32 ? (double)((const float *)record->field[0].data)[first + i]
                                      : ((const uint8_t *)record->field[0].data)[first + i]);
        strcat(text, ";");
    }
}

/* Read a file whole, in records of `batch` rows. */
static inline struct holding holding_read(const char *path, const char *column, int batch)
{
    struct holding out = {0};
    struct import import;
    struct record record = {0};
    char first[16];
    int got;
    struct channel *const channel = channel_open(path, &out.err);
    const ssize_t size =
        channel == NULL ? -1 : channel_peek(channel, first, sizeof first, &out.err);
    if (size < 0 || import_open(&import, import_form(first, (size_t)size), path, channel, column,
                        batch, &out.err) < 0) {
        channel_abandon(channel);
        return out;
    }
    out.left_out = import.left_out;
    for (int i = 0; i < import.header->columns; i++) {
        strcat(out.columns, import.header->column[i].name);
        strcat(out.columns, " ");
    }
    while ((got = import_next(&import, &record, &out.err)) == 1)
        holding_record(&out, import.header, &record);
    import_close(&import);
    channel_abandon(channel);
    return out;
}

static inline int holding_refused(const char *path, const char *why)
{
    const struct holding got = holding_read(path, NULL, 10);
    const int good = got.err.status == ERR_INPUT && strstr(got.err.text, why) != NULL;
    if (!good)
        printf("# %d '%s' %s\n", got.err.status, got.err.text, got.rows);
    return good;
}

static inline int holding_is(
    const char *path, const char *column, int batch, const char *columns, const char *rows)
{
    const struct holding got = holding_read(path, column, batch);
    const int good = got.err.status == ERR_NONE && strcmp(got.columns, columns) == 0 &&
                     strcmp(got.rows, rows) == 0;
    if (!good)
        printf("# %d '%s' %s| %s\n", got.err.status, got.err.text, got.columns, got.rows);
    return good;
}

#endif
