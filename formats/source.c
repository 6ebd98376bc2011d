/* source -- find out what a path is, and hand over to its format.
 * SPDX-License-Identifier: MIT */
#include "formats/source.h"

#include "formats/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 16 };

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

static int open_files(struct source *out, int opened)
{
    if (opened < 0)
        return -1;
    out->kind = SOURCE_FOLDER;
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

int source_open(struct source *out, const char *path, struct err *err)
{
    unsigned char magic[MAGIC];
    struct stat status;
    memset(out, 0, sizeof *out);
    if (stat(path, &status) < 0)
        return err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return open_folder(out, path, err);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_MISUSE, "'%s' is neither a file nor a folder", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    const ssize_t got = read(fd, magic, sizeof magic);
    close(fd);
    if (got < 0)
        return err_errno(err, "cannot read '%s'", path);
    if (picture_kind(magic, (size_t)got) != PICTURE_UNKNOWN)
        return open_files(out, folder_open_file(&out->as.folder, path, err));
    const size_t length = strlen(path); /* a CIFAR file may begin like an IDX file by chance */
    if (length > 4 && strcmp(path + length - 4, ".bin") == 0)
        return open_cifar(out, path, err);
    if (idx_file(path, magic, (size_t)got))
        return open_idx(out, path, err);
    if (cifar_file(path, status.st_size))
        return open_cifar(out, path, err);
    err_set(err, ERR_MISUSE, "'%s' is not a data set of a known kind", path);
    return err_hint(err, "folders of pictures, pictures, CIFAR binary files and IDX files are");
}

void source_close(struct source *source)
{
    if (source->count == 0)
        return;
    switch (source->kind) {
    case SOURCE_FOLDER:
        folder_close(&source->as.folder);
        break;
    case SOURCE_CIFAR:
        cifar_close(&source->as.cifar);
        break;
    case SOURCE_IDX:
        idx_close(&source->as.idx);
        break;
    }
    source->count = 0;
}

int source_label(const struct source *source, int64_t row)
{
    switch (source->kind) {
    case SOURCE_FOLDER:
        return source->as.folder.file[row].label;
    case SOURCE_CIFAR:
        return source->as.cifar.label[row];
    case SOURCE_IDX:
        return source->as.idx.labels.size == 0 ? -1 : source->as.idx.labels.data[row];
    }
    return -1;
}

const char *source_name(const struct source *source, int64_t row)
{
    return source->kind == SOURCE_FOLDER ? folder_name(&source->as.folder, row) : "";
}

int source_read(const struct source *source, int64_t row, struct bytes *out, struct err *err)
{
    if (source->kind == SOURCE_FOLDER)
        return folder_read(&source->as.folder, row, out, err);
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
