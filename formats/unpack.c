/* unpack -- one loop for three decoders: plain, zlib, zstd.
 * SPDX-License-Identifier: MIT */
#include "formats/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT = 1 << 17, SCRATCH = 1 << 16, GZIP = 16 + MAX_WBITS };

/* What is decoded, and how far it has come; without a source of its bytes. */
struct decoder {
    enum unpack_kind kind;
    z_stream zlib;
    ZSTD_DCtx *zstd;
    bool inside; /* a member or frame has begun and not ended */
    bool padded; /* zeros behind the last gzip member */
};

struct unpack {
    const char *name;
    struct channel *channel; /* or NULL: a plain file */
    int fd;
    int64_t size; /* of the plain file */
    int64_t at;
    struct decoder decoder;
    unsigned char *input; /* [INPUT] */
    size_t from, to;      /* bytes of input not used yet */
    bool begun, ended;
};

enum unpack_kind unpack_kind(const void *bytes, size_t size)
{
    const unsigned char *const b = bytes;
    if (size >= 2 && b[0] == 0x1f && b[1] == 0x8b)
        return UNPACK_GZIP;
    if (size < 4)
        return UNPACK_PLAIN;
    if (memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0 ||
        ((b[0] & 0xf0) == 0x50 && memcmp(b + 1, "\x2a\x4d\x18", 3) == 0)) /* skippable */
        return UNPACK_ZSTD;
    return UNPACK_PLAIN;
}

/* ---- decoding ------------------------------------------------------------------------------- */

static int decoder_init(struct decoder *d, enum unpack_kind kind, struct err *err)
{
    memset(d, 0, sizeof *d);
    if (kind == UNPACK_GZIP && inflateInit2(&d->zlib, GZIP) != Z_OK)
        return err_memory(err, "decompression");
    d->kind = kind;
    if (kind == UNPACK_ZSTD &&
        ((d->zstd = ZSTD_createDCtx()) == NULL ||
            ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW))))
        return err_memory(err, "decompression");
    return 0;
}

static void decoder_free(struct decoder *d)
{
    if (d->kind == UNPACK_GZIP)
        inflateEnd(&d->zlib);
    ZSTD_freeDCtx(d->zstd);
}

static int decode_gzip(struct decoder *d, ZSTD_outBuffer *out, ZSTD_inBuffer *in, struct err *err)
{
    const unsigned char *const bytes = in->src;
    if (!d->inside) { /* between members */
        while (d->padded && in->pos < in->size && bytes[in->pos] == 0)
            in->pos++;
        if (in->pos == in->size)
            return 0;
        if (d->padded && bytes[in->pos] != 0x1f)
            return err_set(err, ERR_INPUT, "something else follows the gzip data");
        inflateReset(&d->zlib);
        d->inside = true;
    }
    d->zlib.next_in = (unsigned char *)bytes + in->pos;
    d->zlib.avail_in = (unsigned)(in->size - in->pos);
    d->zlib.next_out = (unsigned char *)out->dst + out->pos;
    d->zlib.avail_out = (unsigned)(out->size - out->pos);
    const int code = inflate(&d->zlib, Z_NO_FLUSH);
    in->pos = in->size - d->zlib.avail_in;
    out->pos = out->size - d->zlib.avail_out;
    if (code == Z_STREAM_END) {
        d->inside = false;
        d->padded = true;
    } else if (code == Z_MEM_ERROR) {
        return err_memory(err, "decompression");
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return err_set(err, ERR_INPUT, "gzip: %s",
            d->zlib.msg != NULL   ? d->zlib.msg
            : code == Z_NEED_DICT ? "needs a dictionary"
                                  : "bad");
    }
    return 0;
}

static int decode_zstd(struct decoder *d, ZSTD_outBuffer *out, ZSTD_inBuffer *in, struct err *err)
{
    if (!d->inside && in->pos == in->size) /* zstd would wait for another frame */
        return 0;
    const size_t left = ZSTD_decompressStream(d->zstd, out, in);
    if (ZSTD_isError(left) && ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation)
        return err_memory(err, "decompression");
    if (ZSTD_isError(left))
        return err_set(err, ERR_INPUT, "zstd: %s", ZSTD_getErrorName(left));
    d->inside = left != 0;
    return 0;
}

/* Decode what can be decoded of `in` into `out`. */
static int decode(struct decoder *d, ZSTD_outBuffer *out, ZSTD_inBuffer *in, struct err *err)
{
    if (d->kind == UNPACK_GZIP)
        return decode_gzip(d, out, in, err);
    if (d->kind == UNPACK_ZSTD)
        return decode_zstd(d, out, in, err);
    const size_t room = out->size - out->pos, there = in->size - in->pos;
    const size_t take = room < there ? room : there;
    memcpy((char *)out->dst + out->pos, (const char *)in->src + in->pos, take);
    out->pos += take;
    in->pos += take;
    return 0;
}

