/* make_stream -- write a tensor stream of random rows, so that shell tests need no other tool.
 *
 *     make_stream [NAME=VALUE]...            with these names and defaults:
 *
 *     kind=projections     header kind
 *     column=z:F32:16      the float or byte column: NAME:F32|U8:DIM[,DIM]...
 *     pictures=8           of one step; ids go on from step to step, or with ids=repeat begin again
 *     views=2              rows of a picture; with views=0 one row a picture and no column `view`
 *     view-column=1        0 leaves `view` out
 *     steps=1 start=0      steps, and the number of the first
 *     open=0               1: the first two extents of the column are open, and are in `sizes`; 2: and
 *                          are not
 *     small=0 large=2      above 0: views from the number `large` on are SMALL x SMALL, open likewise;
 *                          parts must be a multiple of views
 *     parts=1              of a step. A multiple of views: parts of one view, alternating over the same
 *                          pictures; else even slices of all rows, view by view
 *     epochs=0             above 0: with a plan of steps/epochs steps an epoch
 *     labels=0             above 0: column `label`, id % labels
 *     classes=0            above 0: the header says that there are so many
 *     names=0              1: ragged column `name`, "picture-ID"
 *     noise=1 signal=0     a float is signal * g(id) + noise * g(id, view) + class * g(label), with g
 *     class=0              standard normal; a byte is 128 + 40 times that
 *     seed=1
 *     poison=ROW:VALUE     the first number of that row of each step is VALUE (nan, inf, 0, ...)
 *     first=0              the first id
 *     unlabelled=0         above 0: of so many rows one has label -1
 *     lonely=0             1: the last row of a step gets an id of its own
 *     reverse=0            1: rows of a step (of one part) in reverse order
 *     end=1                0: leave END out
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "lib/base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *kind, *column, *ids, *poison;
    int pictures, views, view_column, steps, start, parts, epochs, labels, classes, names, seed;
    int first, unlabelled, lonely, reverse, end, open, small, large;
    double noise, signal, class;
} o = {.kind = "projections",
    .column = "z:F32:16",
    .ids = "rise",
    .pictures = 8,
    .views = 2,
    .view_column = 1,
    .steps = 1,
    .parts = 1,
    .seed = 1,
    .end = 1,
    .large = 2,
    .noise = 1};

static const struct {
    const char *name;
    const char **text;
    int *whole;
    double *real;
} table[] = {
    {"kind", &o.kind, NULL, NULL},
    {"column", &o.column, NULL, NULL},
    {"ids", &o.ids, NULL, NULL},
    {"poison", &o.poison, NULL, NULL},
    {"pictures", NULL, &o.pictures, NULL},
    {"views", NULL, &o.views, NULL},
    {"view-column", NULL, &o.view_column, NULL},
    {"steps", NULL, &o.steps, NULL},
    {"start", NULL, &o.start, NULL},
    {"parts", NULL, &o.parts, NULL},
    {"epochs", NULL, &o.epochs, NULL},
    {"labels", NULL, &o.labels, NULL},
    {"classes", NULL, &o.classes, NULL},
    {"names", NULL, &o.names, NULL},
    {"seed", NULL, &o.seed, NULL},
    {"first", NULL, &o.first, NULL},
    {"unlabelled", NULL, &o.unlabelled, NULL},
    {"lonely", NULL, &o.lonely, NULL},
    {"reverse", NULL, &o.reverse, NULL},
    {"end", NULL, &o.end, NULL},
    {"open", NULL, &o.open, NULL},
    {"small", NULL, &o.small, NULL},
    {"large", NULL, &o.large, NULL},
    {"noise", NULL, NULL, &o.noise},
    {"signal", NULL, NULL, &o.signal},
    {"class", NULL, NULL, &o.class},
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "make_stream: %s\n", what);
    exit(2);
}

static void check(int status, const struct err *err)
{
    if (status < 0)
        fail(err->text);
}

static void *room(size_t count, size_t size)
{
    void *const memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t row = 0;
        const char *const equals = strchr(argv[i], '=');
        const size_t length = equals == NULL ? 0 : (size_t)(equals - argv[i]);
        while (
            row < sizeof table / sizeof *table &&
            (strlen(table[row].name) != length || strncmp(table[row].name, argv[i], length) != 0))
            row++;
        if (row == sizeof table / sizeof *table)
            fail(argv[i]);
        if (table[row].text != NULL)
            *table[row].text = equals + 1;
        else if (table[row].whole != NULL)
            *table[row].whole = atoi(equals + 1);
        else
            *table[row].real = atof(equals + 1);
    }
    if (o.pictures < 1 || o.views < 0 || o.parts < 1)
        fail("pictures, views and parts must be positive");
    if (o.views > 0 && o.parts % o.views == 0 && o.pictures % (o.parts / o.views) != 0)
        fail("parts of one view need pictures to be a multiple of parts / views");
    if (o.small > 0 && (o.views == 0 || o.parts % o.views != 0))
        fail("views of two sizes need parts of one view");
    if (o.epochs > 0 && (o.start + o.steps) % o.epochs != 0)
        fail("steps must be a multiple of epochs");
    if (o.poison != NULL && strchr(o.poison, ':') == NULL)
        fail("poison is ROW:VALUE");
}

/* ---- one step, all rows ----------------------------------------------------------------------- */

