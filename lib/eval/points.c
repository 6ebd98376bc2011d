/* points -- all rows of a stream of features as one matrix.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/points.h"

#include "lib/base/shape.h"
#include "lib/eval/features.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int points_open(struct points *out, struct channel *channel, const char *name, struct err *err)
{
    out->source = channel_name(channel);
    out->reader = reader_new(channel, STREAM_RECORD, err);
    if (out->reader == NULL || reader_header(out->reader, &out->header, err) < 0)
        return -1;
    const int column = features_column(&out->width, out->header, name, out->source, err);
    if (column < 0)
        return -1;
    if (header_find(out->header, "label") >= 0 &&
        header_need(out->header, "label", DTYPE_I64, 0, out->source, err) < 0)
        return -1;
    if (header_find(out->header, "id") >= 0 &&
        header_need(out->header, "id", DTYPE_I64, 0, out->source, err) < 0)
        return -1;
    const int name_column = header_find(out->header, "name");
    out->names = name_column >= 0 && out->header->column[name_column].ragged;
    out->classes = features_names(out->header);
    out->column = strdup(out->header->column[column].name);
    return out->column == NULL ? err_memory(err, "features") : 0;
}

/* Room for `rows` more, half as much again at a time: memory follows what has arrived. */
static int make_room(struct points *p, int rows, struct err *err)
{
    const size_t wanted = (size_t)p->rows + (size_t)rows;
    if (wanted > INT_MAX)
        return err_set(err, ERR_INPUT, "'%s' has more than %d rows", p->source, INT_MAX);
    if (wanted <= p->room)
        return 0;
    const size_t room = wanted + p->room / 2;
    float *const value =
        features_larger(p->value, room, shape_times((size_t)p->width, sizeof *value), err);
    p->value = value != NULL ? value : p->value;
    int *const label = value != NULL ? features_larger(p->label, room, sizeof *label, err) : NULL;
    p->label = label != NULL ? label : p->label;
    int64_t *const id = label != NULL ? features_larger(p->id, room, sizeof *id, err) : NULL;
    if (id == NULL)
        return -1;
    p->id = id;
    p->room = room;
    return 0;
}

static int append(struct points *p, const struct record *record, struct err *err)
{
    const struct header *const header = p->header;
    const int column = header_find(header, p->column), id = header_find(header, "id");
    const int label = header_find(header, "label");
    const bool bytes = header->column[column].dtype == DTYPE_U8;
    const void *const data = record->field[column].data;
    const size_t width = (size_t)p->width;
    if (!bytes && features_finite(data, record->rows, p->width, record->step, p->source, err) < 0)
        return -1;
    if (make_room(p, record->rows, err) < 0)
        return -1;
    for (int i = 0; i < record->rows; i++) {
        const int64_t class = label < 0 ? -1 : ((const int64_t *)record->field[label].data)[i];
        if (features_label(class, record->step, i, p->source, err) < 0)
            return -1;
        float *const row = p->value + (size_t)p->rows * width;
        features_scale(row, bytes ? NULL : (const float *)data + (size_t)i * width,
            bytes ? (const uint8_t *)data + (size_t)i * width : NULL, p->width, NULL, NULL);
        p->label[p->rows] = (int)class;
        p->id[p->rows] = id < 0 ? p->rows : ((const int64_t *)record->field[id].data)[i];
        if (roster_take(&p->name, header, record, i, p->id[p->rows], err) < 0)
            return -1;
        p->rows++;
    }
    return 0;
}

static int visit_rows(const struct points *p, const struct record *record, points_visit *visit,
    void *context, struct err *err)
{
    for (int i = 0; visit != NULL && i < record->rows; i++)
        if (visit(context, p->header, record, i, err) < 0)
            return -1;
    return 0;
}

int points_read(struct points *p, points_visit *visit, void *context, struct err *err)
{
    struct record record = {0};
    int more = 1;
    while (more > 0) {
        while ((more = reader_record(p->reader, &record, err)) > 0)
            if (append(p, &record, err) < 0 || visit_rows(p, &record, visit, context, err) < 0)
                break;
        more = err->status != ERR_NONE ? -1 : reader_header(p->reader, &p->header, err);
    }
    record_free(&record);
    p->header = NULL;
    if (more < 0)
        return -1;
    return p->rows == 0 ? err_set(err, ERR_INPUT, "'%s' has no rows", p->source) : 0;
}

void points_free(struct points *p)
{
    free(p->value);
    free(p->label);
    free(p->id);
    free(p->column);
    roster_free(&p->name);
    json_decref(p->classes);
    reader_free(p->reader);
    *p = (struct points){0};
}
