/* jsonl -- lines for jansson, and what is looked for in them.
 * SPDX-License-Identifier: MIT */
#include "formats/jsonl.h"

#include "formats/decimal.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

/* ---- lines ---------------------------------------------------------------------------------- */

/* More bytes behind those that are there. */
static int refill(struct jsonl *j, struct err *err)
{
    struct bytes *const b = &j->buffer;
    memmove(b->data, b->data + j->next, b->size - j->next);
    b->size -= j->next;
    j->next = 0;
    if (b->size > JSONL_LINE)
        return err_set(err, ERR_INPUT, "line %lld of '%s' has more than %d bytes",
            (long long)j->line, channel_name(j->channel), JSONL_LINE);
    unsigned char *const room = bytes_room(b, CHUNK, err);
    const ssize_t got = room == NULL ? -1 : channel_read(j->channel, room, CHUNK, err);
    if (got < 0)
        return -1;
    b->size += (size_t)got;
    j->ended = got == 0;
    return 0;
}

/* 1: a line, without its end; 0: there are no more; -1. */
static int take_line(struct jsonl *j, const char **line, size_t *length, struct err *err)
{
    size_t seen = 0;
    j->line++;
    if (bytes_room(&j->buffer, 1, err) == NULL)
        return -1;
    for (;;) {
        const unsigned char *const from = j->buffer.data + j->next;
        const size_t size = j->buffer.size - j->next;
        const unsigned char *const end =
            size > seen ? memchr(from + seen, '\n', size - seen) : NULL;
        if (end != NULL) {
            *line = (const char *)from;
            *length = (size_t)(end - from);
            j->next += *length + 1;
            return 1;
        }
        if (j->ended && size == 0)
            return 0;
        if (j->ended)
            return err_set(err, ERR_INPUT, "'%s' is cut short: its last line has no end",
                channel_name(j->channel));
        seen = size;
        if (refill(j, err) < 0)
            return -1;
    }
}

static int refuse(const struct jsonl *j, const char *what, struct err *err)
{
    return err_set(
        err, ERR_INPUT, "line %lld of '%s' %s", (long long)j->line, channel_name(j->channel), what);
}

/* A line as an object, a new reference. 1; -1. */
static int parse(struct jsonl *j, const void *line, size_t length, json_t **out, struct err *err)
{
    json_error_t error;
    *out = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*out))
        return 1;
    json_decref(*out);
    *out = NULL;
    return refuse(j, "is no JSON object", err);
}

/* ---- the features, quickly ------------------------------------------------------------------ */

/* Nearly all of a line is one array of numbers. It is read here, and jansson gets the line without it;
 * what is unusual in any way jansson gets whole. */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Behind the closing quote of the string whose opening one is before `at`. */