struct step {
    int rows;
    size_t width, size; /* numbers of a row, and their bytes */
    int shape[SAFETENSORS_DIMENSIONS];
    int64_t *id, *view, *label, *offsets;
    void *data;
    char *name;
};

/* Column of the numbers: its name, dtype and shape into the header; returns numbers of a row. */
static size_t add_column(struct header *header, enum dtype *dtype, int *extents, struct err *err)
{
    char copy[200];
    int shape[SAFETENSORS_DIMENSIONS], rank = 0;
    size_t width = 1;
    snprintf(copy, sizeof copy, "%s", o.column);
    char *const type = strchr(copy, ':'), *const dims = type ? strchr(type + 1, ':') : NULL;
    if (dims == NULL)
        fail("column is NAME:TYPE:DIM[,DIM]...");
    *type = *dims = '\0';
    *dtype = strcmp(type + 1, "U8") == 0 ? DTYPE_U8 : DTYPE_F32;
    for (char *dim = strtok(dims + 1, ","); dim != NULL; dim = strtok(NULL, ",")) {
        shape[rank] = extents[rank] = atoi(dim);
        width *= (size_t)shape[rank++];
    }
    if (o.open || o.small > 0) {
        if (rank != 3)
            fail("open and small need pictures");
        const int size[2][2] = {{shape[0], shape[1]}, {o.small, o.small}};
        shape[0] = shape[1] = STREAM_VARIES;
        const int sizes = o.open == 2 ? 0 : o.small > 0 ? 2 : 1;
        check(header_set_sizes(header, sizes, size, err), err);
    }
    check(header_add(header, copy, *dtype, rank, shape, err), err);
    return width;
}

static void draw_row(const struct step *s, int row, enum dtype dtype)
{
    const int64_t label = o.labels > 0 ? s->label[row] : 0;
    struct rng own = rng_key(o.seed, 0, s->id[row], s->view[row], "noise");
    struct rng picture = rng_key(o.seed, 0, s->id[row], 0, "signal");
    struct rng class = rng_key(o.seed, 0, label, 0, "class");
    for (size_t i = 0; i < s->width; i++) {
        double x = o.noise * rng_normal(&own);
        x += o.signal != 0 ? o.signal * rng_normal(&picture) : 0;
        x += o.class != 0 ? o.class * rng_normal(&class) : 0;
        const double byte = 128 + 40 * x;
        if (dtype == DTYPE_F32)
            ((float *)s->data)[(size_t)row * s->width + i] = (float)x;
        else
            ((unsigned char *)s->data)[(size_t)row * s->width + i] =
                (unsigned char)(byte < 0     ? 0
                                : byte > 255 ? 255
                                             : byte);
    }
}

static void fill(struct step *s, int64_t step, enum dtype dtype)
{
    const int views = o.views > 0 ? o.views : 1;
    const int64_t first = strcmp(o.ids, "repeat") == 0 ? 0 : (step - o.start) * o.pictures;
    int row = 0;
    /* chunks of pictures, each view by view: with one chunk that is view by view over all */
    const int chunks = o.parts % views == 0 ? o.parts / views : 1;
    for (int chunk = 0; chunk < chunks; chunk++)
        for (int view = 0; view < views; view++)
            for (int i = o.pictures * chunk / chunks; i < o.pictures * (chunk + 1) / chunks; i++) {
                s->id[row] = o.first + first + i;
                s->view[row++] = view;
            }
    if (o.lonely)
        s->id[row - 1] = 1000000 + step;
    for (int i = 0, j = row - 1; o.reverse && i < j; i++, j--) {
        const int64_t id = s->id[i], view = s->view[i];
        s->id[i] = s->id[j];
        s->view[i] = s->view[j];
        s->id[j] = id;
        s->view[j] = view;
    }
    for (int i = 0; i < row; i++) {
        s->label[i] = o.labels > 0 ? s->id[i] % o.labels : 0;
        draw_row(s, i, dtype);
        if (o.unlabelled > 0 && i % o.unlabelled == 0)
            s->label[i] = -1;
    }
    if (o.poison != NULL && dtype == DTYPE_F32)
        ((float *)s->data)[(size_t)atoi(o.poison) * s->width] =
            strtof(strchr(o.poison, ':') + 1, NULL);
}

