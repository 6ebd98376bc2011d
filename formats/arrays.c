/* arrays -- find the features, then what fits them.
 * SPDX-License-Identifier: MIT */
#include "formats/arrays.h"

#include "formats/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, NAME = 64, CLASSES = 1 << 20 };

/* ---- opening -------------------------------------------------------------------------------- */

static int copy_channel(struct arrays *out, struct channel *channel, struct err *err)
{
    char *const piece = malloc(CHUNK);
    ssize_t got = piece == NULL ? err_memory(err, "a copy") : spool_open(&out->copy, err);
    while (got >= 0 && (got = channel_read(channel, piece, CHUNK, err)) > 0)
        if (spool_add(&out->copy, piece, (size_t)got, err) < 0)
            got = -1;
    free(piece);
    return got < 0 ? -1 : 0;
}

/* A descriptor that can be read anywhere: *fd, of *size bytes. */
static int open_file(struct arrays *out, int *fd, int64_t *size, const char *path,
    struct channel *channel, struct err *err)
{
    struct stat status;
    out->fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd >= 0 && fstat(out->fd, &status) == 0 && S_ISREG(status.st_mode)) {
        *fd = out->fd;
        *size = status.st_size;
        return 0;
    }
    if (copy_channel(out, channel, err) < 0)
        return -1;
    *fd = out->copy.fd;
    *size = out->copy.size;
    return 0;
}

/* One more array. Where it fails, its `fd` stays the caller's. */
static int add(struct arrays *out, const char *name, int fd, int64_t from, int64_t size,
    const char *source, struct err *err)
{
    struct array *const more = realloc(out->array, (size_t)(out->arrays + 1) * sizeof *out->array);
    if (more == NULL)
        return err_memory(err, "arrays");
    out->array = more;
    if (array_open(more + out->arrays, name, fd, from, size, source, err) < 0)
        return -1;
    out->arrays++;
    return 0;
}

static void drop(struct arrays *out, int i)
{
    struct array *const a = &out->array[i];
    array_close(a);
    memmove(a, a + 1, (size_t)(--out->arrays - i) * sizeof *a);
}

static int find(const struct arrays *arrays, const char *name)
{
    int i = arrays->arrays - 1;
    while (i >= 0 && strcmp(arrays->array[i].name, name) != 0)
        i--;
    return i;
}

/* ---- what goes together --------------------------------------------------------------------- */

static int choose_features(const struct arrays *arrays, const char *column, struct err *err)
{
    static const char *const usual[] = {"h", "z", "pixels"};
    int found = column != NULL ? find(arrays, column) : -1, reals = 0;
    if (column != NULL && found < 0)
        return err_set(err, ERR_INPUT, "'%s' has no array '%s'", arrays->source, column);
    for (int i = 0; i < 3 && found < 0; i++)
        found = find(arrays, usual[i]);
    for (int i = 0; i < arrays->arrays && column == NULL && found < 0; i++)
        reals += array_real(&arrays->array[i]) && arrays->array[i].head.rank > 1;
    for (int i = 0; i < arrays->arrays && reals == 1 && found < 0; i++)
        if (array_real(&arrays->array[i]) && arrays->array[i].head.rank > 1)
            found = i;
    if (found >= 0)
        return found;
    err_set(err, ERR_INPUT, "'%s' does not tell which array is the features", arrays->source);
    return err_hint(err, "name it with --column");
}

static int check_features(const struct arrays *arrays, struct array *a, struct err *err)
{
    if (!array_real(a) && (a->text || a->from != DTYPE_U8))
        return err_set(err, ERR_INPUT, "'%s' has features of type '%s', not floating point or |u1",
            arrays->source, a->head.type);
    if (a->head.rank < 2 || a->row == 0)
        return err_set(err, ERR_INPUT,
            "'%s' has features of an impossible shape: they need two "
            "extents or more, none of them 0 or too large",
            arrays->source);
    if (a->head.fortran) {
        err_set(err, ERR_INPUT, "'%s' has features in Fortran order", arrays->source);
        return err_hint(err, "save numpy.ascontiguousarray(...) instead");
    }
    a->to = a->from == DTYPE_U8 ? DTYPE_U8 : DTYPE_F32;
    return 0;
}

/* The column that an array of this name is. */
static const char *usual_name(const char *name)
{
    static const char *const known[][2] = {{"labels", "label"}, {"ids", "id"}, {"names", "name"},
        {"filenames", "name"}, {"filename", "name"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i][0]) == 0)
            return known[i][1];
    return name;
}

