/* passing -- archives and streams, picture by picture.
 * SPDX-License-Identifier: MIT */
#include "formats/passing.h"

#include "formats/label.h"
#include "formats/stream.h"
#include "formats/tar.h"
#include "formats/unpack.h"
#include "formats/webdataset.h"

#include <stdlib.h>
#include <string.h>

struct passing_tar {
    struct unpack *unpack;
    struct tar *tar;
    struct webdataset *set;
};

struct passing_stream {
    struct reader *reader;
    const struct header *header;
    struct record record;
    int row;                 /* the next of the record */
    int pixels, label, name; /* columns, or -1 */
    int *class;              /* [classes] class of this header -> ours; NULL: numbers */
    int classes;             /* that the header has, -1: it does not say */
    struct bytes text;       /* a name with its '\0' */
};

enum passing_kind passing_kind(const void *bytes, size_t size)
{
    const unsigned char *const b = bytes;
    if (tar_is(bytes, size))
        return PASSING_TAR;
    /* A safetensors document: the length of its header, then '{'. */
    if (size >= 9 && b[8] == '{' && b[2] <= 0x10 && memcmp(b + 3, "\0\0\0\0\0", 5) == 0)
        return PASSING_STREAM;
    /* An archive without members is nothing but zeros. */
    size_t zeros = 0;
    while (zeros < size && b[zeros] == 0)
        zeros++;
    return size >= TAR_BLOCK && zeros == size ? PASSING_TAR : PASSING_NONE;
}

/* ---- archives ------------------------------------------------------------------------------- */

static int begin_tar(struct passing *p, struct err *err)
{
    struct passing_tar *const t = calloc(1, sizeof *t);
    p->tar = t;
    if (t == NULL)
        return err_memory(err, "an archive");
    t->unpack = unpack_new(p->channel, err);
    t->tar = t->unpack == NULL ? NULL : tar_new(t->unpack, err);
    t->set = t->tar == NULL ? NULL : webdataset_new(t->tar, channel_name(p->channel), true, err);
    return t->set == NULL ? -1 : 0;
}

static void end_tar(struct passing_tar *t)
{
    if (t == NULL)
        return;
    webdataset_free(t->set);
    tar_free(t->tar);
    unpack_free(t->unpack);
    free(t);
}

/* Is there a folder in the name, other than "." at its beginning? */
static bool has_folder(const char *name)
{
    const char *const slash = strrchr(name, '/');
    return slash != NULL && slash > name && !(slash == name + 1 && name[0] == '.');
}

static int next_tar(struct passing *p, struct passing_row *row, struct bytes *out, struct err *err)
{
    struct webdataset_picture picture;
    const int got = webdataset_next(p->tar->set, &picture, err);
    p->ignored = webdataset_ignored(p->tar->set);
    p->labelled = webdataset_labelled(p->tar->set);
    if (got <= 0)
        return got;
    unsigned char *const room = bytes_room(out, (size_t)picture.size, err);
    if (room == NULL)
        return -1;
    memcpy(room, picture.bytes, (size_t)picture.size);
    out->size += (size_t)picture.size;
    *row = (struct passing_row){picture.name, picture.label, LABEL_NONE};
    p->folders |= has_folder(picture.name);
    return 1;
}

/* ---- streams -------------------------------------------------------------------------------- */

/* Join the class names of a header to those that are there. */
static int join_names(struct passing *p, const json_t *names, struct err *err)
{
    struct passing_stream *const s = p->stream;
    const size_t count = json_array_size(names);
    int *const class = malloc((count + !count) * sizeof *class);
    if (class == NULL)
        return err_memory(err, "names of classes");
    free(s->class);
    s->class = class;
    s->classes = (int)count; /* a header has at most 1 MiB */
    for (size_t i = 0; i < count; i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        if (name == NULL)
            return err_set(err, ERR_INPUT, "'%s' has classes whose names are no text",
                channel_name(p->channel));
        class[i] = classes_find(&p->classes, name);
        if (class[i] < 0)
            class[i] = classes_add(&p->classes, name, err);
        if (class[i] < 0)
            return -1;
    }
    return 0;
}

