/* gallery -- rows by step and id, columns by view; or one cell after another.
 * SPDX-License-Identifier: MIT */
#include "lib/image/gallery.h"

#include "lib/image/thumbnail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 500 }; /* bytes of a name that are kept: the last */

struct gallery_row {
    int64_t id;
    int views;
};

void gallery_init(struct gallery *gallery, const struct gallery_options *options)
{
    memset(gallery, 0, sizeof *gallery);
    gallery->options = *options;
    gallery->single = true;
}

/* Columns of a sheet whose cells stand one after another. */
static int columns_of(const struct gallery *g)
{
    return g->options.columns > 0 ? g->options.columns : GALLERY_COLUMNS;
}

static void free_cell(struct sheet_cell *cell)
{
    picture_free(&cell->picture);
    for (int k = 0; k < SHEET_LINES; k++)
        free(cell->caption[k]);
}

/* Pictures that there is room for. */
static int most_of(const struct gallery *g)
{
    return g->single ? g->options.rows * columns_of(g) : g->options.rows;
}

/* There are second views: a row is a picture. What came while it looked otherwise, and has no row,
 * goes. */
static void drop_surplus(struct gallery *g)
{
    int kept = 0;
    g->single = false;
    for (int i = 0; i < g->cells; i++) {
        if (g->cell[i].row < most_of(g)) {
            g->cell[kept++] = g->cell[i];
        } else {
            g->kept -= (size_t)g->cell[i].picture.height * g->cell[i].picture.width;
            free_cell(&g->cell[i]);
        }
    }
    g->cells = kept;
    g->rows = g->rows < most_of(g) ? g->rows : most_of(g);
    g->first = g->first < g->rows ? g->first : g->rows;
}

void gallery_free(struct gallery *gallery)
{
    for (int i = 0; i < gallery->cells; i++)
        free_cell(&gallery->cell[i]);
    free(gallery->cell);
    free(gallery->row);
    json_decref(gallery->classes);
    memset(gallery, 0, sizeof *gallery);
}

/* ---- headers -------------------------------------------------------------------------------- */

static int find_columns(
    struct gallery *g, const struct header *header, const char *source, struct err *err)
{
    const struct gallery_options *const o = &g->options;
    g->pixels = header_find(header, "pixels");
    g->bytes = g->pixels < 0 && !g->views ? header_find(header, "bytes") : -1;
    if (g->bytes >= 0)
        g->bytes = header_need(header, "bytes", DTYPE_U8, -1, source, err);
    else
        g->pixels = header_need_varying(header, "pixels", DTYPE_U8, 3, source, err);
    g->id = header_need(header, "id", DTYPE_I64, 0, source, err);
    g->view = g->views ? header_need(header, "view", DTYPE_I64, 0, source, err) : -1;
    g->label = o->labels ? header_need(header, "label", DTYPE_I64, 0, source, err) : -1;
    g->name = header_find(header, "name");
    if (g->name >= 0)
        g->name = header_need(header, "name", DTYPE_U8, -1, source, err);
    return err->status == ERR_NONE ? 0 : -1;
}

int gallery_header(
    struct gallery *gallery, const struct header *header, const char *source, struct err *err)
{
    const bool views = strcmp(header->kind, "views") == 0;
    if (!views && strcmp(header->kind, "images") != 0)
        return err_set(err, ERR_INPUT, "'%s' has %s, not images or views", source, header->kind);
    if (gallery->started && gallery->views != views)
        return err_set(err, ERR_INPUT, "'%s' has images and views", source);
    gallery->views = views;
    if (find_columns(gallery, header, source, err) < 0)
        return -1;
    json_t *const dataset = header_get(header, "dataset");
    json_decref(gallery->classes);
    gallery->classes = json_incref(json_object_get(dataset, "class_names"));
    json_decref(dataset);
    gallery->expected = header->plan.views;
    if (gallery->options.columns > 0 && gallery->expected > gallery->options.columns)
        gallery->expected = gallery->options.columns;
    gallery->encoded = gallery->bytes >= 0;
    if (gallery->expected > 1)
        drop_surplus(gallery);
    gallery->first = gallery->rows; /* steps and ids come again and mean something else */
    gallery->started = true;
    return 0;
}

