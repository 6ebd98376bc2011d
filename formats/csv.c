/* csv -- fields, then numbers.
 * SPDX-License-Identifier: MIT */
#include "formats/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16, END = -1, FAILED = -2 };

/* ---- characters ----------------------------------------------------------------------------- */

static int refill(struct csv *csv, struct err *err)
{
    csv->buffer.size = csv->next = 0;
    unsigned char *const room = bytes_room(&csv->buffer, CHUNK, err);
    const ssize_t got = room == NULL ? -1 : channel_read(csv->channel, room, CHUNK, err);
    if (got < 0)
        return FAILED;
    csv->buffer.size = (size_t)got;
    return got == 0 ? END : csv->buffer.data[csv->next++];
}

static inline int next(struct csv *csv, struct err *err)
{
    return csv->next < csv->buffer.size ? csv->buffer.data[csv->next++] : refill(csv, err);
}

static inline int put(struct csv *csv, int c, struct err *err)
{
    struct bytes *const text = &csv->text;
    if (text->size == text->capacity && bytes_room(text, 1, err) == NULL)
        return -1;
    if (text->size == CSV_ROW)
        return err_set(err, ERR_INPUT, "row %lld of '%s' has more than %d bytes",
            (long long)csv->row, channel_name(csv->channel), CSV_ROW);
    text->data[text->size++] = (unsigned char)c;
    return 0;
}

/* ---- fields --------------------------------------------------------------------------------- */

static int begin_field(struct csv *csv, struct err *err)
{
    size_t *const room = (size_t *)(void *)bytes_room(&csv->start, sizeof *room, err);
    if (room == NULL)
        return -1;
    if (csv->start.size / sizeof *room > CSV_FIELDS)
        return err_set(err, ERR_INPUT, "row %lld of '%s' has more than %d fields",
            (long long)csv->row, channel_name(csv->channel), CSV_FIELDS);
    *room = csv->text.size;
    csv->start.size += sizeof *room;
    return 0;
}

/* Behind an opening quote, up to the closing one; returns what follows it, or END or FAILED. */
static int take_quoted(struct csv *csv, struct err *err)
{
    for (;;) {
        int c = next(csv, err);
        if (c == '"') {
            c = next(csv, err);
            if (c != '"')
                return c;
        }
        if (c < 0)
            return c;
        if (put(csv, c, err) < 0)
            return FAILED;
    }
}

/* Behind a closing quote only the end of the field may follow: `c`, or CRLF. */
static int end_quoted(struct csv *csv, int c, struct err *err)
{
    if (c == '\r')
        c = next(csv, err);
    if (c < 0 || c == ',' || c == '\n')
        return c;
    err_set(err, ERR_INPUT, "row %lld of '%s' has something behind a quote", (long long)csv->row,
        channel_name(csv->channel));
    return FAILED;
}

/* A field; returns the ',' or '\n' behind it, END, or FAILED. */
static int take_field(struct csv *csv, struct err *err)
{
    int c = next(csv, err);
    if (c == '"')
        return end_quoted(csv, take_quoted(csv, err), err);
    while (c >= 0 && c != ',' && c != '\n') {
        const int before = c;
        c = next(csv, err);
        if (before == '\r' && c == '\n')
            break;
        if (put(csv, before, err) < 0)
            return FAILED;
    }
    return c;
}

/* 1: a row of fields; 0: the text has ended; -1. */
static int take_row(struct csv *csv, int *fields, struct err *err)
{
    int c;
    csv->text.size = csv->start.size = 0;
    *fields = 0;
    if ((c = next(csv, err)) < 0)
        return c == END ? 0 : -1;
    csv->next--;
    do {
        if (begin_field(csv, err) < 0)
            return -1;
        c = take_field(csv, err);
        if (c == END)
            return err_set(err, ERR_INPUT, "'%s' is cut short: its last line has no end",
                channel_name(csv->channel));
        if (c < 0 || put(csv, '\0', err) < 0)
            return -1;
        ++*fields;
    } while (c == ',');
    return begin_field(csv, err) < 0 ? -1 : 1;
}

/* Field i as a text; *length is without the zero byte behind it. */
static const char *field(const struct csv *csv, int i, size_t *length)
{
    const size_t *const start = (const size_t *)(const void *)csv->start.data;
    if (length != NULL)
        *length = start[i + 1] - start[i] - 1;
    return (const char *)csv->text.data + start[i];
}

/* ---- the first line ------------------------------------------------------------------------- */

static bool among(const char *text, const char *const *words)
{
    while (*words != NULL && strcmp(text, *words) != 0)
        words++;
    return *words != NULL;
}

/* "PREFIX_12" is 12, with *prefix the bytes before it; -1: it ends in no number. */
static int64_t numbered(const char *text, size_t *prefix)
{
    size_t length = strlen(text), digits = 0;
    while (digits < length && text[length - digits - 1] >= '0' && text[length - digits - 1] <= '9')
        digits++;
    *prefix = length - digits;
    if (digits == 0 || digits > 9 || (digits > 1 && text[*prefix] == '0') ||
        (*prefix > 0 && text[*prefix - 1] != '_'))
        return -1;
    return atoll(text + *prefix);
}

