/* views -- the views of one record of pictures: made, and cut into records.
 * SPDX-License-Identifier: MIT */
#include "lib/image/views.h"

#include "formats/picture.h"
#include "lib/base/arena.h"
#include "lib/base/shape.h"
#include "lib/image/parts.h"
#include "lib/image/sight.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 8, /* pictures; of encoded ones, which take their time, one */
    CHANNELS = 3
};

struct views {
    struct views_options options;
    struct parallel *parallel;
    const struct header *in;
    struct header *rest;           /* columns that are passed on */
    struct header *out;            /* those, then pixels, then view */
    int source, id;                /* columns of `in` */
    struct sight sight;            /* the recipe of each view, and how pictures are decoded */
    int views;                     /* of both recipes */
    int size;                      /* the larger one of both */
    int block;                     /* pictures that a thread takes at once */
    struct augment_scratch *local; /* [threads] */
    struct augment_draw *draw;     /* [threads][V] */
    struct arena arena;

    struct parts parts;      /* of the step at hand */
    struct views_made *made; /* what is being made */
};

struct views_made {
    const struct views *views;
    const struct record *record; /* the input */
    int rows;                    /* room in the next four */
    unsigned char *pixels;       /* [V][rows] views of rows; then [V][kept]; see place() */
    struct err **reason;         /* [rows] why one was left out, or NULL */
    int told;                    /* reasons that are there */
    int *kept, *chosen;          /* [rows], [V rows]: rows of the input */
    int64_t *number;             /* [V rows]: column `view` */
    int count;                   /* rows kept */
    struct parts parts;
    struct record selected, out;
};

/* ---- two recipes ----------------------------------------------------------------------------- */

static bool has_two_sizes(const struct views *v)
{
    return v->options.more > 0 && v->options.small.size != v->options.recipe.size;
}

static size_t view_bytes(const struct views *v, int view)
{
    const size_t size = (size_t)v->sight.recipe[view]->size;
    return CHANNELS * size * size;
}

/* Where a view of a row lies when each view has `rows` of them: those of the first recipe lie before
 * those of the second. */
static size_t place(const struct views *v, int view, int rows, int row)
{
    const int large = v->options.views;
    if (view < large)
        return ((size_t)view * rows + row) * view_bytes(v, view);
    return (size_t)large * rows * view_bytes(v, 0) +
           ((size_t)(view - large) * rows + row) * view_bytes(v, view);
}

