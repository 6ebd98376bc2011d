/* unpack -- plain, gzip and zstd; members and frames behind one another; damage everywhere.
 * SPDX-License-Identifier: MIT */
#include "formats/unpack.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { SIZE = 300000, ROOM = 2 * SIZE };

static unsigned char plain[SIZE], packed[ROOM], got[ROOM];

static size_t gzip(unsigned char *out, const void *data, size_t size)
{
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_in = (unsigned char *)data;
    z.avail_in = (unsigned)size;
    z.next_out = out;
    z.avail_out = ROOM;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return z.total_out;
}

static size_t zstd(unsigned char *out, const void *data, size_t size)
{
    ZSTD_CCtx *const c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    const size_t bytes = ZSTD_compress2(c, out, ROOM, data, size);
    ZSTD_freeCCtx(c);
    return bytes;
}

/* Everything that `size` bytes of `packed` unpack to, in pieces; -1: an error. */
static ssize_t all(size_t size, size_t piece, struct err *err)
{
    static FILE *file;
    char name[32];
    size_t have = 0;
    if (file == NULL && (file = tmpfile()) == NULL)
        abort();
    const int fd = fileno(file);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, packed, size, 0) != (ssize_t)size)
        abort();
    lseek(fd, 0, SEEK_SET);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    memset(err, 0, sizeof *err);
    struct channel *const channel = channel_open(name, err);
    struct unpack *const unpack = unpack_new(channel, err);
    ssize_t more = 1;
    while (more > 0 && have < ROOM) {
        const size_t want = piece < ROOM - have ? piece : ROOM - have;
        more = unpack_read(unpack, got + have, want, err);
        have += more > 0 ? (size_t)more : 0;
        if (more > 0 && (size_t)more < want && unpack_read(unpack, got + have, 1, err) > 0)
            abort();
    }
    if (more == 0 && unpack_at(unpack) != (int64_t)have)
        abort();
    unpack_free(unpack);
    channel_abandon(channel);
    return more < 0 ? -1 : (ssize_t)have;
}

static int gives(size_t size, size_t want)
{
    struct err err;
    static const size_t pieces[] = {ROOM, 1, 512, 131072};
    for (int i = 0; i < 4; i++) {
        const ssize_t have = all(size, pieces[i] == 1 && want > 5000 ? 4999 : pieces[i], &err);
        if (have != (ssize_t)want || memcmp(got, plain, want < SIZE ? want : SIZE) != 0) {
            printf("# %zd of %zu, '%s'\n", have, want, err.text);
            return 0;
        }
    }
    return 1;
}

static int refused(size_t size, const char *why)
{
    struct err err;
    const ssize_t have = all(size, 65536, &err);
    const int good = have < 0 && err.status == ERR_INPUT && strstr(err.text, why) != NULL;
    if (!good)
        printf("# %zd %d '%s'\n", have, err.status, err.text);
    return good;
}

/* Every prefix of a small one is cut short, every flipped bit is named or harmless. */
static void check_hostile(size_t size, const char *what)
{
    struct err err;
    int good = 1;
    for (size_t cut = 4; cut < size; cut++)
        good = good && refused(cut, "cut short");
    OK(good, "no part of a %s passes for the whole", what);
    good = 1;
    for (size_t i = 0; i < 8 * size; i++) {
        packed[i / 8] ^= (unsigned char)(1 << i % 8);
        const ssize_t have = all(size, 1000, &err);
        good = good && (have >= 0 || err.status == ERR_INPUT);
        packed[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    OK(good, "flipped bits of a %s", what);
}

static void check_begin(size_t size)
{
    struct err err = {0};
    OK(unpack_begin(got, 512, packed, size, true, &err) == 512 && memcmp(got, plain, 512) == 0,
        "the beginning of it");
    OK(unpack_begin(got, 512, packed, 5, false, &err) == 0 && err.status == ERR_NONE,
        "too little for a beginning");
    OK(unpack_begin(got, 512, packed, 5, true, &err) == -1 && err.status == ERR_INPUT,
        "and if that is all: %s", err.text);
}

int main(void)
{
    struct err err = {0};
    for (int i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 7 + i / 300);

    memcpy(packed, plain, SIZE);
    OK(gives(SIZE, SIZE) && gives(0, 0) && gives(1, 1) && gives(3, 3), "plain");
    size_t size = gzip(packed, plain, SIZE);
    OK(unpack_kind(packed, 2) == UNPACK_GZIP && gives(size, SIZE), "gzip");
    check_begin(size);
    memset(packed + size, 0, 1000);
    OK(gives(size + 1000, SIZE), "zeros behind it");
    packed[size + 500] = 'x';
    OK(refused(size + 1000, "something else follows"), "something else behind it");
    size = gzip(packed, plain, 1000);
    size += gzip(packed + size, plain + 1000, 2000);
    OK(gives(size, 3000), "two members");
    check_hostile(gzip(packed, "hello hello", 11), "gzip member");

    size = zstd(packed, plain, SIZE);
    OK(unpack_kind(packed, 4) == UNPACK_ZSTD && gives(size, SIZE), "zstd");
    check_begin(size);
    memcpy(packed, "\x5a\x2a\x4d\x18\3\0\0\0abc", 11);
    size = 11 + zstd(packed + 11, plain, 1000);
    size += zstd(packed + size, plain + 1000, 2000);
    OK(unpack_kind(packed, 4) == UNPACK_ZSTD && gives(size, 3000), "two frames behind a skippable");
    memcpy(packed + size, "\x28\xb5\x2f", 3);
    OK(refused(size + 3, "cut short"), "something too short for a frame behind them");
    memcpy(packed + size, "xyz12", 5);
    OK(refused(size + 5, "zstd"), "something else behind them");
    check_hostile(zstd(packed, "hello hello", 11), "zstd frame");
    memcpy(packed, "\x28\xb5\x2f\xfd\0\x90\1\0\0a", 10); /* window 2^28 */
    OK(refused(10, "memory"), "a window that is too large");

    memcpy(packed, "\x1f\x8b\x08\xff", 4);
    OK(unpack_begin(got, 512, packed, 4, false, &err) == -1, "flags that are none");

    FILE *const file = tmpfile();
    fwrite(plain, 1, 1000, file);
    fflush(file);
    struct unpack *const unpack = unpack_file(fileno(file), "x", &err);
    OK(unpack_skip(unpack, 10, &err) == 10 && unpack_read(unpack, got, 5, &err) == 5 &&
            memcmp(got, plain + 10, 5) == 0 && unpack_at(unpack) == 15,
        "a file");
    OK(unpack_skip(unpack, 980, &err) == 980 && unpack_read(unpack, got, 9, &err) == 5 &&
            unpack_skip(unpack, 1, &err) == 0 && unpack_read(unpack, got, 9, &err) == 0,
        "and its end");
    unpack_free(unpack);
    return tap_done();
}
