/* dataset -- several sources as one.
 * SPDX-License-Identifier: MIT */
#include "formats/dataset.h"

#include "formats/pnm.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES = 1 << 18 }; /* bytes that names of classes may take in a header of 1 MiB */

/* Join the classes that a source has by now, beyond those that were joined before. */
static int join_classes(struct dataset *out, struct dataset_source *entry, struct err *err)
{
    const struct classes *const from = entry->source.classes;
    if (from->named == entry->joined)
        return 0;
    int *const more = realloc(entry->class, (size_t)from->named * sizeof *more);
    if (more == NULL)
        return err_memory(err, "names of classes");
    entry->class = more;
    for (; entry->joined < from->named; entry->joined++) {
        const char *const name = from->name[entry->joined];
        int found = classes_find(&out->classes, name);
        if (found < 0)
            found = classes_add(&out->classes, name, err);
        if (found < 0)
            return -1;
        entry->class[entry->joined] = found;
    }
    return 0;
}

static int add_source(struct dataset *out, const char *path, enum dataset_use use, struct err *err)
{
    struct dataset_source *const entry = &out->source[out->sources];
    struct source *const source = &entry->source;
    int64_t left = out->limit; /* what a copy is made of; 0: all */
    if (left > 0)
        left = out->count < left ? left - out->count : 1;
    if (source_open(source, path, use == DATASET_ONCE ? NULL : &out->spool, left, err) < 0)
        return -1;
    entry->path = path;
    entry->first = out->count;
    if (out->sources++ == 0) {
        out->height = source->height;
        out->width = source->width;
        out->channels = source->channels;
    } else if (out->height != source->height || out->width != source->width ||
               out->channels != source->channels) {
        out->height = out->width = out->channels = 0;
    }
    out->count = out->count < 0 || source->count < 0 ? -1 : out->count + source->count;
    out->ignored += source->ignored;
    out->named |= source->named;
    out->open |= source->kind == SOURCE_PASSING && !source->as.passing.complete;
    return join_classes(out, entry, err);
}

/* Numbers without names need room too, and then not all classes have a name. Those that pass by may
 * bring more of both: then the names are kept to number them by. */
static void count_classes(struct dataset *out)
{
    int most = out->classes.named;
    for (int i = 0; i < out->sources; i++)
        if (out->source[i].class == NULL && out->source[i].source.classes->count > most)
            most = out->source[i].source.classes->count;
    if (most > out->classes.named && out->open)
        return;
    if (most > out->classes.named)
        classes_free(&out->classes);
    out->classes.count = most;
}

static bool is_standard_input(const char *path)
{
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

static const char *shown(const struct dataset_source *s)
{
    return is_standard_input(s->path) ? "standard input" : s->path;
}

int dataset_open(struct dataset *out, char *const *path, int paths, enum dataset_use use,
    int64_t limit, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->limit = limit;
    out->source = calloc((size_t)paths, sizeof *out->source);
    int failed = out->source == NULL ? err_memory(err, "the sources") : 0;
    for (int i = 0, inputs = 0; i < paths && !failed; i++) {
        inputs += is_standard_input(path[i]);
        failed = inputs > 1 ? err_set(err, ERR_MISUSE, "standard input cannot be read twice")
                            : add_source(out, path[i], use, err);
    }
    if (failed) {
        dataset_close(out);
        return -1;
    }
    count_classes(out);
    if (limit > 0 && limit < out->count) /* never what is not known */
        out->count = limit;
    return 0;
}

void dataset_close(struct dataset *dataset)
{
    for (int i = 0; i < dataset->sources; i++) {
        source_close(&dataset->source[i].source);
        free(dataset->source[i].class);
    }
    free(dataset->source);
    spool_close(&dataset->spool);
    classes_free(&dataset->classes);
    memset(dataset, 0, sizeof *dataset);
}

/* JSON has no room for bytes that are not UTF-8: in such a name they become '?'. */
static json_t *text(const char *name)
{
    json_t *out = json_string(name);
    char *const copy = out == NULL ? strdup(name) : NULL;
    if (copy != NULL) {
        for (char *c = copy; *c != '\0'; c++)
            *c = (unsigned char)*c < 0x80 ? *c : '?';
        out = json_string(copy);
    }
    free(copy);
    return out;
}

json_t *dataset_describe(const struct dataset *dataset, bool labels, struct err *err)
{
    const struct classes *const classes = &dataset->classes;
    json_t *const out = dataset->count < 0 ? json_pack("{s:[i,i]}", "shard", 0, 1)
                                           : json_pack("{s:I, s:[i,i]}", "images",
                                                 (json_int_t)dataset->count, "shard", 0, 1);
    labels = labels && !dataset->open;
    json_t *const names = json_array();
    size_t size = 0;
    int failed = out == NULL || names == NULL;
    for (int i = 0; i < classes->named && size <= NAMES && !failed; i++) {
        size += strlen(classes->name[i]) + 3;
        failed = json_array_append_new(names, text(classes->name[i])) < 0;
    }
    if (labels && !failed)
        failed = json_object_set_new(out, "classes", json_integer(classes->count)) < 0;
    if (labels && classes->named > 0 && size <= NAMES && !failed)
        failed = json_object_set(out, "class_names", names) < 0;
    json_decref(names);
    if (!failed)
        return out;
    json_decref(out);
    err_memory(err, "a header");
    return NULL;
}

/* The source of an id, by bisection: a command line may name thousands of pictures. */
static const struct dataset_source *find(const struct dataset *dataset, int64_t id)
{
    int low = 0, high = dataset->sources - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (dataset->source[middle].first <= id)
            low = middle;
        else
            high = middle - 1;
    }
    return &dataset->source[low];
}

