/* zip -- little-endian numbers behind signatures.
 * SPDX-License-Identifier: MIT */
#include "formats/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    END64 = 0x06064b50,
    LOCATOR64 = 0x07064b50,
    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR64_SIZE = 20,
    COMMENT = 0xffff,
    DIRECTORY = 1 << 22, /* bytes it may have */
    CHUNK = 1 << 16,
    DATE = 0x21, /* 1980-01-01, the first there is */
    VERSION = 20,
    VERSION64 = 45
};

#define FULL 0xffffffff /* the number stands in the zip64 field */

int zip_is(const void *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "PK\x03\x04", 4) == 0;
}

static uint64_t take(const unsigned char *b, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | b[i];
    return value;
}

static int damaged(const char *name, struct err *err)
{
    return err_set(err, ERR_INPUT, "'%s' is cut short, or a damaged zip archive", name);
}

/* ---- the directory -------------------------------------------------------------------------- */

struct directory {
    uint64_t at, size, count;
};

/* The numbers of the zip64 end record instead, where there is one. `end` is the place of the other. */
static int find_end64(struct directory *out, int fd, int64_t end, const char *name, struct err *err)
{
    struct bytes text = {0};
    int failed = 0;
    if (end < LOCATOR64_SIZE)
        return 0;
    failed = bytes_read_at(&text, fd, end - LOCATOR64_SIZE, LOCATOR64_SIZE, name, err);
    if (!failed && take(text.data, 4) == LOCATOR64) {
        const uint64_t at = take(text.data + 8, 8);
        text.size = 0;
        failed = at > (uint64_t)end || (uint64_t)end - at < END64_SIZE
                     ? damaged(name, err)
                     : bytes_read_at(&text, fd, (int64_t)at, END64_SIZE, name, err);
        if (!failed && take(text.data, 4) != END64)
            failed = damaged(name, err);
        if (!failed)
            *out = (struct directory){
                take(text.data + 48, 8), take(text.data + 40, 8), take(text.data + 32, 8)};
    }
    bytes_free(&text);
    return failed;
}

/* The end record is the last thing in the file, but for a comment. */
static int find_directory(
    struct directory *out, int fd, int64_t size, const char *name, struct err *err)
{
    struct bytes tail = {0};
    const int64_t length = size < END_SIZE + COMMENT ? size : END_SIZE + COMMENT;
    if (size < END_SIZE)
        return damaged(name, err);
    int failed = bytes_read_at(&tail, fd, size - length, (size_t)length, name, err);
    int64_t i = length - END_SIZE;
    while (!failed && i >= 0 &&
           (take(tail.data + i, 4) != END ||
               (int64_t)take(tail.data + i + 20, 2) != length - END_SIZE - i))
        i--;
    if (!failed && i < 0)
        failed = damaged(name, err);
    if (!failed) {
        *out = (struct directory){
            take(tail.data + i + 16, 4), take(tail.data + i + 12, 4), take(tail.data + i + 10, 2)};
        failed = find_end64(out, fd, size - length + i, name, err);
    }
    bytes_free(&tail);
    if (!failed && (out->at > (uint64_t)size || out->size > (uint64_t)size - out->at))
        failed = damaged(name, err);
    if (!failed && (out->size > DIRECTORY || out->count > ZIP_MEMBERS))
        failed = err_set(err, ERR_INPUT, "'%s' has more than %d members", name, ZIP_MEMBERS);
    return failed;
}

/* Sizes and place that do not fit 32 bits stand in field 1 of the extras, in this order. */
static bool take_extras(struct zip_member *out, const unsigned char *extra, size_t size)
{
    int64_t *const wide[] = {&out->size, &out->packed, &out->local};
    for (size_t i = 0; size - i >= 4;) {
        const size_t length = (size_t)take(extra + i + 2, 2);
        if (length > size - i - 4)
            return false;
        const unsigned char *field = extra + i + 4;
        size_t left = take(extra + i, 2) == 1 ? length : 0;
        for (int k = 0; k < 3 && left >= 8; k++)
            if (*wide[k] == FULL) {
                *wide[k] = (int64_t)take(field, 8);
                field += 8;
                left -= 8;
            }
        i += 4 + length;
    }
    return out->size >= 0 && out->packed >= 0 && out->local >= 0;
}