/* Does field i go on with the features? */
static bool is_feature(const struct csv *csv, int i, int width)
{
    size_t prefix, before;
    const char *const text = field(csv, i, NULL);
    if (numbered(text, &prefix) != width)
        return false;
    if (width == 0)
        return true;
    const char *const first = field(csv, csv->first, NULL);
    numbered(first, &before);
    return i == csv->first + width && prefix == before && strncmp(text, first, prefix) == 0;
}

static int take_columns(struct csv *csv, struct rows *rows, struct err *err)
{
    static const char *const names[] = {"filenames", "filename", "names", "name", NULL};
    static const char *const labels[] = {"labels", "label", NULL};
    static const char *const ids[] = {"ids", "id", NULL};
    static const char *const views[] = {"view", NULL};
    const struct {
        const char *const *words;
        int *place;
    } known[] = {{names, &csv->name}, {labels, &csv->label}, {ids, &csv->id}, {views, &csv->view}};
    csv->name = csv->label = csv->id = csv->view = -1;
    for (int i = 0; i < csv->fields; i++) {
        size_t k = 0;
        const char *const text = field(csv, i, NULL);
        while (k < 4 && !among(text, known[k].words))
            k++;
        if (k < 4 && *known[k].place >= 0)
            return err_set(err, ERR_INPUT, "'%s' has more than one column '%s'",
                channel_name(csv->channel), known[k].words[0]);
        if (k < 4) {
            *known[k].place = i;
        } else if (is_feature(csv, i, rows->width)) {
            csv->first = rows->width == 0 ? i : csv->first;
            rows->width++;
        } else {
            csv->left_out++;
        }
    }
    rows->names = csv->name >= 0;
    rows->labels = csv->label >= 0;
    rows->views = csv->view >= 0;
    if (rows->width > 0)
        return 0;
    err_set(err, ERR_INPUT, "'%s' has no features", channel_name(csv->channel));
    return err_hint(err, "its first line must name columns such as embedding_0, embedding_1, ...");
}

int csv_open(struct csv *out, struct rows *rows, struct channel *channel, struct err *err)
{
    *out = (struct csv){.channel = channel};
    int failed = take_row(out, &out->fields, err);
    if (failed == 0)
        err_set(err, ERR_INPUT, "'%s' is empty", channel_name(channel));
    if (failed == 1 && out->text.size >= 3 && memcmp(out->text.data, "\xef\xbb\xbf", 3) == 0)
        *(size_t *)(void *)out->start.data = 3; /* a byte order mark */
    if (failed == 1 && take_columns(out, rows, err) == 0)
        return 0;
    csv_close(out);
    return -1;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int refuse(const struct csv *csv, const char *text, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "row %lld of '%s' has the %s '%.40s'", (long long)csv->row,
        channel_name(csv->channel), what, text);
}

/* A whole number, which a field without anything leaves as it is where `empty`. */
static int take_whole(
    const struct csv *csv, int i, bool empty, const char *what, int64_t *out, struct err *err)
{
    if (i < 0)
        return 0;
    size_t length;
    char *end;
    const char *const text = field(csv, i, &length);
    if (length == 0 && empty)
        return 0;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (length == 0 || end != text + length || errno != 0 || strspn(text, "-0123456789") != length)
        return refuse(csv, text, what, err);
    *out = value;
    return 0;
}

static int take_features(const struct csv *csv, int width, float *out, struct err *err)
{
    for (int i = 0; i < width; i++) {
        size_t length;
        char *end;
        const char *const text = field(csv, csv->first + i, &length);
        out[i] = strtof(text, &end);
        if (length == 0 || end != text + length || strpbrk(text, "xXpP") != NULL)
            return refuse(csv, text, "feature", err);
    }
    return 0;
}

int csv_next(struct csv *csv, struct rows *rows, struct err *err)
{
    int fields;
    size_t length = 0;
    int64_t id = csv->row++, label = -1, view = 0;
    const int got = take_row(csv, &fields, err);
    if (got <= 0)
        return got;
    if (fields != csv->fields)
        return err_set(err, ERR_INPUT, "row %lld of '%s' has %d fields, not %d",
            (long long)csv->row, channel_name(csv->channel), fields, csv->fields);
    if (take_whole(csv, csv->id, false, "id", &id, err) < 0 ||
        take_whole(csv, csv->label, true, "label", &label, err) < 0 ||
        take_whole(csv, csv->view, false, "view", &view, err) < 0)
        return -1;
    const char *const name = csv->name < 0 ? "" : field(csv, csv->name, &length);
    float *const value = rows_add(rows, id, label, view, name, length, err);
    return value == NULL || take_features(csv, rows->width, value, err) < 0 ? -1 : 1;
}

void csv_close(struct csv *csv)
{
    bytes_free(&csv->buffer);
    bytes_free(&csv->text);
    bytes_free(&csv->start);
    *csv = (struct csv){0};
}
