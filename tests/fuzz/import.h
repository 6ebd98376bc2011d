/* import.h -- any bytes as features of a form: refused, or rows that hold together.
 * SPDX-License-Identifier: MIT */
#ifndef FUZZ_IMPORT_H
#define FUZZ_IMPORT_H

#include "formats/import.h"
#include "tests/fuzz/file.h"

/* Offsets rise, and the first and last byte of every column can be read. */
static inline int import_touch(const struct header *header, const struct record *record)
{
    int sum = 0;
    require(record->rows > 0 && record->fields == header->columns);
    for (int i = 0; i < header->columns; i++)
        for (int row = 0; row < record->rows; row++) {
            const void *data;
            const size_t size = record_row(header, record, i, row, &data);
            require(size < (size_t)1 << 31);
            if (size > 0)
                sum += ((const char *)data)[0] + ((const char *)data)[size - 1];
        }
    return sum;
}

static inline void import_any(enum import_form form, const uint8_t *data, size_t size)
{
    static FILE *file;
    static volatile int sum;
    char path[32];
    struct import import;
    struct record record = {0};
    struct err err = {0};
    int got;
    file_fill(&file, path, data, size);
    struct channel *const channel = channel_open(path, &err);
    if (import_open(&import, form, NULL, channel, NULL, 7, &err) < 0) {
        require(err.status == ERR_INPUT);
    } else {
        while ((got = import_next(&import, &record, &err)) == 1)
            sum += import_touch(import.header, &record);
        require((got == 0) == (err.status == ERR_NONE) && (got == 0 || err.status == ERR_INPUT));
        import_close(&import);
    }
    channel_abandon(channel);
}

#endif
