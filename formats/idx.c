/* idx -- plain files by pread, compressed ones unpacked once.
 * SPDX-License-Identifier: MIT */
#include "formats/idx.h"

#include "lib/base/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { IMAGES = 0x803, LABELS = 0x801, CHUNK = 1 << 20, SIDE = 1 << 16, PIXELS = 1 << 26 };

static const size_t unpacked_limit = (size_t)4 << 30;

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ---- one file, plain or compressed ---------------------------------------------------------- */

/* Exactly `size` bytes; gzread() takes a plain file as it is. */
static int unpack(gzFile in, struct bytes *out, size_t size, const char *path, struct err *err)
{
    for (size_t left = size; left > 0;) {
        const unsigned want = left < CHUNK ? (unsigned)left : CHUNK;
        unsigned char *const room = bytes_room(out, want, err);
        if (room == NULL)
            return -1;
        const int got = gzread(in, room, want);
        int code;
        const char *const reason = gzerror(in, &code);
        if (code == Z_ERRNO)
            return err_errno(err, "cannot read '%s'", path);
        if (got < 0 && code == Z_MEM_ERROR)
            return err_memory(err, "an IDX file");
        if (got < 0 && code != Z_BUF_ERROR)
            return err_set(err, ERR_INPUT, "'%s' is damaged: %s", path, reason);
        if (got <= 0)
            return err_set(err, ERR_INPUT, "'%s' is cut short", path);
        out->size += (size_t)got;
        left -= (size_t)got;
    }
    return 0;
}

/* Nothing may follow, and the checksum of a compressed file must be right. */
static int check_end(gzFile in, const char *path, struct err *err)
{
    unsigned char byte;
    const int got = gzread(in, &byte, 1);
    int code;
    const char *const reason = gzerror(in, &code);
    if (got > 0)
        return err_set(err, ERR_INPUT, "'%s' is longer than its header says", path);
    if (code == Z_BUF_ERROR)
        return err_set(err, ERR_INPUT, "'%s' is cut short", path);
    if (got < 0)
        return err_set(err, ERR_INPUT, "'%s' is damaged: %s", path, reason);
    return 0;
}

static gzFile open_file(const char *path, struct err *err)
{
    errno = ENOMEM; /* gzopen() sets errno only when the file cannot be opened */
    gzFile const in = gzopen(path, "rbe");
    if (in == NULL)
        err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    else
        gzbuffer(in, CHUNK);
    return in;
}

/* ---- labels --------------------------------------------------------------------------------- */

/* "train-images-idx3-ubyte.gz" -> "train-labels-idx1-ubyte" with the same or the other ending, if
 * there is such a file; "" if not; NULL: no memory. */
static char *labels_beside(const char *path)
{
    char *const out = calloc(strlen(path) + 4, 1);
    const char *const slash = strrchr(path, '/');
    const char *const name = slash == NULL ? path : slash + 1;
    const char *const images = strstr(name, "images");
    if (out == NULL || images == NULL)
        return out;
    strcpy(out, path);
    memcpy(out + (images - path), "labels", 6);
    char *const dimensions = strstr(out + (images - path), "idx3");
    if (dimensions != NULL)
        dimensions[3] = '1';
    if (access(out, F_OK) == 0)
        return out;
    const size_t length = strlen(out);
    if (length > 3 && strcmp(out + length - 3, ".gz") == 0)
        out[length - 3] = '\0';
    else
        strcpy(out + length, ".gz");
    if (access(out, F_OK) < 0)
        out[0] = '\0';
    return out;
}

static int read_labels(struct idx *out, const char *path, struct err *err)
{
    gzFile const in = open_file(path, err);
    struct bytes head = {0};
    int failed = in == NULL ? -1 : unpack(in, &head, 8, path, err);
    if (!failed && big_endian(head.data) != LABELS)
        failed = err_set(err, ERR_INPUT, "'%s' holds no IDX labels", path);
    if (!failed && big_endian(head.data + 4) != out->count)
        failed = err_set(err, ERR_INPUT, "'%s' has %lu labels for %lld pictures", path,
            (unsigned long)big_endian(head.data + 4), (long long)out->count);
    if (!failed)
        failed = unpack(in, &out->labels, (size_t)out->count, path, err);
    if (!failed)
        failed = check_end(in, path, err);
    for (int64_t i = 0; i < out->count && !failed; i++)
        if (out->labels.data[i] >= out->classes.count)
            out->classes.count = out->labels.data[i] + 1;
    if (in != NULL)
        gzclose_r(in);
    bytes_free(&head);
    return failed;
}

/* ---- pictures ------------------------------------------------------------------------------- */

