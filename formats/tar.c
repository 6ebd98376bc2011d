/* tar -- headers of 512 bytes, data padded to 512 bytes.
 * SPDX-License-Identifier: MIT */
#include "formats/tar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME = 32 << 10,
    EXTENDED = 1 << 20,
    PIECE = 1 << 16,
    ZEROS = 1 << 28, /* bytes behind the end that are looked through; a tape has some MB */
    /* offsets in a header block */
    AT_SIZE = 124,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
    AT_SPARSE = 482, /* old GNU: an extension follows */
    AT_SPARSE_MORE = 504
};

#define TAR_LARGEST ((int64_t)1 << 60)

struct tar {
    struct unpack *in;
    struct bytes name;     /* of the current member, with its '\0' */
    struct bytes extended; /* an extended header */
    int64_t left;          /* bytes of the current member not read yet, */
    int64_t padding;       /* and those behind it */
    int64_t others;
    /* what extended headers say of the next member */
    bool named, sized, sparse;
    int64_t size;
};

/* ---- blocks --------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int bad(
    const struct tar *tar, struct err *err, const char *format, ...)
{
    char text[300];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return err_set(err, ERR_INPUT, "the archive '%s' %s at byte %lld", unpack_name(tar->in), text,
        (long long)unpack_at(tar->in));
}

static bool is_zero(const unsigned char *block)
{
    for (int i = 0; i < TAR_BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

/* The checksum of a header is the sum of its bytes, its own field counted as spaces; some old
 * programs took the bytes as signed. */
static bool sum_is_right(const unsigned char *block)
{
    int plain = 0, with_sign = 0;
    int64_t written = 0;
    int i = AT_SUM;
    for (int j = 0; j < TAR_BLOCK; j++) {
        const int byte = j >= AT_SUM && j < AT_SUM + 8 ? ' ' : block[j];
        plain += byte;
        with_sign += byte < 128 ? byte : byte - 256;
    }
    while (i < AT_SUM + 8 && block[i] == ' ')
        i++;
    const int first = i;
    for (; i < AT_SUM + 8 && block[i] >= '0' && block[i] <= '7'; i++)
        written = 8 * written + block[i] - '0';
    return i > first && (written == plain || written == with_sign);
}

bool tar_is(const void *bytes, size_t size)
{
    return size >= TAR_BLOCK && !is_zero(bytes) && sum_is_right(bytes);
}

/* 1: a block; 0: the input ends before it; -1, also when it ends within. */
static int read_block(struct tar *tar, unsigned char *block, struct err *err)
{
    const ssize_t got = unpack_read(tar->in, block, TAR_BLOCK, err);
    if (got < 0 || got == 0)
        return (int)got;
    if (got < TAR_BLOCK)
        return bad(tar, err, "is cut short");
    return 1;
}

static int skip(struct tar *tar, int64_t size, struct err *err)
{
    const int64_t got = unpack_skip(tar->in, size, err);
    if (got < 0)
        return -1;
    return got == size ? 0 : bad(tar, err, "is cut short");
}