/* ---- text ----------------------------------------------------------------------------------- */

static char *name_of(const struct gallery *g, const struct header *header,
    const struct record *record, int row, struct err *err)
{
    const void *data = NULL;
    char number[40];
    size_t length = g->name >= 0 ? record_row(header, record, g->name, row, &data) : 0;
    if (length == 0) {
        data = number;
        length = (size_t)snprintf(
            number, sizeof number, "%lld", (long long)((int64_t *)record->field[g->id].data)[row]);
    }
    const size_t skip = length > NAME ? length - NAME : 0;
    char *const out = malloc(length - skip + 1);
    if (out == NULL) {
        err_memory(err, "a name");
        return NULL;
    }
    memcpy(out, (const char *)data + skip, length - skip);
    out[length - skip] = '\0';
    for (char *c = out; (c = memchr(c, '\0', (size_t)(out + length - skip - c))) != NULL;)
        *c = '?';
    return out;
}

static char *label_of(
    const struct gallery *g, const struct record *record, int row, struct err *err)
{
    const int64_t label = ((const int64_t *)record->field[g->label].data)[row];
    char number[40];
    snprintf(number, sizeof number, "%lld", (long long)label);
    const char *text = label < 0 ? "-" : number;
    if (label >= 0 && json_is_string(json_array_get(g->classes, (size_t)label)))
        text = json_string_value(json_array_get(g->classes, (size_t)label));
    char *const out = strdup(text);
    if (out == NULL)
        err_memory(err, "a label");
    return out;
}

static int write_captions(struct gallery *g, struct sheet_cell *cell, const struct header *header,
    const struct record *record, int row, struct err *err)
{
    int line = 0;
    if (g->options.names)
        cell->caption[line++] = name_of(g, header, record, row, err);
    if (g->options.labels)
        cell->caption[line++] = label_of(g, record, row, err);
    return err->status == ERR_NONE ? 0 : -1;
}

/* ---- pictures ------------------------------------------------------------------------------- */

static int copy_pixels(struct picture *out, const struct gallery *g, const struct header *header,
    const struct record *record, int row, struct err *err)
{
    const int *const shape = record_shape(header, record, g->pixels);
    const void *data;
    if (shape[2] != 1 && shape[2] != 3)
        return err_set(err, ERR_INPUT, "'pixels' of shape [%d,%d,%d], not [h,w,3 or 1]", shape[0],
            shape[1], shape[2]);
    if ((size_t)shape[0] * (size_t)shape[1] > SHEET_PIXELS - g->kept) {
        err_set(err, ERR_FAILED, "the pictures of a sheet have more than %zu million pixels",
            SHEET_PIXELS / 1000000);
        return err_hint(err, "show fewer --rows");
    }
    const size_t size = record_row(header, record, g->pixels, row, &data);
    if (picture_alloc(out, shape[0], shape[1], shape[2], SHEET_PIXELS, "a picture", err) < 0)
        return -1;
    memcpy(out->pixels, data, size);
    return 0;
}

/* A picture that cannot be decoded has no pixels, and is told of. */
static int decode_bytes(struct picture *out, const struct gallery *g, const struct header *header,
    const struct record *record, int row, struct err *err)
{
    const void *data;
    struct err reason = {0};
    const size_t size = record_row(header, record, g->bytes, row, &data);
    const int cell = g->options.cell > 0 ? g->options.cell : GALLERY_SIDE;
    if (thumbnail_decode(out, data, size, cell, &reason) == 0)
        return 0;
    if (reason.status != ERR_INPUT)
        return err_set(err, reason.status, "%s", reason.text);
    char *const name = name_of(g, header, record, row, err), text[NAME + 40];
    if (name == NULL)
        return -1;
    const bool named = g->name >= 0 && record_row(header, record, g->name, row, &data) > 0;
    snprintf(text, sizeof text, named ? "picture '%s'" : "picture %s", name);
    if (g->options.notice != NULL)
        g->options.notice(text, reason.text);
    free(name);
    return 0;
}

/* ---- cells ---------------------------------------------------------------------------------- */