/* 1: array i is a column beside the features; 0: it is none; -1. */
static int fits(struct arrays *out, int i, struct err *err)
{
    struct array *const a = &out->array[i];
    const size_t length =
        strspn(a->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    const bool whole =
        strcmp(a->name, "id") == 0 || strcmp(a->name, "label") == 0 || strcmp(a->name, "view") == 0;
    if (a->row == 0 || a->head.shape[0] != out->count || (a->head.fortran && a->head.rank > 1) ||
        (a->text && a->head.rank != 1) || length == 0 || length > NAME || a->name[length] != '\0' ||
        find(out, a->name) != i)
        return 0;
    if (whole && (a->head.rank != 1 || npyhead_integer_size(a->head.type) == 0))
        return err_set(err, ERR_INPUT, "'%s' has '%s' of type '%s', no whole numbers", out->source,
            a->name, a->head.type);
    a->to = whole ? DTYPE_I64 : array_real(a) ? DTYPE_F32 : a->from;
    return 1;
}

static int take_classes(struct arrays *out, struct err *err)
{
    const int i = find(out, "class_names");
    if (i < 1)
        return 0;
    const struct array *const a = &out->array[i];
    if (a->text && a->head.rank == 1 && a->row > 0 && a->head.shape[0] <= CLASSES) {
        out->classes = array_strings(&out->array[i], out->source, err);
        if (out->classes == NULL)
            return -1;
    }
    drop(out, i);
    return 0;
}

static int gather(struct arrays *out, const char *column, struct err *err)
{
    const int found = choose_features(out, column, err);
    if (found < 0 || check_features(out, &out->array[found], err) < 0)
        return -1;
    const struct array features = out->array[found];
    memmove(out->array + 1, out->array, (size_t)found * sizeof features);
    out->array[0] = features;
    out->count = features.head.shape[0];
    for (int i = 1; i < out->arrays; i++) {
        const char *const usual = usual_name(out->array[i].name);
        if (usual != out->array[i].name)
            strcpy(out->array[i].name, usual);
    }
    if (take_classes(out, err) < 0)
        return -1;
    for (int i = out->arrays - 1; i > 0; i--) {
        const int fit = fits(out, i, err);
        if (fit < 0)
            return -1;
        if (fit == 0) {
            drop(out, i);
            out->left_out++;
        }
    }
    if (column == NULL && find(out, "h") < 0 && strcmp(out->array[0].name, "z") != 0 &&
        strcmp(out->array[0].name, "pixels") != 0)
        strcpy(out->array[0].name, "h");
    out->ids = find(out, "id") > 0;
    out->field = calloc((size_t)out->arrays + 1, sizeof *out->field);
    return out->field == NULL ? err_memory(err, "arrays") : 0;
}

/* ---- .npy and .npz -------------------------------------------------------------------------- */

char *arrays_beside(const char *path, const char *what)
{
    size_t length = strlen(path);
    char *const out = malloc(length + strlen(what) + sizeof "..npy");
    if (out == NULL)
        return NULL;
    if (length > 4 && strcmp(path + length - 4, ".npy") == 0)
        length -= 4;
    memcpy(out, path, length);
    out[length] = '.';
    strcpy(out + length + 1, what);
    strcat(out, ".npy");
    return out;
}

static int add_beside(struct arrays *out, const char *path, const char *what, struct err *err)
{
    struct stat status;
    char *const beside = arrays_beside(path, what);
    if (beside == NULL)
        return err_memory(err, "a file name");
    int failed = 0;
    const int fd = open(beside, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT)
        failed = err_set(err, ERR_MISUSE, "cannot open '%s': %s", beside, strerror(errno));
    else if (fd >= 0 && fstat(fd, &status) < 0)
        failed = err_errno(err, "cannot read '%s'", beside);
    else if (fd >= 0)
        failed = add(out, what, fd, 0, status.st_size, beside, err);
    struct array *const a = failed || fd < 0 ? NULL : &out->array[out->arrays - 1];
    if (a != NULL)
        a->own = true;
    else if (fd >= 0)
        close(fd);
    if (a != NULL && (a->head.rank != 1 || a->head.shape[0] != out->array[0].head.shape[0]))
        failed = err_set(err, ERR_INPUT, "'%s' is not one %.*s for each row of '%s'", beside,
            (int)strlen(what) - 1, what, path);
    free(beside);
    return failed;
}

int arrays_open_npy(struct arrays *out, const char *path, struct channel *channel,
    const char *column, struct err *err)
{
    static const char *const beside[] = {"labels", "ids", "names"};
    int fd;
    int64_t size;
    *out = (struct arrays){.source = channel_name(channel), .fd = -1};
    int failed = open_file(out, &fd, &size, path, channel, err);
    if (!failed)
        failed = add(out, column != NULL ? column : "h", fd, 0, size, out->source, err);
    if (!failed)
        failed = check_features(out, &out->array[0], err);
    for (int i = 0; i < 3 && !failed && path != NULL && fd == out->fd; i++)
        failed = add_beside(out, path, beside[i], err);
    if (!failed)
        failed = gather(out, out->array[0].name, err);
    if (failed)
        arrays_close(out);
    return failed;
}

static int add_member(
    struct arrays *out, const struct zip_member *member, int archive, int64_t size, struct err *err)
{
    char name[ZIP_NAME], source[2 * ZIP_NAME];
    int fd;
    int64_t at;
    const size_t length = strlen(member->name);
    if (length < 5 || strcmp(member->name + length - 4, ".npy") != 0)
        return 0;
    memcpy(name, member->name, length - 4);
    name[length - 4] = '\0';
    snprintf(source, sizeof source, "%.255s:%.250s", out->source, name);
    if (zip_unpack(&fd, &at, member, archive, size, &out->unpacked, source, err) < 0)
        return -1;
    return add(out, name, fd, at, member->size, source, err);
}

int arrays_open_npz(struct arrays *out, const char *path, struct channel *channel,
    const char *column, struct err *err)
{
    struct zip zip = {0};
    int fd;
    int64_t size;
    *out = (struct arrays){.source = channel_name(channel), .fd = -1};
    int failed = open_file(out, &fd, &size, path, channel, err);
    if (!failed)
        failed = zip_open(&zip, fd, size, out->source, err);
    for (int i = 0; i < zip.count && !failed; i++)
        failed = add_member(out, &zip.member[i], fd, size, err);
    zip_close(&zip);
    if (!failed)
        failed = gather(out, column, err);
    if (failed)
        arrays_close(out);
    return failed;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int add_dataset(const struct arrays *arrays, struct header *header, struct err *err)
{
    if (arrays->classes == NULL)
        return 0;
    json_t *const dataset = json_pack("{s:i,s:O}", "classes", (int)json_array_size(arrays->classes),
        "class_names", arrays->classes);
    const int failed =
        dataset == NULL ? err_memory(err, "classes") : header_set(header, "dataset", dataset, err);
    json_decref(dataset);
    return failed;
}

struct header *arrays_header(const struct arrays *arrays, struct err *err)
{
    struct header *const header = header_new("features", err);
    for (int i = 0; i < arrays->arrays && header != NULL; i++) {
        const struct array *const a = &arrays->array[i];
        int shape[NPYHEAD_RANK];
        for (int d = 1; d < a->head.rank; d++)
            shape[d - 1] = (int)a->head.shape[d];
        header_add(header, a->name, a->text ? DTYPE_U8 : a->to, a->text ? -1 : a->head.rank - 1,
            shape, err);
    }
    if (header != NULL && !arrays->ids)
        header_add(header, "id", DTYPE_I64, 0, NULL, err);
    if (header != NULL)
        add_dataset(arrays, header, err);
    if (err->status == ERR_NONE)
        return header;
    header_free(header);
    return NULL;
}

static int count_ids(struct arrays *arrays, int rows, struct err *err)
{
    arrays->counted.size = 0;
    int64_t *const id =
        (int64_t *)(void *)bytes_room(&arrays->counted, (size_t)rows * sizeof *id, err);
    for (int i = 0; i < rows && id != NULL; i++)
        id[i] = arrays->at + i;
    return id == NULL ? -1 : 0;
}

int arrays_next(struct arrays *arrays, int rows, int64_t step, struct record *out, struct err *err)
{
    const int64_t left = arrays->count - arrays->at;
    rows = left < rows ? (int)left : rows;
    if (rows == 0)
        return 0;
    for (int i = 0; i < arrays->arrays; i++) {
        if (array_read(
                &arrays->field[i], &arrays->array[i], arrays->at, rows, arrays->source, err) < 0)
            return -1;
    }
    if (!arrays->ids && count_ids(arrays, rows, err) < 0)
        return -1;
    arrays->field[arrays->arrays] = (struct field){.data = arrays->counted.data};
    arrays->at += rows;
    *out = (struct record){.step = step,
        .parts = 1,
        .rows = rows,
        .field = arrays->field,
        .fields = arrays->arrays + !arrays->ids};
    return 1;
}

void arrays_close(struct arrays *arrays)
{
    while (arrays->arrays > 0)
        drop(arrays, arrays->arrays - 1);
    free(arrays->array);
    free(arrays->field);
    json_decref(arrays->classes);
    bytes_free(&arrays->counted);
    if (arrays->fd >= 0)
        close(arrays->fd);
    spool_close(&arrays->copy);
    spool_close(&arrays->unpacked);
    *arrays = (struct arrays){.fd = -1};
}
