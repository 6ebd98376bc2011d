/* dataset -- several sources as one.
 * SPDX-License-Identifier: MIT */
#include "formats/dataset.h"

#include "formats/pnm.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES = 1 << 18 }; /* bytes that names of classes may take in a header of 1 MiB */

/* Join the classes of one more source to those that are there. */
static int join_classes(struct dataset *out, struct dataset_source *entry, struct err *err)
{
    const struct classes *const from = entry->source.classes;
    if (from->named > 0 && (entry->class = malloc((size_t)from->named * sizeof(int))) == NULL)
        return err_memory(err, "names of classes");
    for (int i = 0; i < from->named; i++) {
        int found = classes_find(&out->classes, from->name[i]);
        if (found < 0)
            found = classes_add(&out->classes, from->name[i], err);
        if (found < 0)
            return -1;
        entry->class[i] = found;
    }
    return 0;
}

static int add_source(struct dataset *out, const char *path, struct err *err)
{
    struct dataset_source *const entry = &out->source[out->sources];
    struct source *const source = &entry->source;
    if (source_open(source, path, err) < 0)
        return -1;
    entry->first = out->count;
    if (out->sources++ == 0) {
        out->height = source->height;
        out->width = source->width;
        out->channels = source->channels;
    } else if (out->height != source->height || out->width != source->width ||
               out->channels != source->channels) {
        out->height = out->width = out->channels = 0;
    }
    out->count += source->count;
    out->ignored += source->ignored;
    out->named |= source->kind == SOURCE_FOLDER;
    return join_classes(out, entry, err);
}

/* Numbers without names need room too, and then not all classes have a name. */
static void count_classes(struct dataset *out)
{
    int most = out->classes.named;
    for (int i = 0; i < out->sources; i++)
        if (out->source[i].class == NULL && out->source[i].source.classes->count > most)
            most = out->source[i].source.classes->count;
    if (most > out->classes.named)
        classes_free(&out->classes);
    out->classes.count = most;
}

int dataset_open(struct dataset *out, char *const *path, int paths, enum dataset_use use,
    int64_t limit, struct err *err)
{
    (void)use; /* every source so far has its rows in any order */
    memset(out, 0, sizeof *out);
    out->limit = limit;
    out->source = calloc((size_t)paths, sizeof *out->source);
    int failed = out->source == NULL ? err_memory(err, "the sources") : 0;
    for (int i = 0; i < paths && !failed; i++)
        failed = add_source(out, path[i], err);
    if (failed) {
        dataset_close(out);
        return -1;
    }
    count_classes(out);
    if (limit > 0 && limit < out->count)
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
    json_t *const out =
        json_pack("{s:I, s:[i,i]}", "images", (json_int_t)dataset->count, "shard", 0, 1);
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

int dataset_label(const struct dataset *dataset, int64_t id)
{
    const struct dataset_source *const s = find(dataset, id);
    const int label = source_label(&s->source, id - s->first);
    return label >= 0 && s->class != NULL ? s->class[label] : label;
}

const char *dataset_name(const struct dataset *dataset, int64_t id)
{
    const struct dataset_source *const s = find(dataset, id);
    return source_name(&s->source, id - s->first);
}

int dataset_read(const struct dataset *dataset, int64_t id, struct bytes *out, struct err *err)
{
    const struct dataset_source *const s = find(dataset, id);
    const size_t before = out->size;
    if (dataset->channels == 0 && s->source.channels != 0) {
        char header[PNM_HEADER];
        const size_t size =
            pnm_header(header, s->source.height, s->source.width, s->source.channels);
        unsigned char *const room = bytes_room(out, size, err);
        if (room == NULL)
            return -1;
        memcpy(room, header, size);
        out->size += size;
    }
    const int failed = source_read(&s->source, id - s->first, out, err);
    if (failed)
        out->size = before;
    return failed;
}

int dataset_next(
    struct dataset *dataset, struct dataset_row *row, struct bytes *out, struct err *err)
{
    if (dataset->next_id == dataset->count)
        return 0;
    const int64_t id = dataset->next_id++;
    *row = (struct dataset_row){id, dataset_label(dataset, id), dataset_name(dataset, id)};
    if (dataset_read(dataset, id, out, err) == 0)
        return 1;
    return err->status == ERR_INPUT ? 2 : -1;
}
