/* npy -- a header that is a Python literal, then the samples.
 * SPDX-License-Identifier: MIT */
#include "formats/npy.h"

#include "formats/bytes.h"
#include "formats/label.h"
#include "lib/base/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANK = 8, TYPE = 16, HEADER = 1 << 16, SIDE = 1 << 16, PIXELS = 1 << 26, CHUNK = 4096 };

/* What a header says. */
struct array {
    char type[TYPE];
    bool fortran;
    int rank;
    int64_t shape[RANK];
    int64_t at; /* of the data */
};

bool npy_is(const void *bytes, size_t size)
{
    return size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

/* ---- the literal ---------------------------------------------------------------------------- */

static const char *skip_blank(const char *c)
{
    return c + strspn(c, " \n");
}

/* Each parser takes what it is for and returns where it ends; NULL: it is not there. */
static const char *take(const char *c, const char *word)
{
    const size_t length = strlen(word);
    c = skip_blank(c);
    return strncmp(c, word, length) == 0 ? c + length : NULL;
}

static const char *take_string(const char *c, char out[TYPE])
{
    c = skip_blank(c);
    const char quote = *c;
    if (quote != '\'' && quote != '"')
        return NULL;
    const char ends[] = {quote, '\\', '\n', '\0'};
    const size_t length = strcspn(c + 1, ends);
    if (length >= TYPE || c[1 + length] != quote)
        return NULL;
    memcpy(out, c + 1, length);
    out[length] = '\0';
    return c + length + 2;
}

static const char *take_shape(const char *c, struct array *out)
{
    if ((c = take(c, "(")) == NULL)
        return NULL;
    for (out->rank = 0; *(c = skip_blank(c)) != ')';) {
        const size_t digits = strspn(c, "0123456789");
        if (digits == 0 || digits > 18 || out->rank == RANK)
            return NULL;
        out->shape[out->rank++] = atoll(c);
        const char *const comma = take(c + digits, ",");
        if (comma == NULL && *skip_blank(c + digits) != ')')
            return NULL;
        if (comma == NULL && out->rank == 1) /* "(3)" is a number and no tuple */
            return NULL;
        c = comma != NULL ? comma : c + digits;
    }
    return c + 1;
}

static const char *take_flag(const char *c, bool *out)
{
    const char *const yes = take(c, "True");
    *out = yes != NULL;
    return yes != NULL ? yes : take(c, "False");
}

/* {'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5)}, each key once, in any order. */
static bool parse_literal(const char *c, struct array *out)
{
    char key[TYPE];
    int seen = 0;
    if ((c = take(c, "{")) == NULL)
        return false;
    while (*skip_blank(c) != '}') {
        if ((c = take_string(c, key)) == NULL || (c = take(c, ":")) == NULL)
            return false;
        const int which = strcmp(key, "descr") == 0           ? 1
                          : strcmp(key, "fortran_order") == 0 ? 2
                          : strcmp(key, "shape") == 0         ? 4
                                                              : 0;
        if (which == 0 || (seen & which) != 0)
            return false;
        seen |= which;
        c = which == 1   ? take_string(c, out->type)
            : which == 2 ? take_flag(c, &out->fortran)
                         : take_shape(c, out);
        if (c == NULL)
            return false;
        const char *const comma = take(c, ",");
        if (comma == NULL && *skip_blank(c) != '}')
            return false;
        c = comma != NULL ? comma : c;
    }
    return seen == 7 && *skip_blank(skip_blank(c) + 1) == '\0';
}

/* ---- files ---------------------------------------------------------------------------------- */

static int open_file(const char *path, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    return fd;
}

static int read_header(struct array *out, int fd, const char *path, struct err *err)
{
    struct bytes text = {0};
    struct stat status;
    memset(out, 0, sizeof *out);
    if (fstat(fd, &status) < 0)
        return err_errno(err, "cannot read '%s'", path);
    const int64_t size = status.st_size;
    if (size < 12)
        return err_set(err, ERR_INPUT, "'%s' is cut short", path);
    if (bytes_read_at(&text, fd, 0, 12, path, err) < 0) {
        bytes_free(&text);
        return -1;
    }
    const unsigned char *const b = text.data;
    const int version = b[6];
    const size_t first = version == 1 ? 10 : 12;
    const size_t length =
        version == 1 ? (size_t)b[8] | (size_t)b[9] << 8
                     : (size_t)b[8] | (size_t)b[9] << 8 | (size_t)b[10] << 16 | (size_t)b[11] << 24;
    int failed = 0;
    if (!npy_is(b, 12) || version < 1 || version > 3 || b[7] != 0)
        failed = err_set(err, ERR_INPUT, "'%s' is a NumPy file of the unknown version %d.%d", path,
            version, b[7]);
    else if (length > HEADER)
        failed = err_set(err, ERR_INPUT, "'%s' has a header of %zu bytes", path, length);
    else if ((int64_t)(first + length) > size)
        failed = err_set(err, ERR_INPUT, "'%s' is cut short", path);
    text.size = 0;
    if (!failed)
        failed = bytes_read_at(&text, fd, (int64_t)first, length, path, err);
    unsigned char *const end = failed ? NULL : bytes_room(&text, 1, err);
    if (end != NULL)
        *end = '\0';
    if (end == NULL)
        failed = -1;
    else if (strlen((char *)text.data) != length || !parse_literal((char *)text.data, out))
        failed = err_set(err, ERR_INPUT, "'%s' has a damaged header", path);
    out->at = (int64_t)(first + length);
    bytes_free(&text);
    return failed;
}

/* The data are exactly what the shape says, of `unit` bytes an element. */
static int check_size(
    const struct array *array, size_t unit, int fd, const char *path, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return err_errno(err, "cannot read '%s'", path);
    const size_t want = shape_plus(shape_bytes(array->rank, array->shape, unit), (size_t)array->at);
    if ((size_t)status.st_size == want)
        return 0;
    return err_set(err, ERR_INPUT, "'%s' is %s than its header says", path,
        (size_t)status.st_size < want ? "shorter" : "longer");
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

/* Bytes of a little-endian integer type; 0: it is none. */
static int integer_size(const char *type)
{
    if (strcmp(type, "|u1") == 0 || strcmp(type, "|i1") == 0)
        return 1;
    if (type[0] != '<' || (type[1] != 'i' && type[1] != 'u') || type[3] != '\0')
        return 0;
    return type[2] == '2' || type[2] == '4' || type[2] == '8' ? type[2] - '0' : 0;
}

static int64_t integer(const unsigned char *bytes, int size, bool with_sign)
{
    uint64_t value = with_sign && bytes[size - 1] >= 0x80 ? UINT64_MAX : 0;
    for (int i = size - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

static int take_labels(
    struct npy *out, const struct array *array, int fd, int size, const char *path, struct err *err)
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
        const int64_t label = integer(piece.data + i % CHUNK * size, size, with_sign);
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
    struct array array;
    const int fd = open_file(path, err);
    int failed = fd < 0 ? -1 : read_header(&array, fd, path, err);
    const int size = failed ? 0 : integer_size(array.type);
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

static int take_array(struct npy *out, const struct array *array, struct err *err)
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
    struct array array;
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