/* One entry; returns its bytes, 0 when it is damaged. */
static size_t take_entry(struct zip_member *out, const unsigned char *b, size_t size)
{
    if (size < CENTRAL_SIZE || take(b, 4) != CENTRAL)
        return 0;
    const size_t name = (size_t)take(b + 28, 2), extra = (size_t)take(b + 30, 2);
    const size_t whole = CENTRAL_SIZE + name + extra + (size_t)take(b + 32, 2);
    if (whole > size || name >= ZIP_NAME || memchr(b + CENTRAL_SIZE, '\0', name) != NULL)
        return 0;
    memcpy(out->name, b + CENTRAL_SIZE, name);
    out->name[name] = '\0';
    out->method = (take(b + 8, 2) & 1) != 0 ? -1 : (int)take(b + 10, 2); /* -1: encrypted */
    out->crc = (uint32_t)take(b + 16, 4);
    out->packed = (int64_t)take(b + 20, 4);
    out->size = (int64_t)take(b + 24, 4);
    out->local = (int64_t)take(b + 42, 4);
    return take_extras(out, b + CENTRAL_SIZE + name, extra) ? whole : 0;
}

int zip_open(struct zip *out, int fd, int64_t size, const char *name, struct err *err)
{
    struct directory directory = {0};
    struct bytes text = {0};
    *out = (struct zip){0};
    int failed = find_directory(&directory, fd, size, name, err);
    if (!failed)
        failed = bytes_read_at(&text, fd, (int64_t)directory.at, (size_t)directory.size, name, err);
    if (!failed && (out->member = calloc(directory.count + 1, sizeof *out->member)) == NULL)
        failed = err_memory(err, "a directory");
    for (size_t at = 0; !failed && out->count < (int)directory.count;) {
        const size_t entry = take_entry(&out->member[out->count++], text.data + at, text.size - at);
        failed = entry == 0 ? damaged(name, err) : 0;
        at += entry;
    }
    bytes_free(&text);
    if (failed)
        zip_close(out);
    return failed;
}

void zip_close(struct zip *zip)
{
    free(zip->member);
    *zip = (struct zip){0};
}

/* ---- a member ------------------------------------------------------------------------------- */

struct unpacking {
    const struct zip_member *member;
    int fd;
    int64_t at;          /* of the packed bytes */
    struct spool *spool; /* NULL: stored, only checked */
    const char *name;
    struct bytes in, out;
    int64_t size; /* unpacked so far */
    uLong crc;
};

static int take_piece(struct unpacking *u, const void *bytes, size_t size, struct err *err)
{
    u->size += (int64_t)size;
    u->crc = crc32(u->crc, bytes, (uInt)size);
    if (u->size > u->member->size)
        return damaged(u->name, err);
    return u->spool == NULL ? 0 : spool_add(u->spool, bytes, size, err);
}