static int our_label(const struct dataset_source *s, int label)
{
    return label >= 0 && s->class != NULL ? s->class[label] : label;
}

int dataset_label(const struct dataset *dataset, int64_t id)
{
    const struct dataset_source *const s = find(dataset, id);
    const int label = source_label(&s->source, id - s->first);
    return our_label(s, label);
}

const char *dataset_name(const struct dataset *dataset, int64_t id)
{
    const struct dataset_source *const s = find(dataset, id);
    return source_name(&s->source, id - s->first);
}

/* In a data set of encoded pictures a raw one is a PNM file: its header. */
static int add_header(
    const struct dataset *dataset, const struct source *source, struct bytes *out, struct err *err)
{
    char header[PNM_HEADER];
    if (dataset->channels != 0 || source->channels == 0)
        return 0;
    const size_t size = pnm_header(header, source->height, source->width, source->channels);
    unsigned char *const room = bytes_room(out, size, err);
    if (room == NULL)
        return -1;
    memcpy(room, header, size);
    out->size += size;
    return 0;
}

int dataset_read(const struct dataset *dataset, int64_t id, struct bytes *out, struct err *err)
{
    const struct dataset_source *const s = find(dataset, id);
    const size_t before = out->size;
    if (add_header(dataset, &s->source, out, err) == 0 &&
        source_read(&s->source, id - s->first, out, err) == 0)
        return 0;
    out->size = before;
    return -1;
}

/* ---- one after another ---------------------------------------------------------------------- */

/* The next row of a source that has its rows in any order. */
static int next_by_number(struct dataset *dataset, struct dataset_source *s,
    struct dataset_row *row, struct bytes *out, struct err *err)
{
    const int64_t i = dataset->next_row;
    if (i == s->source.count)
        return 0;
    row->label = our_label(s, source_label(&s->source, i));
    row->name = source_name(&s->source, i);
    if (add_header(dataset, &s->source, out, err) < 0)
        return -1;
    if (source_read(&s->source, i, out, err) == 0)
        return 1;
    return err->status == ERR_INPUT ? 2 : -1;
}

/* Of one that passes by. Classes that the header should have named are refused. */
static int next_as_it_comes(struct dataset *dataset, struct dataset_source *s,
    struct dataset_row *row, struct bytes *out, struct err *err)
{
    const int known = dataset->classes.named;
    const int64_t ignored = s->source.ignored;
    if (add_header(dataset, &s->source, out, err) < 0)
        return -1;
    const int got = source_next(&s->source, &row->label, &row->name, out, err);
    dataset->ignored += s->source.ignored - ignored;
    if (got == 0 && dataset->next_row == 0)
        return err_set(err, ERR_INPUT, "there are no pictures in '%s' (%lld other files)", shown(s),
            (long long)s->source.ignored);
    if (got <= 0)
        return got;
    if (join_classes(dataset, s, err) < 0)
        return -1;
    if (!dataset->open && dataset->classes.named > known)
        return err_set(err, ERR_INPUT, "'%s' has class '%s', which was not known at its beginning",
            shown(s), dataset->classes.name[known]);
    row->label = our_label(s, row->label);
    return 1;
}

int dataset_next(
    struct dataset *dataset, struct dataset_row *row, struct bytes *out, struct err *err)
{
    const size_t before = out->size;
    while (dataset->next_source < dataset->sources &&
           (dataset->limit == 0 || dataset->next_id < dataset->limit)) {
        struct dataset_source *const s = &dataset->source[dataset->next_source];
        const int got = s->source.count < 0 ? next_as_it_comes(dataset, s, row, out, err)
                                            : next_by_number(dataset, s, row, out, err);
        if (got != 1)
            out->size = before;
        if (got != 0) {
            row->id = dataset->next_id;
            dataset->next_id += got > 0;
            dataset->next_row += got > 0;
            return got;
        }
        dataset->next_source++;
        dataset->next_row = 0;
    }
    return 0;
}

const char *dataset_unclassed(const struct dataset *dataset)
{
    for (int i = 0; i < dataset->sources; i++) {
        const struct source *const source = &dataset->source[i].source;
        if (source->kind == SOURCE_PASSING && source->as.passing.folders &&
            !source->as.passing.labelled)
            return shown(&dataset->source[i]);
    }
    return NULL;
}