static struct sheet_cell *new_cell(struct gallery *g, int row, int column, struct err *err)
{
    if (g->cells == g->room) {
        const int room = g->room > 0 ? 2 * g->room : 64;
        struct sheet_cell *const more = realloc(g->cell, (size_t)room * sizeof *more);
        if (more == NULL) {
            err_memory(err, "the cells of a sheet");
            return NULL;
        }
        g->cell = more;
        g->room = room;
    }
    struct sheet_cell *const cell = &g->cell[g->cells++];
    *cell = (struct sheet_cell){.row = row, .column = column};
    return cell;
}

static int add_cell(struct gallery *g, int at_row, int at_column, bool captions,
    const struct header *header, const struct record *record, int row, struct err *err)
{
    struct sheet_cell *const cell = new_cell(g, at_row, at_column, err);
    if (cell == NULL || (captions && write_captions(g, cell, header, record, row, err) < 0))
        return -1;
    const int got = g->pixels >= 0 ? copy_pixels(&cell->picture, g, header, record, row, err)
                                   : decode_bytes(&cell->picture, g, header, record, row, err);
    g->kept += (size_t)cell->picture.height * cell->picture.width;
    return got;
}

/* The row of a picture of this step, a new one if there is room; else -1. */
static int row_of(struct gallery *g, int64_t id)
{
    for (int i = g->rows - 1; i >= g->first; i--)
        if (g->row[i].id == id)
            return i;
    if (g->rows == most_of(g))
        return -1;
    g->row[g->rows] = (struct gallery_row){.id = id};
    return g->rows++;
}

/* Are there second views, to be shown? */
static bool has_second(const struct gallery *g, const struct record *record)
{
    const int64_t *const view = record->field[g->view].data;
    for (int row = 0; row < record->rows && g->options.columns != 1; row++)
        if (view[row] > 0)
            return true;
    return false;
}

static int add_view(struct gallery *g, const struct header *header, const struct record *record,
    int row, struct err *err)
{
    const int64_t view = ((const int64_t *)record->field[g->view].data)[row];
    if (view < 0 || view >= GALLERY_VIEWS)
        return err_set(err, ERR_INPUT, "a view has number %lld, which is not in 0 to %d",
            (long long)view, GALLERY_VIEWS - 1);
    if (g->options.columns > 0 && view >= g->options.columns)
        return 0;
    const int at = row_of(g, ((const int64_t *)record->field[g->id].data)[row]);
    if (at < 0)
        return 0;
    if (g->row[at].views++ == GALLERY_VIEWS)
        return err_set(err, ERR_INPUT, "a picture has more than %d views", GALLERY_VIEWS);
    g->complete += g->row[at].views == g->expected;
    return add_cell(g, at, (int)view, g->row[at].views == 1, header, record, row, err);
}

static int views_record(
    struct gallery *g, const struct header *header, const struct record *record, struct err *err)
{
    if (g->row == NULL && (g->row = malloc((size_t)most_of(g) * sizeof *g->row)) == NULL)
        return err_memory(err, "the rows of a sheet");
    if (g->single && has_second(g, record))
        drop_surplus(g);
    if (record->step != g->step)
        g->first = g->rows;
    g->step = record->step;
    for (int row = 0; row < record->rows; row++)
        if (add_view(g, header, record, row, err) < 0)
            return -1;
    const bool ended = record->part + 1 == record->parts;
    return g->rows < most_of(g) || (!ended && g->complete < g->rows);
}

int gallery_record(struct gallery *gallery, const struct header *header,
    const struct record *record, struct err *err)
{
    if (gallery->views)
        return views_record(gallery, header, record, err);
    for (int row = 0; row < record->rows && gallery->cells < most_of(gallery); row++)
        if (add_cell(gallery, gallery->cells, 0, true, header, record, row, err) < 0)
            return -1;
    return gallery->cells < most_of(gallery);
}

void gallery_finish(struct gallery *gallery)
{
    for (int i = 0; gallery->single && i < gallery->cells; i++) {
        struct sheet_cell *const cell = &gallery->cell[i];
        cell->column = cell->row % columns_of(gallery);
        cell->row /= columns_of(gallery);
    }
}
