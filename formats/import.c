/* import -- one loop over readers of rows.
 * SPDX-License-Identifier: MIT */
#include "formats/import.h"

#include "formats/npyhead.h"
#include "formats/zip.h"

#include <string.h>

enum { RECORD = 1 << 28 }; /* bytes a record may have, unless one row has more */

enum import_form import_form(const void *bytes, size_t size)
{
    static const unsigned char frame[4] = {0x28, 0xb5, 0x2f, 0xfd};
    const char *const text = bytes;
    size_t blank = 0;
    if (size >= sizeof frame && memcmp(bytes, frame, sizeof frame) == 0)
        return IMPORT_STREAM;
    if (npyhead_is(bytes, size))
        return IMPORT_NPY;
    if (zip_is(bytes, size))
        return IMPORT_NPZ;
    while (blank < size && (text[blank] == ' ' || text[blank] == '\t'))
        blank++;
    return blank < size && text[blank] == '{' ? IMPORT_JSONL : IMPORT_CSV;
}

static int open_form(struct import *out, const char *path, struct channel *channel,
    const char *column, struct err *err)
{
    switch (out->form) {
    case IMPORT_NPY:
        return arrays_open_npy(&out->arrays, path, channel, column, err);
    case IMPORT_NPZ:
        return arrays_open_npz(&out->arrays, path, channel, column, err);
    case IMPORT_JSONL:
        return jsonl_open(&out->jsonl, &out->rows, channel, column, err);
    default:
        return csv_open(&out->csv, &out->rows, channel, err);
    }
}

static bool of_arrays(const struct import *import)
{
    return import->form == IMPORT_NPY || import->form == IMPORT_NPZ;
}

/* Bytes that a row takes in memory, at most, names in texts aside. */
static size_t row_bytes(const struct import *import)
{
    size_t bytes = 8;
    for (int i = 0; i < import->header->columns; i++)
        bytes += import->header->column[i].row_bytes;
    for (int i = 0; i < import->arrays.arrays; i++)
        bytes += import->arrays.array[i].row * import->arrays.array[i].unit;
    return bytes;
}

int import_open(struct import *out, enum import_form form, const char *path,
    struct channel *channel, const char *column, int batch, struct err *err)
{
    *out = (struct import){.form = form, .arrays.fd = -1};
    if (open_form(out, path, channel, column, err) < 0)
        return -1;
    const char *const name = form == IMPORT_JSONL ? out->jsonl.key : column != NULL ? column : "h";
    out->header =
        of_arrays(out) ? arrays_header(&out->arrays, err) : rows_header(&out->rows, name, err);
    out->left_out = of_arrays(out) ? out->arrays.left_out : out->csv.left_out;
    if (out->header == NULL) {
        import_close(out);
        return -1;
    }
    const size_t most = RECORD / row_bytes(out);
    out->batch = most < (size_t)batch ? (int)most + (most == 0) : batch;
    return 0;
}

int import_next(struct import *import, struct record *out, struct err *err)
{
    int got = 1;
    if (of_arrays(import))
        return arrays_next(&import->arrays, import->batch, import->step++, out, err);
    rows_clear(&import->rows);
    while (import->rows.count < import->batch && got == 1)
        got = import->form == IMPORT_JSONL ? jsonl_next(&import->jsonl, &import->rows, err)
                                           : csv_next(&import->csv, &import->rows, err);
    if (got < 0 || import->rows.count == 0)
        return got;
    rows_record(&import->rows, import->step++, out);
    return 1;
}

void import_close(struct import *import)
{
    header_free(import->header);
    arrays_close(&import->arrays);
    csv_close(&import->csv);
    jsonl_close(&import->jsonl);
    rows_free(&import->rows);
    *import = (struct import){.arrays.fd = -1};
}