static const char *skip_string(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

/* Where the array under `key` of the object begins, behind its '['; or NULL. */
static const char *find_array(const char *at, const char *end, const char *key)
{
    const size_t size = strlen(key);
    int depth = 0;
    while (at < end) {
        const char c = *at++;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (c != '"')
            continue;
        const char *const name = at;
        at = skip_string(at, end);
        if (depth != 1 || (size_t)(at - name) != size + 1 || memcmp(name, key, size) != 0)
            continue;
        const char *colon = skip_blanks(at, end);
        if (colon == end || *colon != ':')
            continue;
        colon = skip_blanks(colon + 1, end);
        if (colon < end && *colon == '[')
            return colon + 1;
    }
    return NULL;
}

/* Exactly `width` numbers up to the ']', whose place this returns; or NULL. */
static const char *read_array(float *out, int width, const char *at, const char *end)
{
    for (int i = 0; i < width; i++) {
        double number;
        at = skip_blanks(at, end);
        if (!decimal_read(&number, &at, at, end))
            return NULL;
        out[i] = (float)number;
        at = skip_blanks(at, end);
        if (at == end || *at != (i < width - 1 ? ',' : ']'))
            return NULL;
        at += i < width - 1;
    }
    return at;
}

static int append(struct bytes *out, const char *from, size_t size, struct err *err)
{
    unsigned char *const room = bytes_room(out, size, err);
    if (room == NULL)
        return -1;
    memcpy(room, from, size);
    out->size += size;
    return 0;
}

/* Take the features out of a line: 1, and j->value has them and j->rest the line with an empty array; 0:
 * it is left to jansson; -1. */
static int take_array(struct jsonl *j, int width, const char *line, size_t length, struct err *err)
{
    const char *const end = line + length, *const from = find_array(line, end, j->key);
    j->rest.size = j->value.size = 0;
    if (from == NULL)
        return 0;
    float *const value = (float *)(void *)bytes_room(&j->value, (size_t)width * sizeof *value, err);
    if (value == NULL)
        return -1;
    const char *const to = read_array(value, width, from, end);
    if (to == NULL)
        return 0;
    return append(&j->rest, line, (size_t)(from - line), err) < 0 ||
                   append(&j->rest, to, (size_t)(end - to), err) < 0
               ? -1
               : 1;
}

/* ---- the first row -------------------------------------------------------------------------- */

/* The key of the features. */
static const char *find_key(const json_t *row, const char *column)
{
    static const char *const usual[] = {"h", "z", "pixels"};
    const char *key, *only = NULL;
    json_t *value;
    int arrays = 0;
    if (column != NULL)
        return json_is_array(json_object_get(row, column)) ? column : NULL;
    for (int i = 0; i < 3; i++)
        if (json_is_array(json_object_get(row, usual[i])))
            return usual[i];
    json_object_foreach((json_t *)row, key, value)
    {
        if (json_is_array(value)) {
            only = key;
            arrays++;
        }
    }
    return arrays == 1 ? only : NULL;
}

static int take_keys(struct jsonl *j, struct rows *rows, const char *column, struct err *err)
{
    const char *const key = find_key(j->row, column);
    if (key == NULL && column != NULL)
        return err_set(
            err, ERR_INPUT, "line 1 of '%s' has no array '%s'", channel_name(j->channel), column);
    if (key == NULL) {
        refuse(j, "does not tell which array is the features", err);
        return err_hint(err, "name it with --column");
    }
    const size_t width = json_array_size(json_object_get(j->row, key));
    if (width == 0)
        return refuse(j, "has no features", err);
    rows->width = (int)width; /* the line is short enough */
    rows->labels = json_object_get(j->row, "label") != NULL;
    rows->views = json_object_get(j->row, "view") != NULL;
    rows->names = json_object_get(j->row, "name") != NULL;
    j->ids = json_object_get(j->row, "id") != NULL;
    j->key = strdup(key);
    return j->key == NULL ? err_memory(err, "a key") : 0;
}

int jsonl_open(struct jsonl *out, struct rows *rows, struct channel *channel, const char *column,
    struct err *err)
{
    *out = (struct jsonl){.channel = channel};
    const char *line = NULL;
    size_t length = 0;
    int got = take_line(out, &line, &length, err);
    if (got == 0)
        err_set(err, ERR_INPUT, "'%s' is empty", channel_name(channel));
    if (got == 1)
        got = parse(out, line, length, &out->row, err);
    if (got == 1 && take_keys(out, rows, column, err) == 0)
        return 0;
    jsonl_close(out);
    return -1;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* A whole number under a key that all rows have, or none; `null` leaves *out where it may. */
static int take_whole(const struct jsonl *j, const json_t *row, const char *key, bool wanted,
    bool null, int64_t *out, struct err *err)
{
    const json_t *const value = json_object_get(row, key);
    if ((value != NULL) != wanted)
        return err_set(err, ERR_INPUT, "line %lld of '%s' has %s '%s', other than the first",
            (long long)j->line, channel_name(j->channel), wanted ? "no" : "a", key);
    if (value == NULL || (null && json_is_null(value)))
        return 0;
    if (!json_is_integer(value))
        return err_set(err, ERR_INPUT, "line %lld of '%s' has a '%s' that is no whole number",
            (long long)j->line, channel_name(j->channel), key);
    *out = json_integer_value(value);
    return 0;
}

static int take_name(const struct jsonl *j, const struct rows *rows, const json_t *row,
    const char **name, size_t *length, struct err *err)
{
    const json_t *const value = json_object_get(row, "name");
    *name = "";
    *length = 0;
    if ((value != NULL) != rows->names)
        return refuse(j, rows->names ? "has no name" : "has a name, other than the first", err);
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return refuse(j, "has a name that is no string", err);
    *name = json_string_value(value);
    *length = json_string_length(value);
    return 0;
}

/* `read`: the features are in j->value, and their array is empty. */
static int take_row(
    struct jsonl *j, struct rows *rows, const json_t *row, bool read, struct err *err)
{
    const json_t *const array = json_object_get(row, j->key);
    int64_t id = j->line - 1, label = -1, view = 0;
    const char *name;
    size_t length;
    if (take_whole(j, row, "id", j->ids, false, &id, err) < 0 ||
        take_whole(j, row, "label", rows->labels, true, &label, err) < 0 ||
        take_whole(j, row, "view", rows->views, false, &view, err) < 0 ||
        take_name(j, rows, row, &name, &length, err) < 0)
        return -1;
    if (!read && json_array_size(array) != (size_t)rows->width)
        return err_set(err, ERR_INPUT, "line %lld of '%s' has %zu features, not %d",
            (long long)j->line, channel_name(j->channel), json_array_size(array), rows->width);
    float *const value = rows_add(rows, id, label, view, name, length, err);
    if (value == NULL)
        return -1;
    if (read)
        memcpy(value, j->value.data, (size_t)rows->width * sizeof *value);
    for (int i = 0; i < rows->width && !read; i++) {
        const json_t *const number = json_array_get(array, (size_t)i);
        if (!json_is_number(number))
            return refuse(j, "has a feature that is no number", err);
        value[i] = (float)json_number_value(number);
    }
    return 0;
}

int jsonl_next(struct jsonl *j, struct rows *rows, struct err *err)
{
    json_t *row = j->row;
    const char *line = NULL;
    size_t length = 0;
    int read = 0;
    j->row = NULL;
    if (row == NULL) {
        const int got = take_line(j, &line, &length, err);
        if (got <= 0)
            return got;
        read = take_array(j, rows->width, line, length, err);
        if (read < 0 || (read == 1 && parse(j, j->rest.data, j->rest.size, &row, err) < 0) ||
            (read == 0 && parse(j, line, length, &row, err) < 0))
            return -1;
    }
    const int failed = take_row(j, rows, row, read == 1, err);
    json_decref(row);
    return failed ? -1 : 1;
}

void jsonl_close(struct jsonl *j)
{
    bytes_free(&j->buffer);
    bytes_free(&j->rest);
    bytes_free(&j->value);
    json_decref(j->row);
    free(j->key);
    *j = (struct jsonl){0};
}
