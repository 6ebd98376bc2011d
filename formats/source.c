/* source -- find out what a path is, and hand over to its format.
 * SPDX-License-Identifier: MIT */
#include "formats/source.h"

#include "formats/label.h"
#include "formats/picture.h"
#include "formats/tar.h"
#include "formats/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW = 1 << 17 /* bytes of a file that are looked at, to unpack TAR_BLOCK of them */ };

static int open_idx(struct source *out, const char *path, struct err *err)
{
    if (idx_open(&out->as.idx, path, err) < 0)
        return -1;
    out->kind = SOURCE_IDX;
    out->count = out->as.idx.count;
    out->height = out->as.idx.height;
    out->width = out->as.idx.width;
    out->channels = 1;
    out->classes = &out->as.idx.classes;
    return 0;
}

static int open_cifar(struct source *out, const char *path, struct err *err)
{
    if (cifar_open(&out->as.cifar, path, err) < 0)
        return -1;
    out->kind = SOURCE_CIFAR;
    out->count = out->as.cifar.count;
    out->height = out->width = CIFAR_SIDE;
    out->channels = 3;
    out->classes = &out->as.cifar.classes;
    return 0;
}

static int open_npy(struct source *out, const char *path, struct err *err)
{
    if (npy_open(&out->as.npy, path, err) < 0)
        return -1;
    out->kind = SOURCE_NPY;
    out->count = out->as.npy.count;
    out->height = out->as.npy.height;
    out->width = out->as.npy.width;
    out->channels = out->as.npy.channels;
    out->classes = &out->as.npy.classes;
    return 0;
}

static int open_files(struct source *out, int opened)
{
    if (opened < 0)
        return -1;
    out->kind = SOURCE_FOLDER;
    out->named = true;
    out->count = out->as.folder.count;
    out->ignored = out->as.folder.ignored;
    out->classes = &out->as.folder.classes;
    return 0;
}

static int open_folder(struct source *out, const char *path, struct err *err)
{
    if (cifar_folder(path))
        return open_cifar(out, path, err);
    char *const images = idx_folder(path);
    if (images == NULL)
        return open_files(out, folder_open(&out->as.folder, path, err));
    const int failed = open_idx(out, images, err);
    free(images);
    return failed;
}

/* The channel is used up, or goes with the source. */
static int open_list(struct source *out, const char *path, struct channel *channel, struct err *err)
{
    const int failed = channel == NULL ? -1 : list_open(&out->as.list, path, channel, err);
    channel_abandon(channel);
    if (failed)
        return -1;
    out->kind = SOURCE_LIST;
    out->count = out->as.list.table.count;
    out->named = true;
    out->classes = &out->as.list.table.classes;
    return 0;
}

static int take_archive(struct source *out, int opened)
{
    if (opened < 0)
        return -1;
    out->kind = SOURCE_ARCHIVE;
    out->count = out->as.archive.table.count;
    out->named = true;
    out->ignored = out->as.archive.ignored;
    out->classes = &out->as.archive.table.classes;
    return 0;
}

/* Leave what passes by as it is, or copy it. */
static int take_passing(struct source *out, struct passing *passing, struct spool *spool,
    int64_t limit, struct err *err)
{
    const bool named = passing->named;
    out->height = passing->height;
    out->width = passing->width;
    out->channels = passing->channels;
    out->named = named;
    if (spool == NULL) {
        out->kind = SOURCE_PASSING;
        out->count = -1;
        out->as.passing = *passing;
        out->classes = &out->as.passing.classes;
        return 0;
    }
    const int failed =
        take_archive(out, archive_copy(&out->as.archive, passing, spool, limit, err));
    passing_close(passing);
    out->named = named;
    return failed;
}

