/* textout -- numbers by printf, names by hand.
 * SPDX-License-Identifier: MIT */
#include "formats/textout.h"

#include "formats/codepoint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH = 1 << 17, NUMBER = 40 };

static int flush(struct textout *out, size_t least, struct err *err)
{
    const size_t size = out->text.size;
    if (size < least || size == 0)
        return 0;
    out->text.size = 0;
    return channel_write(out->channel, out->text.data, size, err);
}

/* Append at most NUMBER bytes. */
__attribute__((format(printf, 3, 4))) static int add(
    struct textout *out, struct err *err, const char *format, ...)
{
    va_list list;
    char *const room = (char *)bytes_room(&out->text, NUMBER, err);
    if (room == NULL)
        return -1;
    va_start(list, format);
    out->text.size += (size_t)vsnprintf(room, NUMBER, format, list);
    va_end(list);
    return 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* In quotes, and what must be escaped as JSON or CSV does it. */
static int add_quoted(
    struct textout *out, const unsigned char *name, size_t size, bool json, struct err *err)
{
    unsigned char *const room = bytes_room(&out->text, 6 * size + 2, err), *to = room;
    if (room == NULL)
        return -1;
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = name[i];
        if (json && c < 0x20) {
            to += sprintf((char *)to, "\\u%04x", c);
            continue;
        }
        if (c == '"' || (json && c == '\\'))
            *to++ = json ? '\\' : '"';
        *to++ = c;
    }
    *to++ = '"';
    out->text.size += (size_t)(to - room);
    return 0;
}

static bool is_utf8(const unsigned char *name, size_t size)
{
    uint32_t codepoint = 0;
    for (size_t i = 0; i < size;) {
        i += (size_t)codepoint_take(&codepoint, name + i, size - i);
        if (codepoint >= 0xdc80 && codepoint <= 0xdcff)
            return false;
    }
    return true;
}