/* What the header says of labels. */
static int take_classes(struct passing *p, struct err *err)
{
    struct passing_stream *const s = p->stream;
    json_t *const dataset = header_get(s->header, "dataset");
    const json_t *const names = json_object_get(dataset, "class_names");
    const json_t *const count = json_object_get(dataset, "classes");
    const int before = p->labels;
    int failed = 0;
    free(s->class);
    s->class = NULL;
    s->classes = -1;
    p->labels = LABELS_NUMBERS;
    if (s->label < 0) {
        p->complete = true;
    } else if (json_is_array(names) && json_array_size(names) > 0) {
        p->labels = LABELS_NAMES;
        p->complete = true;
        failed = join_names(p, names, err);
    } else if (json_is_integer(count)) {
        const json_int_t value = json_integer_value(count);
        s->classes = value > LABEL_MOST ? LABEL_MOST : value < 0 ? 0 : (int)value;
        p->complete = true;
        if (s->classes > p->classes.count)
            p->classes.count = s->classes;
    }
    json_decref(dataset);
    if (!failed && before != LABELS_UNKNOWN && before != (int)p->labels)
        failed = err_set(err, ERR_INPUT, "'%s' has classes with names, and others without",
            channel_name(p->channel));
    return failed;
}

static int find_columns(struct passing *p, struct err *err)
{
    struct passing_stream *const s = p->stream;
    const char *const name = channel_name(p->channel);
    const struct header *const h = s->header;
    int height = 0, width = 0, channels = 0;
    if (strcmp(h->kind, "images") != 0)
        return err_set(err, ERR_MISUSE, "'%s' is a stream of %s, not of images", name, h->kind);
    if (h->plan.epochs > 1)
        return err_set(err, ERR_MISUSE, "'%s' is a training run of %d epochs, not a data set", name,
            h->plan.epochs);
    s->label = header_find(h, "label");
    if (s->label >= 0 && header_need(h, "label", DTYPE_I64, 0, name, err) < 0)
        return -1;
    s->name = header_find(h, "name");
    if (s->name >= 0 && header_need(h, "name", DTYPE_U8, -1, name, err) < 0)
        return -1;
    s->pixels = header_find(h, "pixels");
    if (s->pixels < 0) {
        s->pixels = header_need(h, "bytes", DTYPE_U8, -1, name, err);
    } else if ((s->pixels = header_need(h, "pixels", DTYPE_U8, 3, name, err)) >= 0) {
        const int *const shape = h->column[s->pixels].shape;
        if (h->column[s->pixels].varies)
            return err_set(err, ERR_INPUT, "'%s' has pixels of several sizes", name);
        height = shape[0], width = shape[1], channels = shape[2];
        if (channels != 1 && channels != 3)
            return err_set(err, ERR_INPUT, "'%s' has pictures of %d channels", name, channels);
    }
    if (p->count > 0 || p->stream->record.rows > 0)
        return s->pixels < 0 ? -1 : 0; /* the reader holds later headers against the first */
    p->height = height;
    p->width = width;
    p->channels = channels;
    p->named = s->name >= 0;
    return s->pixels < 0 ? -1 : 0;
}

/* The next header of a concatenation. 1; 0: there is none; -1. */
static int next_header(struct passing *p, struct err *err)
{
    const int got = reader_header(p->stream->reader, &p->stream->header, err);
    if (got <= 0)
        return got;
    return find_columns(p, err) < 0 || take_classes(p, err) < 0 ? -1 : 1;
}

static int begin_stream(struct passing *p, struct err *err)
{
    p->stream = calloc(1, sizeof *p->stream);
    if (p->stream == NULL)
        return err_memory(err, "a stream");
    p->stream->reader = reader_new(p->channel, STREAM_RECORD, err);
    return p->stream->reader == NULL || next_header(p, err) < 0 ? -1 : 0;
}

static void end_stream(struct passing_stream *s)
{
    if (s == NULL)
        return;
    reader_free(s->reader);
    record_free(&s->record);
    bytes_free(&s->text);
    free(s->class);
    free(s);
}

static int take_label(struct passing *p, int64_t label, int *out, struct err *err)
{
    const struct passing_stream *const s = p->stream;
    if (label < -1 || label > LABEL_MOST || (s->classes >= 0 && label >= s->classes))
        return err_set(err, ERR_INPUT, "picture %lld of '%s' has label %lld of %d classes",
            (long long)p->count, channel_name(p->channel), (long long)label, s->classes);
    *out = label >= 0 && s->class != NULL ? s->class[label] : (int)label;
    if (*out >= p->classes.count)
        p->classes.count = *out + 1;
    return 0;
}