ssize_t unpack_begin(
    void *out, size_t room, const void *bytes, size_t size, bool whole, struct err *err)
{
    struct decoder d;
    ZSTD_inBuffer from = {bytes, size, 0};
    ZSTD_outBuffer to = {out, room, 0};
    int failed = decoder_init(&d, unpack_kind(bytes, size), err);
    for (bool moved = true; moved && !failed && to.pos < room;) {
        const size_t before = to.pos + from.pos;
        failed = decode(&d, &to, &from, err);
        moved = to.pos + from.pos > before;
    }
    if (!failed && whole && to.pos < room && d.inside)
        failed = err_set(err, ERR_INPUT, "it is cut short");
    decoder_free(&d);
    return failed ? -1 : (ssize_t)to.pos;
}

/* ---- a source of bytes ---------------------------------------------------------------------- */

static struct unpack *make(const char *name, struct err *err)
{
    struct unpack *const u = calloc(1, sizeof *u);
    if (u == NULL)
        err_memory(err, "decompression");
    else
        u->name = name;
    return u;
}

struct unpack *unpack_new(struct channel *channel, struct err *err)
{
    struct unpack *const u = make(channel_name(channel), err);
    if (u == NULL)
        return NULL;
    u->channel = channel;
    u->fd = -1;
    if ((u->input = malloc(INPUT)) == NULL) {
        err_memory(err, "decompression");
        unpack_free(u);
        return NULL;
    }
    return u;
}

struct unpack *unpack_file(int fd, const char *name, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        err_errno(err, "cannot read '%s'", name);
        return NULL;
    }
    struct unpack *const u = make(name, err);
    if (u == NULL)
        return NULL;
    u->fd = fd;
    u->size = status.st_size;
    return u;
}

void unpack_free(struct unpack *unpack)
{
    if (unpack == NULL)
        return;
    decoder_free(&unpack->decoder);
    free(unpack->input);
    free(unpack);
}

/* The first four bytes decide. */
static int begin(struct unpack *u, struct err *err)
{
    while (u->to < 4) {
        const ssize_t got = channel_read(u->channel, u->input + u->to, INPUT - u->to, err);
        if (got < 0)
            return -1;
        if (got == 0) {
            u->ended = true;
            break;
        }
        u->to += (size_t)got;
    }
    u->begun = true;
    return decoder_init(&u->decoder, unpack_kind(u->input, u->to), err);
}

static ssize_t read_file(struct unpack *u, unsigned char *out, size_t size, struct err *err)
{
    size_t have = 0;
    while (have < size) {
        const ssize_t got = pread(u->fd, out + have, size - have, (off_t)(u->at + (int64_t)have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "cannot read '%s'", u->name);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    u->at += (int64_t)have;
    return (ssize_t)have;
}

static ssize_t read_channel(struct unpack *u, void *out, size_t size, struct err *err)
{
    struct err trouble = {0};
    ZSTD_outBuffer to = {out, size, 0};
    if (!u->begun && begin(u, err) < 0)
        return -1;
    while (to.pos < size) {
        ZSTD_inBuffer from = {u->input, u->to, u->from};
        const size_t before = to.pos;
        if (decode(&u->decoder, &to, &from, &trouble) < 0)
            return trouble.status == ERR_INPUT
                       ? err_set(err, ERR_INPUT, "'%s' is damaged: %s", u->name, trouble.text)
                       : err_set(err, trouble.status, "%s", trouble.text);
        const bool moved = to.pos > before || from.pos > u->from;
        u->from = from.pos;
        if (moved)
            continue;
        if (u->from < u->to)
            return err_set(err, ERR_INPUT, "'%s' is damaged: it does not go on", u->name);
        if (u->ended && u->decoder.inside)
            return err_set(err, ERR_INPUT, "'%s' is cut short", u->name);
        if (u->ended)
            break;
        u->from = u->to = 0;
        const ssize_t got = channel_read(u->channel, u->input, INPUT, err);
        if (got < 0)
            return -1;
        u->to = (size_t)got;
        u->ended = got == 0;
    }
    u->at += (int64_t)to.pos;
    return (ssize_t)to.pos;
}

ssize_t unpack_read(struct unpack *unpack, void *out, size_t size, struct err *err)
{
    return unpack->channel == NULL ? read_file(unpack, out, size, err)
                                   : read_channel(unpack, out, size, err);
}

int64_t unpack_skip(struct unpack *unpack, int64_t size, struct err *err)
{
    unsigned char scratch[SCRATCH];
    if (unpack->channel == NULL) {
        const int64_t left = unpack->at < unpack->size ? unpack->size - unpack->at : 0;
        const int64_t step = size < left ? size : left;
        unpack->at += step;
        return step;
    }
    int64_t done = 0;
    while (done < size) {
        const size_t want = size - done < SCRATCH ? (size_t)(size - done) : SCRATCH;
        const ssize_t got = unpack_read(unpack, scratch, want, err);
        if (got < 0)
            return -1;
        done += got;
        if ((size_t)got < want)
            break;
    }
    return done;
}

int64_t unpack_at(const struct unpack *unpack)
{
    return unpack->at;
}

const char *unpack_name(const struct unpack *unpack)
{
    return unpack->name;
}