static int64_t padding(int64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

/* ---- headers -------------------------------------------------------------------------------- */

/* Octal digits, or binary when the first bit is set; -1: neither, or too large. */
static int64_t number(const unsigned char *field, int length)
{
    int64_t value = 0;
    int i = 0;
    if (field[0] & 0x80) {
        value = field[0] & 0x7f;
        for (i = 1; i < length && value < TAR_LARGEST >> 8; i++)
            value = value << 8 | field[i];
        return i == length && value < TAR_LARGEST ? value : -1;
    }
    while (i < length && field[i] == ' ')
        i++;
    const int first = i;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
        value = 8 * value + field[i] - '0';
    if (i < length && field[i] != ' ' && field[i] != '\0')
        return -1;
    return i == first && i < length && field[i] != '\0' ? -1 : value;
}

static int set_name(struct tar *tar, const void *name, size_t length, struct err *err)
{
    tar->name.size = 0;
    unsigned char *const room = bytes_room(&tar->name, length + 1, err);
    if (room == NULL)
        return -1;
    memcpy(room, name, length);
    room[length] = '\0';
    tar->name.size = length + 1;
    return 0;
}

/* Name and, in ustar, the prefix; both may fill their fields to the last byte. */
static int take_name(struct tar *tar, const unsigned char *block, struct err *err)
{
    char name[AT_PREFIX];
    size_t length = 0;
    if (memcmp(block + AT_MAGIC, "ustar\0", 6) == 0 && block[AT_PREFIX] != '\0') {
        length = strnlen((const char *)block + AT_PREFIX, 155);
        memcpy(name, block + AT_PREFIX, length);
        name[length++] = '/';
    }
    const size_t own = strnlen((const char *)block, 100);
    memcpy(name + length, block, own);
    return set_name(tar, name, length + own, err);
}

/* The data of an extended header, piece by piece as it arrives. */
static int read_extended(struct tar *tar, int64_t size, int64_t most, struct err *err)
{
    tar->extended.size = 0;
    if (size > most)
        return bad(tar, err, "has an extended header of %lld bytes", (long long)size);
    while ((int64_t)tar->extended.size < size) {
        const int64_t left = size - (int64_t)tar->extended.size;
        const size_t want = left < PIECE ? (size_t)left : PIECE;
        unsigned char *const room = bytes_room(&tar->extended, want, err);
        const ssize_t got = room == NULL ? -1 : unpack_read(tar->in, room, want, err);
        if (got < 0)
            return -1;
        if ((size_t)got < want)
            return bad(tar, err, "is cut short");
        tar->extended.size += want;
    }
    return skip(tar, padding(size), err);
}

/* One "KEY=VALUE" of a pax header. */
static int take_pax(struct tar *tar, const char *text, size_t length, struct err *err)
{
    const char *const equals = memchr(text, '=', length);
    if (equals == NULL)
        return bad(tar, err, "has a damaged pax header");
    const char *const value = equals + 1;
    const size_t key = (size_t)(equals - text), size = length - key - 1;
    if (key == 4 && memcmp(text, "path", 4) == 0) {
        if (size == 0 || size > NAME || memchr(value, '\0', size) != NULL)
            return bad(tar, err, "has a name that is none");
        tar->named = true;
        return set_name(tar, value, size, err);
    }
    if (key == 4 && memcmp(text, "size", 4) == 0) {
        tar->size = 0;
        for (size_t i = 0; i < size && tar->size < TAR_LARGEST; i++)
            tar->size = value[i] >= '0' && value[i] <= '9' && tar->size < TAR_LARGEST / 10
                            ? 10 * tar->size + value[i] - '0'
                            : TAR_LARGEST;
        tar->sized = true;
        return size > 0 && tar->size < TAR_LARGEST ? 0 : bad(tar, err, "has a size that is none");
    }
    if (key > 11 && memcmp(text, "GNU.sparse.", 11) == 0)
        tar->sparse = true;
    return 0;
}

/* Lines "LENGTH KEY=VALUE\n", where LENGTH counts all of the line. */
static int parse_pax(struct tar *tar, struct err *err)
{
    const char *const text = (const char *)tar->extended.data;
    for (size_t at = 0; at < tar->extended.size;) {
        const size_t left = tar->extended.size - at;
        size_t length = 0, digits = 0;
        while (digits < left && digits < 8 && text[at + digits] >= '0' && text[at + digits] <= '9')
            length = 10 * length + (size_t)(text[at + digits++] - '0');
        if (digits == 0 || length > left || length < digits + 2 || text[at + digits] != ' ' ||
            text[at + length - 1] != '\n')
            return bad(tar, err, "has a damaged pax header");
        if (take_pax(tar, text + at + digits + 1, length - digits - 2, err) < 0)
            return -1;
        at += length;
    }
    return 0;
}

static int skip_sparse_map(struct tar *tar, const unsigned char *block, struct err *err)
{
    unsigned char more[TAR_BLOCK];
    bool goes_on = block[AT_SPARSE] != 0;
    while (goes_on) {
        const int got = read_block(tar, more, err);
        if (got <= 0)
            return got < 0 ? -1 : bad(tar, err, "is cut short");
        goes_on = more[AT_SPARSE_MORE] != 0;
    }
    return 0;
}

static void forget(struct tar *tar)
{
    tar->named = tar->sized = tar->sparse = false;
}

/* A header that says something of the next member. */
static int take_extended(struct tar *tar, int type, int64_t size, struct err *err)
{
    if (read_extended(tar, size, type == 'L' || type == 'K' ? NAME : EXTENDED, err) < 0)
        return -1;
    if (type == 'x' || type == 'X')
        return parse_pax(tar, err);
    if (type == 'L') {
        const size_t length =
            size == 0 ? 0 : strnlen((const char *)tar->extended.data, tar->extended.size);
        tar->named = true;
        return length > 0 ? set_name(tar, tar->extended.data, length, err)
                          : bad(tar, err, "has a name that is none");
    }
    return 0; /* the target of a link, or what holds for all members: no names, no sizes */
}

/* 1: a regular file; 0: something else, left out; -1. */
static int take_header(
    struct tar *tar, const unsigned char *block, struct tar_member *out, struct err *err)
{
    const int type = block[AT_TYPE];
    int64_t size = number(block + AT_SIZE, 12);
    if (size < 0)
        return bad(tar, err, "has a size that is none");
    if (type == 'x' || type == 'X' || type == 'g' || type == 'L' || type == 'K')
        return take_extended(tar, type, size, err);
    if (tar->sized)
        size = tar->size;
    if (type >= '1' && type <= '6')
        size = 0; /* links, devices, directories, FIFOs: their size, if any, is not of data */
    if (!tar->named && take_name(tar, block, err) < 0)
        return -1;
    const char *const name = (const char *)tar->name.data;
    const size_t length = tar->name.size - 1;
    const bool folder =
        type == '5' || (type == '\0' && length > 0 && name[length - 1] == '/'); /* the old way */
    const bool regular = (type == '0' || type == '\0' || type == '7') && !folder && !tar->sparse;
    if (type == 'S' && skip_sparse_map(tar, block, err) < 0)
        return -1;
    forget(tar);
    tar->left = size;
    tar->padding = padding(size);
    tar->others += !regular && !folder;
    *out = (struct tar_member){name, size, unpack_at(tar->in)};
    return regular;
}

/* Behind a block of zeros: more zeros, another archive, or the end. 1: a header in `block`. */
static int behind_end(struct tar *tar, unsigned char *block, struct err *err)
{
    for (int zeros = 0; zeros < ZEROS; zeros += TAR_BLOCK) {
        const int got = read_block(tar, block, err);
        if (got <= 0)
            return got;
        if (!is_zero(block))
            return sum_is_right(block) ? 1 : bad(tar, err, "is followed by something else");
    }
    return bad(tar, err, "is followed by nothing but zeros");
}

/* ---- interface ------------------------------------------------------------------------------ */

struct tar *tar_new(struct unpack *unpack, struct err *err)
{
    struct tar *const tar = calloc(1, sizeof *tar);
    if (tar == NULL) {
        err_memory(err, "an archive");
        return NULL;
    }
    tar->in = unpack;
    return tar;
}

void tar_free(struct tar *tar)
{
    if (tar == NULL)
        return;
    bytes_free(&tar->name);
    bytes_free(&tar->extended);
    free(tar);
}

int tar_next(struct tar *tar, struct tar_member *out, struct err *err)
{
    unsigned char block[TAR_BLOCK];
    for (;;) {
        if (skip(tar, tar->left + tar->padding, err) < 0)
            return -1;
        tar->left = tar->padding = 0;
        int got = read_block(tar, block, err);
        if (got == 0)
            return bad(tar, err, "is cut short (it has no end mark)");
        if (got > 0 && is_zero(block)) {
            if (tar->named || tar->sized || tar->sparse)
                return bad(tar, err, "is cut short");
            if ((got = behind_end(tar, block, err)) == 0)
                return 0;
        }
        if (got < 0)
            return -1;
        if (!sum_is_right(block))
            return bad(tar, err, "is damaged");
        got = take_header(tar, block, out, err);
        if (got != 0)
            return got;
    }
}

int tar_read(struct tar *tar, struct bytes *out, struct err *err)
{
    while (tar->left > 0) {
        const size_t want = tar->left < PIECE ? (size_t)tar->left : PIECE;
        unsigned char *const room = bytes_room(out, want, err);
        const ssize_t got = room == NULL ? -1 : unpack_read(tar->in, room, want, err);
        if (got < 0)
            return -1;
        tar->left -= got;
        out->size += (size_t)got;
        if ((size_t)got < want)
            return bad(tar, err, "is cut short");
    }
    return 0;
}

int64_t tar_others(const struct tar *tar)
{
    return tar->others;
}