/* Pictures of the small size: of each row what was drawn first. */
static void shrink(struct field *field, const struct step *s, int rows)
{
    const size_t numbers = (size_t)o.small * (size_t)o.small * (size_t)s->shape[2];
    const size_t bytes = s->size / s->width * numbers;
    if (numbers > s->width)
        fail("small is larger than the column");
    for (int i = 1; i < rows; i++)
        memmove((char *)field->data + (size_t)i * bytes, (char *)field->data + (size_t)i * s->size,
            bytes);
    field->shape[0] = field->shape[1] = o.small;
}

static void write_part(
    struct writer *writer, const struct header *header, struct step *s, int64_t step, int part)
{
    struct err err = {0};
    struct field field[5];
    const int first = (int)((int64_t)s->rows * part / o.parts);
    const int last = (int)((int64_t)s->rows * (part + 1) / o.parts);
    int n = 0;
    size_t used = 0;
    field[n] = (struct field){.data = (char *)s->data + (size_t)first * s->size};
    memcpy(field[n].shape, s->shape, sizeof s->shape);
    if (o.small > 0 && s->view[first] >= o.large)
        shrink(&field[n], s, last - first);
    n++;
    field[n++].data = s->id + first;
    if (header_find(header, "view") >= 0)
        field[n++].data = s->view + first;
    if (header_find(header, "label") >= 0)
        field[n++].data = s->label + first;
    if (header_find(header, "name") >= 0) {
        for (int row = first; row < last; row++) {
            s->offsets[row - first] = (int64_t)used;
            used += (size_t)sprintf(s->name + used, "picture-%lld", (long long)s->id[row]);
        }
        s->offsets[last - first] = (int64_t)used;
        field[n++] = (struct field){.data = s->name, .offsets = s->offsets};
    }
    const struct record record = {.step = step,
        .epoch = o.epochs > 0 ? step / header->plan.steps_per_epoch : 0,
        .part = part,
        .parts = o.parts,
        .rows = last - first,
        .field = field,
        .fields = n};
    for (int i = 0; i < n; i++)
        if (!header->column[i].ragged)
            field[i].offsets = NULL;
    check(writer_record(writer, &record, &err), &err);
}

static struct header *make_header(size_t *width, enum dtype *dtype, int *extents)
{
    struct err err = {0};
    struct header *const header = header_new(o.kind, &err);
    if (header == NULL)
        fail(err.text);
    *width = add_column(header, dtype, extents, &err);
    check(header_add(header, "id", DTYPE_I64, 0, NULL, &err), &err);
    if (o.views > 0 && o.view_column)
        check(header_add(header, "view", DTYPE_I64, 0, NULL, &err), &err);
    if (o.labels > 0)
        check(header_add(header, "label", DTYPE_I64, 0, NULL, &err), &err);
    if (o.names)
        check(header_add(header, "name", DTYPE_U8, -1, NULL, &err), &err);
    const struct plan plan = {.batch = o.pictures,
        .views = o.views,
        .epochs = o.epochs,
        .steps = o.start + o.steps,
        .steps_per_epoch = o.epochs > 0 ? (o.start + o.steps) / o.epochs : 0,
        .seed = o.seed};
    if (o.classes > 0) {
        json_t *const dataset = json_pack("{s:i}", "classes", o.classes);
        check(header_set(header, "dataset", dataset, &err), &err);
        json_decref(dataset);
    }
    if (o.epochs > 0)
        check(header_set_plan(header, &plan, &err), &err);
    return header;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct step s = {0};
    enum dtype dtype;
    parse(argc, argv);
    struct header *const header = make_header(&s.width, &dtype, s.shape);
    s.rows = o.pictures * (o.views > 0 ? o.views : 1);
    s.size = s.width * dtype_size(dtype);
    s.id = room((size_t)s.rows, sizeof *s.id);
    s.view = room((size_t)s.rows, sizeof *s.view);
    s.label = room((size_t)s.rows, sizeof *s.label);
    s.offsets = room((size_t)s.rows + 1, sizeof *s.offsets);
    s.name = room((size_t)s.rows, 32);
    s.data = room((size_t)s.rows, s.size);

    struct channel *const out = channel_create(NULL, &err);
    struct writer *const writer = out ? writer_new(out, STREAM_LEVEL, header, &err) : NULL;
    if (writer == NULL)
        fail(err.text);
    for (int64_t step = o.start; step < o.start + o.steps; step++) {
        fill(&s, step, dtype);
        for (int part = 0; part < o.parts; part++)
            write_part(writer, header, &s, step, part);
    }
    if (o.end)
        check(writer_end(writer, &err), &err);
    writer_free(writer);
    header_free(header);
    free(s.id);
    free(s.view);
    free(s.label);
    free(s.offsets);
    free(s.name);
    free(s.data);
    check(channel_finish(out, &err), &err);
    return 0;
}
