/* npy -- a header, then the samples.
 * SPDX-License-Identifier: MIT */
#include "formats/npy.h"

#include "formats/bytes.h"
#include "formats/label.h"
#include "formats/npyhead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 1 << 16, PIXELS = 1 << 26, CHUNK = 4096 };

bool npy_is(const void *bytes, size_t size)
{
    return npyhead_is(bytes, size);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int open_file(const char *path, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    return fd;
}

static int64_t file_size(int fd, const char *path, struct err *err)
{
    struct stat status;
    return fstat(fd, &status) < 0 ? err_errno(err, "cannot read '%s'", path) : status.st_size;
}

static int read_header(struct npyhead *out, int fd, const char *path, struct err *err)
{
    const int64_t size = file_size(fd, path, err);
    return size < 0 ? -1 : npyhead_read(out, fd, 0, size, path, err);
}

/* The data are exactly what the shape says, of `unit` bytes an element. */
static int check_size(
    const struct npyhead *array, size_t unit, int fd, const char *path, struct err *err)
{
    const int64_t size = file_size(fd, path, err);
    return size < 0 ? -1 : npyhead_check(array, unit, 0, size, path, err);
}

/* ---- labels --------------------------------------------------------------------------------- */

/* NAME.labels.npy or NAME-labels.npy for NAME.npy, if there is one; "" if not; NULL: no memory. */
static char *labels_beside(const char *path)
{
    static const char *const endings[] = {".labels.npy", "-labels.npy"};
    size_t length = strlen(path);
    char *const out = calloc(length + 12, 1);
    if (length > 4 && strcmp(path + length - 4, ".npy") == 0)
        length -= 4;
    for (int i = 0; i < 2 && out != NULL; i++) {
        sprintf(out, "%.*s%s", (int)length, path, endings[i]);
        if (access(out, F_OK) == 0)
            return out;
    }
    if (out != NULL)
        out[0] = '\0';
    return out;
}

static int take_labels(struct npy *out, const struct npyhead *array, int fd, int size,
    const char *path, struct err *err)
{
    struct bytes piece = {0};
    const bool with_sign = array->type[1] == 'i';
    int failed = 0;
    out->label = malloc((size_t)out->count * sizeof *out->label);
    if (out->label == NULL)
        return err_memory(err, "labels");
    for (int64_t i = 0; i < out->count && !failed; i++) {
        if (i % CHUNK == 0) {
            const int64_t left = out->count - i < CHUNK ? out->count - i : CHUNK;
            piece.size = 0;
            failed =
                bytes_read_at(&piece, fd, array->at + i * size, (size_t)(left * size), path, err);
            if (failed)
                break;
        }
        const int64_t label = npyhead_integer(piece.data + i % CHUNK * size, size, with_sign);
        if (label < (with_sign ? -1 : 0) || label > LABEL_MOST)
            failed = err_set(err, ERR_INPUT, "'%s' has label %lld", path, (long long)label);
        out->label[i] = (int)label;
        if (label >= out->classes.count)
            out->classes.count = (int)label + 1;
    }
    bytes_free(&piece);
    return failed;
}

static int read_labels(struct npy *out, const char *path, struct err *err)
{
    struct npyhead array;
    const int fd = open_file(path, err);
    int failed = fd < 0 ? -1 : read_header(&array, fd, path, err);
    const int size = failed ? 0 : npyhead_integer_size(array.type);
    if (!failed && (size == 0 || array.rank != 1))
        failed = err_set(err, ERR_MISUSE, "'%s' holds no labels (%d dimensions of type '%s')", path,
            array.rank, array.type);
    if (!failed && array.shape[0] != out->count)
        failed = err_set(err, ERR_INPUT, "'%s' has %lld labels for %lld pictures", path,
            (long long)array.shape[0], (long long)out->count);
    if (!failed)
        failed = check_size(&array, (size_t)size, fd, path, err);
    if (!failed)
        failed = take_labels(out, &array, fd, size, path, err);
    if (fd >= 0)
        close(fd);
    return failed;
}

/* ---- interface ------------------------------------------------------------------------------ */

static int take_array(struct npy *out, const struct npyhead *array, struct err *err)
{
    const int64_t *const shape = array->shape;
    if (strcmp(array->type, "|u1") != 0) {
        err_set(err, ERR_MISUSE, "'%s' is an array of type '%s', not of bytes (|u1)", out->path,
            array->type);
        return -1;
    }
    if (array->rank != 3 && (array->rank != 4 || (shape[3] != 1 && shape[3] != 3)))
        return err_set(err, ERR_MISUSE,
            "'%s' holds no pictures: its shape must be (N,H,W,3), "
            "(N,H,W,1) or (N,H,W)",
            out->path);
    if (array->fortran) {
        err_set(err, ERR_MISUSE, "'%s' is in Fortran order", out->path);
        return err_hint(err, "save numpy.ascontiguousarray(...) instead");
    }
    if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1)
        return err_set(err, ERR_INPUT, "'%s' has no pictures", out->path);
    if (shape[1] > SIDE || shape[2] > SIDE || shape[1] * shape[2] > PIXELS)
        return err_set(err, ERR_INPUT, "'%s' has pictures of %lld x %lld, which is too large",
            out->path, (long long)shape[2], (long long)shape[1]);
    out->count = shape[0];
    out->height = (int)shape[1];
    out->width = (int)shape[2];
    out->channels = array->rank == 3 ? 1 : (int)shape[3];
    out->at = array->at;
    return check_size(array, 1, out->fd, out->path, err);
}

int npy_open(struct npy *out, const char *path, struct err *err)
{
    struct npyhead array;
    memset(out, 0, sizeof *out);
    out->fd = open_file(path, err);
    if (out->fd < 0)
        return -1;
    out->path = strdup(path);
    char *const labels = labels_beside(path);
    int failed = out->path == NULL || labels == NULL ? err_memory(err, "a file name") : 0;
    if (!failed)
        failed = read_header(&array, out->fd, path, err);
    if (!failed)
        failed = take_array(out, &array, err);
    if (!failed && labels[0] != '\0')
        failed = read_labels(out, labels, err);
    free(labels);
    if (failed)
        npy_close(out);
    return failed;
}

void npy_close(struct npy *npy)
{
    if (npy->fd >= 0)
        close(npy->fd);
    free(npy->path);
    free(npy->label);
    classes_free(&npy->classes);
    memset(npy, 0, sizeof *npy);
    npy->fd = -1;
}