/* What the piece `in` unpacks to. 1: that was the end. */
static int inflate_piece(struct unpacking *u, z_stream *z, struct err *err)
{
    z->next_in = u->in.data;
    z->avail_in = (uInt)u->in.size;
    for (;;) {
        z->next_out = u->out.data;
        z->avail_out = CHUNK;
        const int status = inflate(z, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return status == Z_MEM_ERROR ? err_memory(err, "unpacking") : damaged(u->name, err);
        if (take_piece(u, u->out.data, CHUNK - z->avail_out, err) < 0)
            return -1;
        if (status == Z_STREAM_END)
            return z->avail_in == 0 ? 1 : damaged(u->name, err);
        if (z->avail_out > 0)
            return 0;
    }
}

static int unpack(struct unpacking *u, struct err *err)
{
    const bool deflated = u->member->method == 8;
    z_stream z = {0};
    int status =
        deflated && inflateInit2(&z, -MAX_WBITS) != Z_OK ? err_memory(err, "unpacking") : 0;
    if (status < 0)
        return -1;
    if (bytes_room(&u->out, CHUNK, err) == NULL)
        status = -1;
    for (int64_t done = 0; status == 0 && done < u->member->packed;) {
        const int64_t left = u->member->packed - done;
        const size_t piece = left < CHUNK ? (size_t)left : CHUNK;
        u->in.size = 0;
        status = bytes_read_at(&u->in, u->fd, u->at + done, piece, u->name, err);
        done += (int64_t)piece;
        if (status == 0)
            status = deflated ? inflate_piece(u, &z, err) : take_piece(u, u->in.data, piece, err);
        if (status == 1 && done < u->member->packed)
            status = damaged(u->name, err);
    }
    if (deflated)
        inflateEnd(&z);
    if (status == 0 && deflated) /* no end of the deflated data */
        status = damaged(u->name, err);
    return status < 0 ? -1 : 0;
}

int zip_unpack(int *fd, int64_t *at, const struct zip_member *member, int archive,
    int64_t archive_size, struct spool *spool, const char *name, struct err *err)
{
    struct bytes local = {0};
    if (member->method != 0 && member->method != 8)
        return err_set(err, ERR_INPUT, "'%s' has '%s' %s", name, member->name,
            member->method < 0 ? "encrypted" : "packed by an unknown method");
    if (member->local > archive_size - LOCAL_SIZE)
        return damaged(name, err);
    int failed = bytes_read_at(&local, archive, member->local, LOCAL_SIZE, name, err);
    if (!failed && take(local.data, 4) != LOCAL)
        failed = damaged(name, err);
    const int64_t begin = failed ? 0
                                 : member->local + LOCAL_SIZE + (int64_t)take(local.data + 26, 2) +
                                       (int64_t)take(local.data + 28, 2);
    bytes_free(&local);
    if (failed)
        return -1;
    if (begin > archive_size || member->packed > archive_size - begin)
        return damaged(name, err);
    struct unpacking u = {.member = member, .fd = archive, .at = begin, .name = name};
    *fd = archive;
    *at = begin;
    if (member->method == 8) {
        if (spool_open(spool, err) < 0)
            return -1;
        u.spool = spool;
        *fd = spool->fd;
        *at = spool->size;
    }
    failed = unpack(&u, err);
    bytes_free(&u.in);
    bytes_free(&u.out);
    if (!failed && (u.size != member->size || u.crc != member->crc))
        failed = damaged(name, err);
    return failed;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Append a number of `size` bytes. */
static unsigned char *put(unsigned char *b, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        *b++ = (unsigned char)(value >> 8 * i);
    return b;
}

/* From "version needed" to the length of the name: what a member's two headers share. */
static unsigned char *put_shared(
    unsigned char *b, uint32_t crc, int64_t size, bool wide, size_t name)
{
    const uint64_t said = wide ? FULL : (uint64_t)size;
    b = put(b, wide ? VERSION64 : VERSION, 2);
    b = put(b, 0, 2 + 2 + 2); /* flags, method, time */
    b = put(b, DATE, 2);
    b = put(b, crc, 4);
    b = put(b, said, 4);
    b = put(b, said, 4);
    return put(b, name, 2);
}

int zip_add(struct zip_writer *zip, const char *name, uint32_t crc, int64_t size, struct err *err)
{
    unsigned char local[LOCAL_SIZE + ZIP_NAME + 20], *b = local;
    const size_t length = strlen(name);
    const bool wide = size >= FULL || zip->at >= FULL; /* then all three are in the field */
    if (length >= ZIP_NAME || zip->count == ZIP_MEMBERS)
        return err_set(err, ERR_FAILED, "'%.100s...' does not fit into a zip archive", name);
    b = put_shared(put(b, LOCAL, 4), crc, size, wide, length);
    b = put(b, wide ? 20 : 0, 2);
    memcpy(b, name, length);
    b += length;
    if (wide)
        b = put(put(put(put(b, 1, 2), 16, 2), (uint64_t)size, 8), (uint64_t)size, 8);
    const size_t written = (size_t)(b - local);

    unsigned char *const entry = bytes_room(&zip->directory, CENTRAL_SIZE + length + 28, err);
    if (entry == NULL)
        return -1;
    b = put_shared(put(put(entry, CENTRAL, 4), VERSION64, 2), crc, size, wide, length);
    b = put(b, wide ? 28 : 0, 2);
    b = put(b, 0, 2 + 2 + 2); /* comment, volume, kind of contents */
    b = put(b, 0, 4);         /* of the file */
    b = put(b, wide ? FULL : (uint64_t)zip->at, 4);
    memcpy(b, name, length);
    b += length;
    if (wide) {
        b = put(put(put(put(b, 1, 2), 24, 2), (uint64_t)size, 8), (uint64_t)size, 8);
        b = put(b, (uint64_t)zip->at, 8);
    }
    zip->directory.size += (size_t)(b - entry);
    zip->count++;
    zip->at += (int64_t)written + size;
    return channel_write(zip->channel, local, written, err);
}

int zip_finish(struct zip_writer *zip, struct err *err)
{
    const uint64_t at = (uint64_t)zip->at, size = zip->directory.size, count = (uint64_t)zip->count;
    unsigned char *const end =
        bytes_room(&zip->directory, END64_SIZE + LOCATOR64_SIZE + END_SIZE, err);
    unsigned char *b = end;
    if (b != NULL && at >= FULL) {
        b = put(put(put(b, END64, 4), END64_SIZE - 12, 8), VERSION64 | VERSION64 << 16, 4);
        b = put(put(put(b, 0, 4 + 4), count, 8), count, 8);
        b = put(put(b, size, 8), at, 8);
        b = put(put(put(put(b, LOCATOR64, 4), 0, 4), at + size, 8), 1, 4);
    }
    if (b != NULL) {
        b = put(put(put(put(b, END, 4), 0, 2 + 2), count, 2), count, 2);
        b = put(put(put(b, size, 4), at >= FULL ? FULL : at, 4), 0, 2);
    }
    const int failed =
        b == NULL ? -1
                  : channel_write(zip->channel, zip->directory.data, size + (size_t)(b - end), err);
    bytes_free(&zip->directory);
    return failed;
}