/* One row of the record at hand. */
static int take_row(struct passing *p, struct passing_row *row, struct bytes *out, struct err *err)
{
    struct passing_stream *const s = p->stream;
    const void *data;
    const int i = s->row++;
    *row = (struct passing_row){"", NULL, LABEL_NONE};
    if (s->label >= 0 &&
        take_label(p, ((const int64_t *)s->record.field[s->label].data)[i], &row->label, err) < 0)
        return -1;
    if (s->name >= 0) {
        const size_t length = record_row(s->header, &s->record, s->name, i, &data);
        s->text.size = 0;
        unsigned char *const room = bytes_room(&s->text, length + 1, err);
        if (room == NULL)
            return -1;
        memcpy(room, data, length);
        room[length] = '\0';
        row->name = (const char *)room;
    }
    const size_t size = record_row(s->header, &s->record, s->pixels, i, &data);
    unsigned char *const room = bytes_room(out, size, err);
    if (room == NULL)
        return -1;
    memcpy(room, data, size);
    out->size += size;
    return 0;
}

static int next_stream(
    struct passing *p, struct passing_row *row, struct bytes *out, struct err *err)
{
    struct passing_stream *const s = p->stream;
    while (s->row == s->record.rows) {
        int got = reader_record(s->reader, &s->record, err);
        s->row = 0;
        if (got == 0) {
            s->record.rows = 0;
            got = next_header(p, err);
            if (got <= 0)
                return got;
        }
        if (got < 0)
            return -1;
    }
    return take_row(p, row, out, err) < 0 ? -1 : 1;
}

/* ---- interface ------------------------------------------------------------------------------ */

static int begin(struct passing *p, struct err *err)
{
    return p->kind == PASSING_TAR ? begin_tar(p, err) : begin_stream(p, err);
}

/* Close what is open; what is known stays. */
static void end(struct passing *p)
{
    end_tar(p->tar);
    end_stream(p->stream);
    channel_abandon(p->channel);
    p->tar = NULL;
    p->stream = NULL;
    p->channel = NULL;
}

int passing_open(
    struct passing *out, enum passing_kind kind, struct channel *channel, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->named = kind == PASSING_TAR;
    out->channel = channel;
    if (begin(out, err) == 0)
        return 0;
    passing_close(out);
    return -1;
}

int passing_open_file(
    struct passing *out, enum passing_kind kind, const char *path, struct err *err)
{
    memset(out, 0, sizeof *out);
    struct channel *const channel = channel_open(path, err);
    if (channel == NULL || passing_open(out, kind, channel, err) < 0)
        return -1;
    end(out);
    if ((out->path = strdup(path)) != NULL)
        return 0;
    passing_close(out);
    return err_memory(err, "a file name");
}

void passing_close(struct passing *passing)
{
    end(passing);
    classes_free(&passing->classes);
    free(passing->path);
    memset(passing, 0, sizeof *passing);
}

/* Open a regular file once more; it must be what it was. */
static int open_again(struct passing *p, struct err *err)
{
    const int height = p->height, width = p->width, channels = p->channels;
    const bool named = p->named;
    p->channel = channel_open(p->path, err);
    if (p->channel == NULL || begin(p, err) < 0)
        return -1;
    if (p->height == height && p->width == width && p->channels == channels && p->named == named)
        return 0;
    return err_set(err, ERR_FAILED, "'%s' was changed while it was read", p->path);
}

int passing_next(
    struct passing *passing, struct passing_row *row, struct bytes *out, struct err *err)
{
    if (passing->kind == PASSING_NONE)
        return 0;
    if (passing->channel == NULL && open_again(passing, err) < 0)
        return -1;
    const int got = passing->kind == PASSING_TAR ? next_tar(passing, row, out, err)
                                                 : next_stream(passing, row, out, err);
    passing->count += got == 1;
    if (got == 0) {
        passing->kind = PASSING_NONE;
        end(passing);
    }
    return got;
}

int passing_label(struct passing *passing, const struct passing_row *row, struct err *err)
{
    if (row->text == NULL)
        return row->label;
    const int number = label_number(row->text);
    if (number == LABEL_NONE)
        return LABEL_NONE;
    if (passing->labels == LABELS_UNKNOWN)
        passing->labels = number == LABEL_NAME ? LABELS_NAMES : LABELS_NUMBERS;
    if (passing->labels == LABELS_NUMBERS && number == LABEL_NAME) {
        err_set(err, ERR_INPUT, "'%s' has label '%s' among numbers", row->name, row->text);
        return LABEL_NAME;
    }
    if (passing->labels == LABELS_NUMBERS) {
        if (number >= passing->classes.count)
            passing->classes.count = number + 1;
        return number;
    }
    const int found = classes_find(&passing->classes, row->text);
    const int label = found >= 0 ? found : classes_add(&passing->classes, row->text, err);
    return label >= 0 ? label : LABEL_NAME;
}
