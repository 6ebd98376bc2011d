/* cifar -- fixed records of labels and planes, read one at a time.
 * SPDX-License-Identifier: MIT */
#include "formats/cifar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLANE = CIFAR_SIDE * CIFAR_SIDE, CHUNK = 256 /* records read at once for their labels */ };

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static char *join(const char *folder, const char *file)
{
    char *const path = malloc(strlen(folder) + strlen(file) + 2);
    if (path != NULL)
        sprintf(path, "%s/%s", folder, file);
    return path;
}

/* The training files of CIFAR-10, then that of CIFAR-100. */
static const char *const training[CIFAR_FILES + 1] = {"data_batch_1.bin", "data_batch_2.bin",
    "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "train.bin"};

/* ---- what a file is ------------------------------------------------------------------------- */

/* Label bytes that fit the size, the likelier ones (by name) first; 0: none. */
static int label_bytes(const char *path, int64_t size, int attempt)
{
    const char *const name = base_name(path);
    const int hundred = strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0;
    for (int i = 0; i < 2; i++) {
        const int bytes = 1 + (i ^ hundred);
        if (size % (CIFAR_PIXELS + bytes) == 0 && attempt-- == 0)
            return bytes;
    }
    return 0;
}

static bool is_bin(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".bin") == 0;
}

bool cifar_file(const char *path, int64_t size)
{
    return is_bin(path) || (size > 0 && label_bytes(path, size, 0) != 0);
}

bool cifar_folder(const char *path)
{
    bool found = false;
    for (int i = 0; i <= CIFAR_FILES && !found; i++) {
        struct stat status;
        char *const file = join(path, training[i]);
        found = file != NULL && stat(file, &status) == 0 && S_ISREG(status.st_mode);
        free(file);
    }
    return found;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int read_at(
    const struct cifar_file *file, void *out, size_t size, int64_t at, struct err *err)
{
    for (size_t have = 0; have < size;) {
        const ssize_t got =
            pread(file->fd, (char *)out + have, size - have, (off_t)at + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "cannot read '%s'", file->path);
        if (got == 0)
            return err_set(err, ERR_FAILED, "'%s' became shorter while it was read", file->path);
        have += (size_t)got;
    }
    return 0;
}

/* Read all labels of the file: wrong ones are found before anything is sent. */
static int read_labels(
    const struct cifar_file *file, unsigned char *label, int64_t count, struct err *err)
{
    const int record = CIFAR_PIXELS + file->label_bytes;
    const int classes = file->label_bytes == 1 ? 10 : 100;
    unsigned char *const chunk = malloc((size_t)CHUNK * (size_t)record);
    int failed = chunk == NULL ? err_memory(err, "labels") : 0;
    for (int64_t i = 0; i < count && !failed; i += CHUNK) {
        const int n = count - i < CHUNK ? (int)(count - i) : CHUNK;
        failed = read_at(file, chunk, (size_t)n * (size_t)record, i * record, err);
        for (int j = 0; j < n && !failed; j++) {
            const unsigned char *const labels = chunk + j * record;
            label[i + j] = labels[file->label_bytes - 1];
            if (label[i + j] >= classes || (file->label_bytes == 2 && labels[0] >= 20))
                failed = err_set(err, ERR_INPUT, "'%s' is not CIFAR-%d: picture %lld has label %d",
                    file->path, classes, (long long)(i + j),
                    labels[0] >= 20 ? labels[0] : label[i + j]);
        }
    }
    free(chunk);
    return failed;
}

/* Append one file; `path` is taken over. */
static int add_file(struct cifar *out, char *path, struct err *err)
{
    if (path == NULL)
        return err_memory(err, "a file name");
    struct cifar_file *const file = &out->file[out->files];
    struct stat status;
    file->path = path;
    file->first = out->count;
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    out->files++; /* from here on cifar_close() looks after it */
    if (file->fd < 0 || fstat(file->fd, &status) < 0)
        return err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    if (status.st_size == 0)
        return err_set(err, ERR_INPUT, "'%s' is empty", path);
    if (label_bytes(path, status.st_size, 0) == 0)
        return err_set(err, ERR_INPUT,
            "'%s' is no CIFAR file or cut short: %lld bytes are no multiple of 3073 or 3074", path,
            (long long)status.st_size);
    struct err first = {0};
    for (int attempt = 0; attempt < 2; attempt++) {
        file->label_bytes = label_bytes(path, status.st_size, attempt);
        if (file->label_bytes == 0)
            break;
        const int64_t count = status.st_size / (CIFAR_PIXELS + file->label_bytes);
        unsigned char *const more = realloc(out->label, (size_t)(out->count + count));
        if (more == NULL)
            return err_memory(err, "labels");
        out->label = more;
        if (read_labels(file, out->label + out->count, count, &first) == 0) {
            out->count += count;
            return 0;
        }
    }
    *err = first;
    return -1;
}

int cifar_open(struct cifar *out, const char *path, struct err *err)
{
    struct stat status;
    int failed = 0;
    memset(out, 0, sizeof *out);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        for (int i = 0; i <= CIFAR_FILES && !failed && (i < CIFAR_FILES || out->files == 0); i++) {
            char *const file = join(path, training[i]);
            if (file != NULL && access(file, F_OK) < 0 && errno == ENOENT)
                free(file);
            else
                failed = add_file(out, file, err);
        }
    } else {
        failed = add_file(out, strdup(path), err);
    }
    for (int i = 1; i < out->files && !failed; i++)
        if (out->file[i].label_bytes != out->file[0].label_bytes)
            failed = err_set(err, ERR_INPUT, "'%s' and '%s' are of different kinds",
                out->file[0].path, out->file[i].path);
    if (!failed && out->files == 0)
        failed = err_set(err, ERR_MISUSE, "'%s' has no CIFAR training files", path);
    if (!failed)
        failed = out->file[0].label_bytes == 1
                     ? classes_beside(&out->classes, 10, out->file[0].path, "batches.meta.txt", err)
                     : classes_beside(
                           &out->classes, 100, out->file[0].path, "fine_label_names.txt", err);
    if (failed)
        cifar_close(out);
    return failed;
}

void cifar_close(struct cifar *cifar)
{
    for (int i = 0; i < cifar->files; i++) {
        free(cifar->file[i].path);
        if (cifar->file[i].fd >= 0)
            close(cifar->file[i].fd);
    }
    classes_free(&cifar->classes);
    free(cifar->label);
    memset(cifar, 0, sizeof *cifar);
}

/* ---- reading -------------------------------------------------------------------------------- */

int cifar_read(const struct cifar *cifar, int64_t row, unsigned char *pixels, struct err *err)
{
    unsigned char plane[CIFAR_PIXELS];
    int i = cifar->files - 1;
    while (cifar->file[i].first > row)
        i--;
    const struct cifar_file *const file = &cifar->file[i];
    const int64_t record = CIFAR_PIXELS + file->label_bytes;
    if (read_at(file, plane, sizeof plane, (row - file->first) * record + file->label_bytes, err) <
        0)
        return -1;
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            pixels[3 * p + c] = plane[c * PLANE + p];
    return 0;
}
