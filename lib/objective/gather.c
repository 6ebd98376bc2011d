/* gather -- the parts of a step become one array.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/gather.h"

#include "lib/base/shape.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int gather_columns(
    struct gather *g, const struct header *header, const char *source, struct err *err)
{
    g->z_column = header_need(header, "z", DTYPE_F32, 1, source, err);
    g->id_column = g->z_column < 0 ? -1 : header_need(header, "id", DTYPE_I64, 0, source, err);
    g->view_column = header_find(header, "view");
    if (g->id_column < 0 ||
        (g->labels &&
            (g->label_column = header_need(header, "label", DTYPE_I64, 0, source, err)) < 0) ||
        (g->view_column >= 0 && header_need(header, "view", DTYPE_I64, 0, source, err) < 0))
        return -1;
    g->p = header->column[g->z_column].shape[0];
    return 0;
}

/* *array [rows] of unit bytes; what was there stays. */
static int grow(void *array, size_t rows, size_t unit)
{
    void **const pointer = array;
    const size_t bytes = shape_times(rows, unit);
    void *const grown = bytes <= SIZE_MAX / 2 ? realloc(*pointer, bytes) : NULL;
    if (grown == NULL)
        return -1;
    *pointer = grown;
    return 0;
}

/* Room for `more` rows and one part. */
static int reserve(struct gather *g, int more, struct err *err)
{
    if (more > INT_MAX - g->rows)
        return err_set(err, ERR_INPUT, "step %lld has too many rows", (long long)g->step);
    const int rows = g->rows + more;
    if (rows > g->rows_room) {
        const int doubled = g->rows > 0 && rows < INT_MAX / 2 ? 2 * g->rows : 0;
        const size_t room = (size_t)(rows > doubled ? rows : doubled), p = (size_t)g->p;
        if (grow(&g->z, room, p * sizeof *g->z) < 0 ||
            grow(&g->grad, room, p * sizeof *g->grad) < 0 ||
            grow(&g->id, room, sizeof *g->id) < 0 || grow(&g->view, room, sizeof *g->view) < 0 ||
            (g->labels && grow(&g->label, room, sizeof *g->label) < 0))
            return err_memory(err, "the rows of a step");
        g->rows_room = (int)room;
    }
    if (g->parts == g->parts_room) {
        const int room = g->parts_room > 0 ? 2 * g->parts_room : 16;
        if (grow(&g->end, (size_t)room, sizeof *g->end) < 0)
            return err_memory(err, "the parts of a step");
        g->parts_room = room;
    }
    return 0;
}

static int add_part(struct gather *g, struct err *err)
{
    const struct record *const r = &g->record;
    if (reserve(g, r->rows, err) < 0)
        return -1;
    const size_t rows = (size_t)r->rows, p = (size_t)g->p;
    memcpy(g->z + (size_t)g->rows * p, r->field[g->z_column].data, rows * p * sizeof *g->z);
    memcpy(g->id + g->rows, r->field[g->id_column].data, rows * sizeof *g->id);
    if (g->view_column >= 0)
        memcpy(g->view + g->rows, r->field[g->view_column].data, rows * sizeof *g->view);
    if (g->labels)
        memcpy(g->label + g->rows, r->field[g->label_column].data, rows * sizeof *g->label);
    g->rows += r->rows;
    g->end[g->parts++] = g->rows;
    return 0;
}

int gather_step(struct gather *g, struct reader *reader, struct err *err)
{
    g->rows = g->parts = 0;
    do {
        const int got = reader_record(reader, &g->record, err);
        if (got < 1)
            return got;
        g->step = g->record.step;
        g->epoch = g->record.epoch;
        if (add_part(g, err) < 0)
            return -1;
    } while (g->record.part + 1 < g->record.parts);
    return 1;
}

int gather_send(const struct gather *g, struct writer *writer, struct err *err)
{
    for (int part = 0, first = 0; part < g->parts; first = g->end[part++]) {
        struct field field = {.data = g->grad + (size_t)first * (size_t)g->p};
        const struct record record = {.step = g->step,
            .epoch = g->epoch,
            .part = part,
            .parts = g->parts,
            .rows = g->end[part] - first,
            .field = &field,
            .fields = 1};
        if (writer_record(writer, &record, err) < 0)
            return -1;
    }
    return 0;
}

void gather_free(struct gather *g)
{
    record_free(&g->record);
    free(g->z);
    free(g->grad);
    free(g->id);
    free(g->view);
    free(g->label);
    free(g->end);
    *g = (struct gather){0};
}