int views_size(const struct header *in)
{
    const int i = header_find(in, "pixels");
    const struct column *const c = i < 0 ? NULL : &in->column[i];
    const bool fixed = c != NULL && !c->ragged && !c->varies && c->rank == 3;
    return fixed && c->shape[0] == c->shape[1] ? c->shape[0] : 0;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static int find_columns(struct views *v, const char *source, struct err *err)
{
    const struct header *const in = v->in;
    if (strcmp(in->kind, "images") != 0)
        return err_set(err, ERR_INPUT, "'%s' holds %s, not images", source, in->kind);
    v->id = header_need(in, "id", DTYPE_I64, 0, source, err);
    if (v->id < 0)
        return -1;
    v->source = header_find(in, "pixels");
    if (v->source < 0) {
        v->source = header_find(in, "bytes");
        if (v->source < 0)
            return err_set(err, ERR_INPUT, "'%s' has neither column 'pixels' nor 'bytes'", source);
        return header_need(in, "bytes", DTYPE_U8, -1, source, err) < 0 ? -1 : 0;
    }
    if (header_need(in, "pixels", DTYPE_U8, 3, source, err) < 0)
        return -1;
    const int *const shape = in->column[v->source].shape;
    if (shape[0] < 1 || shape[1] < 1 || (shape[2] != 1 && shape[2] != 3))
        return err_set(err, ERR_INPUT, "'%s' has 'pixels' of shape [%d,%d,%d], not [h,w,3 or 1]",
            source, shape[0], shape[1], shape[2]);
    return 0;
}

static int make_headers(struct views *v, struct err *err)
{
    const int size = v->options.recipe.size, small = v->options.small.size;
    const int sizes[][2] = {{size, size}, {small, small}};
    const int side = has_two_sizes(v) ? STREAM_VARIES : size, shape[] = {side, side, CHANNELS};
    struct plan plan = v->in->plan;
    v->rest = header_copy(v->in, err);
    if (v->rest == NULL)
        return -1;
    header_drop(v->rest, v->in->column[v->source].name);
    v->out = header_copy(v->rest, err);
    if (v->out == NULL || header_set_kind(v->out, "views", err) < 0 ||
        header_add(v->out, "pixels", DTYPE_U8, 3, shape, err) < 0 ||
        header_add(v->out, "view", DTYPE_I64, 0, NULL, err) < 0)
        return -1;
    if (has_two_sizes(v) && header_set_sizes(v->out, 2, sizes, err) < 0)
        return -1;
    plan.views = v->views;
    return plan.steps > 0 ? header_set_plan(v->out, &plan, err) : 0;
}

/* Which recipe each view has, and what else is asked of its picture. */
static int make_sight(struct views *v, struct err *err)
{
    const struct views_options *const o = &v->options;
    const struct augment **const recipe = malloc((size_t)v->views * sizeof *recipe);
    if (recipe == NULL)
        return err_memory(err, "views");
    for (int view = 0; view < v->views; view++)
        recipe[view] = view < o->views ? &o->recipe : &o->small;
    v->sight = (struct sight){recipe, v->views, o->seed, o->rules, o->whole};
    return 0;
}

static int make_scratch(struct views *v, struct err *err)
{
    const int threads = parallel_threads(v->parallel);
    v->local = calloc((size_t)threads, sizeof *v->local);
    v->draw = calloc(shape_times((size_t)threads, (size_t)v->views), sizeof *v->draw);
    if (v->local == NULL || v->draw == NULL)
        return err_memory(err, "views");
    for (int i = 0; i < threads; i++)
        augment_layout(&v->local[i], &v->arena, v->size);
    if (arena_alloc(&v->arena, "views", err) < 0)
        return -1;
    for (int i = 0; i < threads; i++)
        augment_layout(&v->local[i], &v->arena, v->size);
    return 0;
}

struct views *views_new(const struct header *in, const struct views_options *options,
    struct parallel *parallel, const char *source, struct err *err)
{
    struct views *const v = calloc(1, sizeof *v);
    if (v == NULL) {
        err_memory(err, "views");
        return NULL;
    }
    v->options = *options;
    v->parallel = parallel;
    v->in = in;
    v->views = options->views + options->more;
    v->size = options->recipe.size;
    if (options->more > 0 && options->small.size > v->size)
        v->size = options->small.size;
    v->parts = (struct parts){.views = v->views,
        .limit = options->part,
        .first = has_two_sizes(v) ? options->views : v->views};
    if (find_columns(v, source, err) < 0 || make_headers(v, err) < 0 || make_sight(v, err) < 0 ||
        make_scratch(v, err) < 0) {
        views_free(v);
        return NULL;
    }
    v->block = in->column[v->source].ragged ? 1 : BLOCK;
    return v;
}

void views_free(struct views *v)
{
    if (v == NULL)
        return;
    header_free(v->rest);
    header_free(v->out);
    free(v->sight.recipe);
    free(v->local);
    free(v->draw);
    arena_free(&v->arena);
    free(v);
}

struct header *views_header(struct views *v)
{
    return v->out;
}

/* ---- what is made ---------------------------------------------------------------------------- */

struct views_made *views_made_new(const struct views *views, struct err *err)
{
    struct views_made *const m = calloc(1, sizeof *m);
    struct field *const field = calloc((size_t)views->out->columns, sizeof *field);
    if (m == NULL || field == NULL) {
        free(m);
        free(field);
        err_memory(err, "views");
        return NULL;
    }
    m->views = views;
    m->out.field = field;
    m->out.fields = views->out->columns;
    return m;
}

static const struct err no_memory = {ERR_FAILED, "cannot allocate memory for views", ""};

static void forget_reasons(struct views_made *m)
{
    for (int i = 0; i < m->told; i++)
        if (m->reason[i] != &no_memory)
            free(m->reason[i]);
    m->told = 0;
}

static void free_rows(struct views_made *m)
{
    free(m->pixels);
    free(m->reason);
    free(m->kept);
    free(m->chosen);
    free(m->number);
    m->pixels = NULL;
    m->reason = NULL;
    m->kept = m->chosen = NULL;
    m->number = NULL;
    m->rows = 0;
}

void views_made_free(struct views_made *m)
{
    if (m == NULL)
        return;
    forget_reasons(m);
    free_rows(m);
    free(m->out.field);
    record_free(&m->selected);
    free(m);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Room for a record of so many rows. */
static int reserve(const struct views *v, struct views_made *m, int rows, struct err *err)
{
    const struct views_options *const o = &v->options;
    const size_t all = shape_times((size_t)rows, (size_t)v->views);
    const size_t large = shape_times(shape_times((size_t)rows, (size_t)o->views), view_bytes(v, 0));
    const size_t small = o->more == 0 ? 0
                                      : shape_times(shape_times((size_t)rows, (size_t)o->more),
                                            view_bytes(v, o->views));
    if (large > STREAM_RECORD || small > STREAM_RECORD || all > INT32_MAX) {
        err_set(err, ERR_FAILED, "cannot hold %d views of %d pictures of size %d in one record",
            small > STREAM_RECORD ? o->more : o->views, rows,
            small > STREAM_RECORD ? o->small.size : o->recipe.size);
        return err_hint(err, "smaller records at the source, with --batch or --part, help");
    }
    if (rows <= m->rows)
        return 0;
    free_rows(m);
    m->pixels = malloc(large + small);
    m->reason = malloc((size_t)rows * sizeof *m->reason);
    m->kept = malloc((size_t)rows * sizeof *m->kept);
    m->chosen = malloc(all * sizeof *m->chosen);
    m->number = malloc(all * sizeof *m->number);
    if (!m->pixels || !m->reason || !m->kept || !m->chosen || !m->number)
        return err_memory(err, "views");
    m->rows = rows;
    return 0;
}

/* The draws of one row, and its picture: borrowed from the record, or what its views show, decoded. */
static int get_picture(
    struct views *v, struct picture *out, struct augment_draw *draw, int row, struct err *err)
{
    const struct column *const c = &v->in->column[v->source];
    const struct record *const record = v->made->record;
    const int64_t id = ((const int64_t *)record->field[v->id].data)[row];
    const void *data;
    const size_t bytes = record_row(v->in, record, v->source, row, &data);
    if (c->ragged)
        return sight_decode(out, draw, &v->sight, record->epoch, id, data, bytes, err);
    *out = (struct picture){c->shape[0], c->shape[1], c->shape[2], (unsigned char *)data, 0, 0, 1};
    sight_draw(draw, &v->sight, record->epoch, id, out->height, out->width);
    return 0;
}

static struct err *keep_reason(const struct err *err)
{
    struct err *const kept = malloc(sizeof *kept);
    if (kept == NULL)
        return (struct err *)&no_memory;
    *kept = *err;
    return kept;
}

static void make_row(struct views *v, int row, int thread)
{
    struct augment_draw *const draw = v->draw + (size_t)thread * v->views;
    struct picture p;
    struct err err = {0};
    v->made->reason[row] = NULL;
    if (get_picture(v, &p, draw, row, &err) < 0) {
        v->made->reason[row] = keep_reason(&err);
        return;
    }
    for (int view = 0; view < v->views; view++)
        augment_view(v->made->pixels + place(v, view, v->made->record->rows, row),
            v->sight.recipe[view], &draw[view], &p, &v->local[thread]);
    if (v->in->column[v->source].ragged)
        picture_free(&p);
}

static void make_block(void *context, int block, int thread)
{
    struct views *const v = context;
    const int first = block * v->block, left = v->made->record->rows - first;
    for (int i = 0; i < v->block && i < left; i++)
        make_row(v, first + i, thread);
}

/* Move the rows that are there together: [V][rows] becomes [V][kept]. */
static void close_gaps(const struct views *v, struct views_made *m)
{
    for (int view = 0; view < v->views; view++)
        for (int i = 0; i < m->count; i++)
            memmove(m->pixels + place(v, view, m->count, i),
                m->pixels + place(v, view, m->record->rows, m->kept[i]), view_bytes(v, view));
}

int views_make(struct views *v, struct views_made *m, const struct record *record, struct err *err)
{
    forget_reasons(m);
    m->record = record;
    m->count = 0;
    if (reserve(v, m, record->rows, err) < 0)
        return -1;
    v->made = m;
    parallel_run(v->parallel, (record->rows - 1) / v->block + 1, make_block, v);
    m->told = record->rows;
    for (int row = 0; row < record->rows; row++) {
        const struct err *const reason = m->reason[row];
        if (reason == NULL)
            m->kept[m->count++] = row;
        else if (reason->status != ERR_INPUT)
            return err_set(err, reason->status, "%s", reason->text);
    }
    if (m->count < record->rows)
        close_gaps(v, m);
    const int records = parts_cut(&v->parts, record, m->count, err);
    m->parts = v->parts;
    return records;
}

const struct err *views_reason(const struct views_made *m, int row)
{
    const struct err *const reason = row < m->told ? m->reason[row] : NULL;
    return reason != NULL && reason->status == ERR_INPUT ? reason : NULL;
}

/* ---- records --------------------------------------------------------------------------------- */

const struct record *views_record(struct views_made *m, int i, struct err *err)
{
    const struct views *const v = m->views;
    const struct parts_range range = parts_range(&m->parts, i);
    const int rows = range.views * range.rows, passed = v->rest->columns;
    for (int j = 0; j < rows; j++) {
        m->chosen[j] = m->kept[range.first + j % range.rows];
        m->number[j] = range.view + j / range.rows;
    }
    if (record_select(&m->selected, v->rest, m->record, v->in, m->chosen, rows, err) < 0)
        return NULL;
    m->out.step = m->record->step;
    m->out.epoch = m->record->epoch;
    m->out.part = range.part;
    m->out.parts = range.parts;
    m->out.rows = rows;
    for (int j = 0; j < passed; j++)
        m->out.field[j] = m->selected.field[j];
    const int size = v->sight.recipe[range.view]->size;
    m->out.field[passed] =
        (struct field){.data = m->pixels + place(v, range.view, m->count, range.first),
            .shape = {size, size, CHANNELS}};
    m->out.field[passed + 1] = (struct field){.data = m->number};
    return &m->out;
}
