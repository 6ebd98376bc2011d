/* zip -- archives beyond 4 GiB, which are mostly a hole; the others are in arrays.c.
 * SPDX-License-Identifier: MIT */
#include "formats/zip.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIZE = 5 };
static const char contents[] = "12345";

/* An archive of two members, as if so many bytes were before it. */
static struct bytes make(int64_t before)
{
    struct err err = {0};
    char path[] = "/tmp/zip.XXXXXX";
    close(mkstemp(path));
    struct channel *const channel = channel_create(path, &err);
    struct zip_writer zip = {.channel = channel, .at = before};
    const uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)contents, SIZE);
    for (int i = 0; i < 2; i++) {
        zip_add(&zip, i == 0 ? "one" : "two", crc, SIZE, &err);
        channel_write(channel, contents, SIZE, &err);
    }
    zip_finish(&zip, &err);
    channel_finish(channel, &err);
    OK(err.status == ERR_NONE, "an archive is written");
    struct bytes out = load(path);
    remove(path);
    return out;
}

static void check(int64_t before, const char *what)
{
    struct bytes file = make(before);
    char path[] = "/tmp/zip.XXXXXX", text[SIZE];
    struct err err = {0};
    struct zip zip;
    struct spool spool = {0};
    const int fd = mkstemp(path);
    unlink(path);
    const int64_t size = before + (int64_t)file.size;
    OK(pwrite(fd, file.data, file.size, before) == (ssize_t)file.size &&
            zip_open(&zip, fd, size, "x", &err) == 0 && zip.count == 2 &&
            strcmp(zip.member[1].name, "two") == 0,
        "%s: two members", what);
    for (int i = 0; i < zip.count; i++) {
        int from;
        int64_t at;
        OK(zip_unpack(&from, &at, &zip.member[i], fd, size, &spool, "x", &err) == 0 && from == fd &&
                pread(from, text, SIZE, at) == SIZE && memcmp(text, contents, SIZE) == 0,
            "%s: member %d", what, i);
    }
    zip_close(&zip);
    int good = 1;
    for (size_t cut = 0; cut < file.size && good; cut++) {
        err = (struct err){0};
        good = zip_open(&zip, fd, before + (int64_t)cut, "x", &err) < 0 && err.status == ERR_INPUT;
    }
    OK(good, "%s: every prefix is refused", what);
    close(fd);
    bytes_free(&file);
}

int main(void)
{
    check(0, "small");
    check(((int64_t)1 << 32) - 50, "over the border");
    check((int64_t)5 << 30, "beyond it");
    return tap_done();
}