static int parse_header(struct idx *out, const unsigned char *head, struct err *err)
{
    const uint32_t magic = big_endian(head);
    if (magic == LABELS) {
        err_set(err, ERR_MISUSE, "'%s' holds labels, not pictures", out->path);
        return err_hint(err, "give the images file; its labels are found beside it");
    }
    if (magic != IMAGES)
        return err_set(err, ERR_MISUSE, "'%s' holds no IDX pictures (magic %08lx, not 00000803)",
            out->path, (unsigned long)magic);
    const uint32_t height = big_endian(head + 8), width = big_endian(head + 12);
    out->count = big_endian(head + 4);
    if (out->count == 0 || height == 0 || width == 0)
        return err_set(err, ERR_INPUT, "'%s' has no pictures", out->path);
    if (height > SIDE || width > SIDE || (uint64_t)height * width > PIXELS)
        return err_set(err, ERR_INPUT, "'%s' has pictures of %lu x %lu, which is too large",
            out->path, (unsigned long)width, (unsigned long)height);
    out->height = (int)height;
    out->width = (int)width;
    return 0;
}

static int read_pictures(struct idx *out, struct err *err)
{
    gzFile const in = open_file(out->path, err);
    struct bytes head = {0};
    struct stat status;
    int failed = in == NULL ? -1 : unpack(in, &head, 4, out->path, err);
    if (!failed && big_endian(head.data) == IMAGES)
        failed = unpack(in, &head, 12, out->path, err);
    if (!failed)
        failed = parse_header(out, head.data, err);
    const size_t size =
        shape_times((size_t)out->count, shape_times((size_t)out->height, (size_t)out->width));
    if (!failed && !gzdirect(in)) {
        if (size > unpacked_limit) {
            failed = err_set(err, ERR_INPUT, "'%s' claims %zu bytes unpacked", out->path, size);
            err_hint(err, "gunzip it: plain files may be of any size");
        }
        if (!failed)
            failed = unpack(in, &out->pixels, size, out->path, err);
        if (!failed)
            failed = check_end(in, out->path, err);
    } else if (!failed) {
        out->fd = open(out->path, O_RDONLY | O_CLOEXEC);
        if (out->fd < 0 || fstat(out->fd, &status) < 0)
            failed = err_set(err, ERR_MISUSE, "cannot open '%s': %s", out->path, strerror(errno));
        else if ((size_t)status.st_size != shape_plus(size, 16))
            failed = err_set(err, ERR_INPUT, "'%s' is %s than its header says", out->path,
                (size_t)status.st_size < shape_plus(size, 16) ? "shorter" : "longer");
    }
    if (in != NULL)
        gzclose_r(in);
    bytes_free(&head);
    return failed;
}

/* ---- interface ------------------------------------------------------------------------------ */

bool idx_file(const char *path, const void *bytes, size_t size)
{
    const char *const slash = strrchr(path, '/');
    return (size >= 3 && memcmp(bytes, "\0\0\x08", 3) == 0) ||
           (size >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0) ||
           strstr(slash == NULL ? path : slash, "-ubyte") != NULL;
}

char *idx_folder(const char *path)
{
    static const char name[] = "train-images-idx3-ubyte";
    char *const out = malloc(strlen(path) + sizeof name + 4);
    for (int i = 0; out != NULL && i < 2; i++) {
        sprintf(out, "%s/%s%s", path, name, i ? ".gz" : "");
        if (access(out, F_OK) == 0)
            return out;
    }
    free(out);
    return NULL;
}

int idx_open(struct idx *out, const char *path, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->fd = -1;
    out->path = strdup(path);
    char *const labels = labels_beside(path);
    int failed = out->path == NULL || labels == NULL ? err_memory(err, "a file name") : 0;
    if (!failed)
        failed = read_pictures(out, err);
    if (!failed && labels[0] != '\0')
        failed = read_labels(out, labels, err);
    free(labels);
    if (failed)
        idx_close(out);
    return failed;
}

void idx_close(struct idx *idx)
{
    if (idx->fd >= 0)
        close(idx->fd);
    free(idx->path);
    bytes_free(&idx->labels);
    bytes_free(&idx->pixels);
    classes_free(&idx->classes);
    memset(idx, 0, sizeof *idx);
    idx->fd = -1;
}

int idx_read(const struct idx *idx, int64_t row, unsigned char *pixels, struct err *err)
{
    const size_t size = (size_t)idx->height * (size_t)idx->width;
    if (idx->fd < 0) {
        memcpy(pixels, idx->pixels.data + (size_t)row * size, size);
        return 0;
    }
    for (size_t have = 0; have < size;) {
        const ssize_t got = pread(
            idx->fd, pixels + have, size - have, (off_t)(16 + row * (int64_t)size + (int64_t)have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "cannot read '%s'", idx->path);
        if (got == 0)
            return err_set(err, ERR_FAILED, "'%s' became shorter while it was read", idx->path);
        have += (size_t)got;
    }
    return 0;
}