static int add_name(struct textout *out, const unsigned char *name, size_t size, struct err *err)
{
    const bool json = out->form == TEXTOUT_JSONL;
    bool plain = !json;
    if (memchr(name, '\0', size) != NULL)
        return err_set(err, ERR_INPUT, "the name of row %" PRId64 " has a zero byte", out->rows);
    if (json && !is_utf8(name, size)) {
        err_set(err, ERR_INPUT, "the name of row %" PRId64 " is no UTF-8, which JSON has to be",
            out->rows);
        return err_hint(err, ".npz and .csv keep it");
    }
    for (size_t i = 0; i < size && plain; i++)
        plain = strchr(",\"\r\n", name[i]) == NULL;
    if (!plain)
        return add_quoted(out, name, size, json, err);
    unsigned char *const room = bytes_room(&out->text, size, err);
    if (room == NULL)
        return -1;
    memcpy(room, name, size);
    out->text.size += size;
    return 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Where the columns of a stream are; -1: it has none. */
struct places {
    int features, name, label, id, view;
    size_t width;
};

static int find(const struct header *header, const char *name, bool ragged)
{
    const int i = header_find(header, name);
    const struct column *const c = i < 0 ? NULL : &header->column[i];
    return c == NULL || c->ragged != ragged || (!ragged && (c->dtype != DTYPE_I64 || c->rank != 0))
               ? -1
               : i;
}

static struct places find_all(const struct header *header, int column)
{
    const struct column *const c = &header->column[column];
    return (struct places){column, find(header, "name", true), find(header, "label", false),
        find(header, "id", false), find(header, "view", false),
        c->row_bytes / dtype_size(c->dtype)};
}

static int64_t whole(const struct record *record, int column, int row, int64_t otherwise)
{
    return column < 0 ? otherwise : ((const int64_t *)record->field[column].data)[row];
}

static int add_features(struct textout *out, const struct header *header, const struct places *p,
    const struct record *record, int row, struct err *err)
{
    const bool real = header->column[p->features].dtype == DTYPE_F32;
    const size_t first = (size_t)row * p->width;
    const float *const value = record->field[p->features].data;
    const uint8_t *const byte = record->field[p->features].data;
    for (size_t i = 0; i < p->width; i++) {
        const char *const comma = i > 0 ? "," : "";
        if ((real ? add(out, err, "%s%.9g", comma, (double)value[first + i])
                  : add(out, err, "%s%u", comma, byte[first + i])) < 0)
            return -1;
    }
    return 0;
}

static int add_csv(struct textout *out, const struct header *header, const struct places *p,
    const struct record *record, int row, struct err *err)
{
    const void *name;
    const int64_t id = whole(record, p->id, row, out->rows);
    const size_t size = p->name < 0 ? 0 : record_row(header, record, p->name, row, &name);
    if ((p->name < 0 ? add(out, err, "%" PRId64, id) : add_name(out, name, size, err)) < 0 ||
        add(out, err, ",") < 0 || add_features(out, header, p, record, row, err) < 0 ||
        add(out, err, ",%" PRId64, whole(record, p->label, row, -1)) < 0)
        return -1;
    return out->ids ? add(out, err, ",%" PRId64 "\r\n", id) : add(out, err, "\r\n");
}

static int add_whole(struct textout *out, const char *key, const struct record *record, int column,
    int row, struct err *err)
{
    return column < 0 ? 0
                      : add(out, err, "\"%s\":%" PRId64 ",", key, whole(record, column, row, 0));
}

static int add_jsonl(struct textout *out, const struct header *header, const struct places *p,
    const struct record *record, int row, struct err *err)
{
    const void *name;
    if (add(out, err, "{") < 0 || add_whole(out, "id", record, p->id, row, err) < 0 ||
        add_whole(out, "label", record, p->label, row, err) < 0 ||
        add_whole(out, "view", record, p->view, row, err) < 0)
        return -1;
    if (p->name >= 0) {
        const size_t size = record_row(header, record, p->name, row, &name);
        if (add(out, err, "\"name\":") < 0 || add_name(out, name, size, err) < 0 ||
            add(out, err, ",") < 0)
            return -1;
    }
    /* the name of a column is letters, digits, '_' and '-', and may be longer than NUMBER */
    const char *const column = header->column[p->features].name;
    return add_quoted(out, (const unsigned char *)column, strlen(column), true, err) < 0 ||
                   add(out, err, ":[") < 0 || add_features(out, header, p, record, row, err) < 0 ||
                   add(out, err, "]}\n") < 0
               ? -1
               : 0;
}

/* ---- interface ------------------------------------------------------------------------------ */

int textout_open(struct textout *out, enum textout_form form, bool ids, struct channel *channel,
    const struct header *header, int column, struct err *err)
{
    const struct places p = find_all(header, column);
    *out = (struct textout){.channel = channel, .form = form, .ids = ids};
    if (form == TEXTOUT_JSONL)
        return 0;
    int failed = add(out, err, "filenames");
    for (size_t i = 0; i < p.width && !failed; i++)
        failed = add(out, err, ",embedding_%zu", i);
    if (!failed)
        failed = add(out, err, ids ? ",labels,id\r\n" : ",labels\r\n");
    if (failed)
        textout_close(out);
    return failed;
}

int textout_record(struct textout *out, const struct header *header, int column,
    const struct record *record, struct err *err)
{
    const struct places p = find_all(header, column);
    for (int row = 0; row < record->rows; row++, out->rows++)
        if ((out->form == TEXTOUT_CSV ? add_csv(out, header, &p, record, row, err)
                                      : add_jsonl(out, header, &p, record, row, err)) < 0 ||
            flush(out, FLUSH, err) < 0)
            return -1;
    return 0;
}

int textout_finish(struct textout *out, struct err *err)
{
    return flush(out, 1, err);
}

void textout_close(struct textout *out)
{
    bytes_free(&out->text);
}
