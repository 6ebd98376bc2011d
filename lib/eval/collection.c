/* collection -- rows of features with the names to call them by.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/collection.h"

#include "lib/base/shape.h"
#include "lib/base/text.h"
#include "lib/eval/cosine.h"
#include "lib/eval/features.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int collection_open(
    struct collection *out, struct channel *channel, const char *name, struct err *err)
{
    out->source = channel_name(channel);
    out->reader = reader_new(channel, STREAM_RECORD, err);
    if (out->reader == NULL || reader_header(out->reader, &out->header, err) < 0)
        return -1;
    const int column = features_column(&out->width, out->header, name, out->source, err);
    if (column < 0)
        return -1;
    out->ids = header_find(out->header, "id") >= 0;
    if (out->ids && header_need(out->header, "id", DTYPE_I64, 0, out->source, err) < 0)
        return -1;
    if (header_find(out->header, "name") >= 0 &&
        header_need(out->header, "name", DTYPE_U8, -1, out->source, err) < 0)
        return -1;
    out->column = strdup(out->header->column[column].name);
    return out->column == NULL ? err_memory(err, "features") : 0;
}

/* Room for `rows` more, half as much again at a time: memory follows what has arrived. */
static int make_room(struct collection *c, int rows, struct err *err)
{
    const size_t wanted = (size_t)c->rows + (size_t)rows;
    const size_t most = INT_MAX;
    if (wanted > most)
        return err_set(err, ERR_INPUT, "'%s' has more than %zu rows", c->source, most);
    if (wanted <= (size_t)c->room)
        return 0;
    const size_t room = wanted + wanted / 2 < most ? wanted + wanted / 2 : most;
    int64_t *const id = features_larger(c->id, room, sizeof *id, err);
    c->id = id != NULL ? id : c->id;
    size_t *const at = id != NULL ? features_larger(c->at, room, sizeof *at, err) : NULL;
    if (at == NULL)
        return -1;
    c->at = at;
    c->room = (int)room;
    return 0;
}

static int add_name(struct collection *c, const void *name, size_t bytes, struct err *err)
{
    const size_t wanted = c->used + bytes + 1;
    if (wanted > c->text_room) {
        char *const room = features_larger(c->text, wanted + wanted / 2, 1, err);
        if (room == NULL)
            return -1;
        c->text = room;
        c->text_room = wanted + wanted / 2;
    }
    char *const text = c->text + c->used;
    if (bytes > 0)
        memcpy(text, name, bytes);
    text[bytes] = '\0';
    for (char *zero = text; (zero = memchr(zero, '\0', (size_t)(text + bytes - zero))) != NULL;)
        *zero = '?';
    if (!c->raw)
        text_clean(text);
    c->at[c->rows] = c->used;
    c->used = wanted;
    return 0;
}

static int append(struct collection *c, struct err *err)
{
    const struct record *const record = &c->record;
    const int column = header_find(c->header, c->column), id = header_find(c->header, "id");
    const int name = header_find(c->header, "name");
    if (c->header->column[column].dtype == DTYPE_F32 &&
        features_finite(
            record->field[column].data, record->rows, c->width, record->step, c->source, err) < 0)
        return -1;
    if (make_room(c, record->rows, err) < 0)
        return -1;
    for (int i = 0; i < record->rows; i++) {
        char digits[24];
        const void *text = digits;
        c->id[c->rows] = id < 0 ? c->rows : ((const int64_t *)record->field[id].data)[i];
        size_t bytes = (size_t)snprintf(digits, sizeof digits, "%" PRId64, c->id[c->rows]);
        if (name >= 0)
            bytes = record_row(c->header, record, name, i, &text);
        if (add_name(c, text, bytes, err) < 0)
            return -1;
        c->rows++;
    }
    return 0;
}

int collection_next(struct collection *c, struct err *err)
{
    int more;
    while ((more = reader_record(c->reader, &c->record, err)) == 0) {
        more = reader_header(c->reader, &c->header, err);
        if (more <= 0)
            break;
    }
    if (more == 0 && c->rows == 0)
        return err_set(err, ERR_INPUT, "'%s' has no rows", c->source);
    if (more <= 0)
        return more;
    return append(c, err) < 0 ? -1 : c->record.rows;
}

void collection_unit(float *out, const struct collection *c, int from, int rows)
{
    const int column = header_find(c->header, c->column);
    const void *const data = c->record.field[column].data;
    const bool bytes = c->header->column[column].dtype == DTYPE_U8;
    for (int i = 0; i < rows; i++) {
        const size_t width = (size_t)c->width, at = (size_t)(from + i) * width;
        float *const row = out + (size_t)i * width;
        if (bytes)
            features_scale(row, NULL, (const uint8_t *)data + at, c->width, NULL, NULL);
        cosine_unit(row, bytes ? row : (const float *)data + at, c->width);
    }
}

int collection_keep(struct collection *c, struct err *err)
{
    int rows;
    while ((rows = collection_next(c, err)) > 0) {
        if ((size_t)c->rows > c->unit_room) {
            const size_t room = (size_t)c->rows + c->unit_room / 2;
            float *const unit =
                features_larger(c->unit, shape_times(room, (size_t)c->width), sizeof *unit, err);
            if (unit == NULL)
                return -1;
            c->unit = unit;
            c->unit_room = room;
        }
        collection_unit(c->unit + (size_t)(c->rows - rows) * (size_t)c->width, c, 0, rows);
    }
    if (rows < 0)
        return -1;
    record_free(&c->record);
    c->record = (struct record){0};
    return 0;
}

int collection_once(const struct collection *c, struct err *err)
{
    char place[300];
    snprintf(place, sizeof place, "'%.250s'", c->source);
    return c->ids ? features_once(c->id, c->rows, place, err) : 0;
}

const char *collection_name(const struct collection *c, int row)
{
    return c->text + c->at[row];
}

void collection_free(struct collection *c)
{
    free(c->id);
    free(c->unit);
    free(c->column);
    free(c->at);
    free(c->text);
    record_free(&c->record);
    reader_free(c->reader);
    *c = (struct collection){0};
}