static int unknown(const char *path, const void *bytes, size_t size, struct err *err)
{
    if (size == 0)
        return err_set(err, ERR_MISUSE, "'%s' is empty", path);
    err_set(err, ERR_MISUSE, "'%s' is not a data set of a known kind", path);
    if (size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        return err_hint(err, "it is a ZIP archive: unpack it, its folder will do");
    return err_hint(err, "folders of pictures, pictures, lists of paths, tar archives, CIFAR, IDX "
                         "and .npy files and streams of images are");
}

static int name_damage(struct err *err, const char *path, const struct err *why)
{
    return why->status == ERR_INPUT
               ? err_set(err, ERR_INPUT, "'%s' is damaged: %s", path, why->text)
               : err_set(err, why->status, "%s", why->text);
}

/* ---- regular files -------------------------------------------------------------------------- */

/* By what is in it: compressed, or a stream. */
static int open_packed(struct source *out, const char *path, const struct bytes *raw,
    struct spool *spool, int64_t limit, struct err *err)
{
    unsigned char begin[TAR_BLOCK];
    struct passing passing;
    struct err why = {0};
    const bool gzip = unpack_kind(raw->data, raw->size) == UNPACK_GZIP;
    const ssize_t got =
        unpack_begin(begin, sizeof begin, raw->data, raw->size, raw->size < RAW, &why);
    if (got < 0)
        return name_damage(err, path, &why);
    const enum passing_kind kind = passing_kind(begin, (size_t)got);
    if (gzip && kind == PASSING_NONE && idx_file(path, begin, (size_t)got))
        return open_idx(out, path, err);
    if (kind == PASSING_NONE || (gzip && kind == PASSING_STREAM))
        return unknown(path, raw->data, raw->size, err);
    return passing_open_file(&passing, kind, path, err) < 0
               ? -1
               : take_passing(out, &passing, spool, limit, err);
}

static int open_regular(struct source *out, const char *path, const struct bytes *raw, int64_t size,
    struct spool *spool, int64_t limit, struct err *err)
{
    const size_t length = strlen(path);
    if (picture_kind(raw->data, raw->size) != PICTURE_UNKNOWN)
        return open_files(out, folder_open_file(&out->as.folder, path, err));
    if (length > 4 && strcmp(path + length - 4, ".bin") == 0) /* may begin like others by chance */
        return open_cifar(out, path, err);
    if (npy_is(raw->data, raw->size))
        return open_npy(out, path, err);
    if (unpack_kind(raw->data, raw->size) != UNPACK_PLAIN)
        return open_packed(out, path, raw, spool, limit, err);
    if (tar_is(raw->data, raw->size))
        return take_archive(out, archive_open(&out->as.archive, path, err));
    if (idx_file(path, raw->data, raw->size))
        return open_idx(out, path, err);
    if (cifar_file(path, size))
        return open_cifar(out, path, err);
    if (passing_kind(raw->data, raw->size) == PASSING_TAR)
        return take_archive(out, archive_open(&out->as.archive, path, err));
    if (list_is(raw->data, raw->size))
        return open_list(out, path, channel_open(path, err), err);
    return unknown(path, raw->data, raw->size, err);
}

static int open_file(
    struct source *out, const char *path, struct spool *spool, int64_t limit, struct err *err)
{
    struct bytes raw = {0};
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    const size_t size = status.st_size < RAW ? (size_t)status.st_size : RAW;
    int failed = bytes_read_at(&raw, fd, 0, size, path, err);
    close(fd);
    if (!failed)
        failed = open_regular(out, path, &raw, status.st_size, spool, limit, err);
    bytes_free(&raw);
    return failed;
}

/* ---- pipes ---------------------------------------------------------------------------------- */

/* Take ahead as much as it needs to tell what comes. */
static int open_channel(struct source *out, struct channel *channel, struct spool *spool,
    int64_t limit, struct err *err)
{
    unsigned char begin[TAR_BLOCK];
    const unsigned char *raw = NULL;
    enum passing_kind kind = PASSING_NONE;
    struct passing passing;
    ssize_t have = 0, got = 0;
    for (ssize_t before = -1; have > before && kind == PASSING_NONE;) {
        struct err why = {0};
        before = have;
        if ((have = channel_more(channel, &raw, err)) < 0 ||
            (have >= 4 && (got = unpack_begin(begin, sizeof begin, raw, (size_t)have,
                               have == before, &why)) < 0)) {
            if (have >= 0)
                name_damage(err, channel_name(channel), &why);
            channel_abandon(channel);
            return -1;
        }
        kind = passing_kind(begin, (size_t)got);
        if (got == TAR_BLOCK)
            break;
    }
    if (kind == PASSING_NONE && list_is(raw, (size_t)have))
        return open_list(out, NULL, channel, err);
    if (kind == PASSING_NONE || (kind == PASSING_STREAM && unpack_kind(raw, 4) != UNPACK_ZSTD)) {
        unknown(channel_name(channel), raw, (size_t)have, err);
        channel_abandon(channel);
        return -1;
    }
    return passing_open(&passing, kind, channel, err) < 0
               ? -1
               : take_passing(out, &passing, spool, limit, err);
}

static int open_pipe(
    struct source *out, const char *path, struct spool *spool, int64_t limit, struct err *err)
{
    struct channel *const channel = channel_open(path, err);
    if (channel == NULL)
        return -1;
    if (channel_terminal(channel)) {
        err_set(err, ERR_MISUSE, "cannot read pictures from a terminal");
        err_hint(err, "pipe an archive, a stream or a list of paths into it");
        channel_abandon(channel);
        return -1;
    }
    return open_channel(out, channel, spool, limit, err);
}

/* ---- interface ------------------------------------------------------------------------------ */

int source_open(
    struct source *out, const char *path, struct spool *spool, int64_t limit, struct err *err)
{
    struct stat status;
    int failed;
    memset(out, 0, sizeof *out);
    if (strcmp(path, "-") == 0)
        failed = open_pipe(out, NULL, spool, limit, err);
    else if (stat(path, &status) < 0)
        failed = err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        failed = open_folder(out, path, err);
    else if (S_ISREG(status.st_mode))
        failed = open_file(out, path, spool, limit, err);
    else
        failed = open_pipe(out, path, spool, limit, err);
    if (failed)
        memset(out, 0, sizeof *out);
    return failed;
}

void source_close(struct source *source)
{
    switch (source->kind) {
    case SOURCE_NONE:
        break;
    case SOURCE_FOLDER:
        folder_close(&source->as.folder);
        break;
    case SOURCE_LIST:
        list_close(&source->as.list);
        break;
    case SOURCE_CIFAR:
        cifar_close(&source->as.cifar);
        break;
    case SOURCE_IDX:
        idx_close(&source->as.idx);
        break;
    case SOURCE_NPY:
        npy_close(&source->as.npy);
        break;
    case SOURCE_ARCHIVE:
        archive_close(&source->as.archive);
        break;
    case SOURCE_PASSING:
        passing_close(&source->as.passing);
        break;
    }
    source->kind = SOURCE_NONE;
}

int source_label(const struct source *source, int64_t row)
{
    switch (source->kind) {
    case SOURCE_FOLDER:
        return source->as.folder.file[row].label;
    case SOURCE_LIST:
        return source->as.list.table.row[row].label;
    case SOURCE_CIFAR:
        return source->as.cifar.label[row];
    case SOURCE_IDX:
        return source->as.idx.labels.size == 0 ? -1 : source->as.idx.labels.data[row];
    case SOURCE_NPY:
        return source->as.npy.label == NULL ? -1 : source->as.npy.label[row];
    case SOURCE_ARCHIVE:
        return source->as.archive.table.row[row].label;
    default:
        return -1;
    }
}

const char *source_name(const struct source *source, int64_t row)
{
    switch (source->kind) {
    case SOURCE_FOLDER:
        return folder_name(&source->as.folder, row);
    case SOURCE_LIST:
        return table_name(&source->as.list.table, row);
    case SOURCE_ARCHIVE:
        return table_name(&source->as.archive.table, row);
    default:
        return "";
    }
}

/* One of a fixed size. */
static int read_samples(
    const struct source *source, int64_t row, struct bytes *out, struct err *err)
{
    const size_t size = (size_t)source->height * (size_t)source->width * (size_t)source->channels;
    unsigned char *const room = bytes_room(out, size, err);
    if (room == NULL)
        return -1;
    const int failed = source->kind == SOURCE_CIFAR ? cifar_read(&source->as.cifar, row, room, err)
                                                    : idx_read(&source->as.idx, row, room, err);
    if (!failed)
        out->size += size;
    return failed;
}

static int read_npy(const struct source *source, int64_t row, struct bytes *out, struct err *err)
{
    const struct npy *const npy = &source->as.npy;
    const size_t size = (size_t)npy->height * (size_t)npy->width * (size_t)npy->channels;
    return bytes_read_at(out, npy->fd, npy->at + row * (int64_t)size, size, npy->path, err);
}

int source_read(const struct source *source, int64_t row, struct bytes *out, struct err *err)
{
    switch (source->kind) {
    case SOURCE_FOLDER:
        return folder_read(&source->as.folder, row, out, err);
    case SOURCE_LIST:
        return list_read(&source->as.list, row, out, err);
    case SOURCE_NPY:
        return read_npy(source, row, out, err);
    case SOURCE_ARCHIVE:
        return archive_read(&source->as.archive, row, out, err);
    case SOURCE_CIFAR:
    case SOURCE_IDX:
        return read_samples(source, row, out, err);
    default:
        return err_set(err, ERR_FAILED, "cannot read what passes by in any order");
    }
}

int source_next(
    struct source *source, int *label, const char **name, struct bytes *out, struct err *err)
{
    struct passing *const passing = &source->as.passing;
    struct passing_row row;
    const int got = passing_next(passing, &row, out, err);
    source->ignored = passing->ignored;
    if (got <= 0)
        return got;
    *name = row.name;
    *label = passing_label(passing, &row, err);
    return *label < LABEL_NONE ? -1 : 1;
}
