/* png -- what is refused: damage of any kind, and claims. What is decoded right is in picture.c.
 * SPDX-License-Identifier: MIT */
#include "formats/png.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static int refused(const unsigned char *bytes, size_t size, size_t limit, const char *why)
{
    unsigned char *const copy = malloc(size + !size);
    struct picture out;
    struct err err = {0};
    memcpy(copy, bytes, size);
    const int got = png_decode(&out, copy, size, limit, &err);
    const int good =
        got < 0 && err.status == ERR_INPUT && out.pixels == NULL && strstr(err.text, why) != NULL;
    if (!good)
        printf("# %d '%s'\n", got, err.text);
    picture_free(&out);
    free(copy);
    return good;
}

static void check_hostile(const char *path)
{
    struct bytes in = load(path);
    int cut = 1, flipped = 1;
    for (size_t n = 0; n < in.size && cut; n++)
        cut = refused(in.data, n, PICTURE_PIXELS, n < 8 ? "not a PNG" : "cut short");
    OK(cut, "%s: every prefix is refused", path);
    for (size_t i = 0; i < 8 * in.size && flipped; i++) {
        in.data[i / 8] ^= (unsigned char)(1 << i % 8);
        flipped = refused(in.data, in.size, 1 << 16, "");
        in.data[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    OK(flipped, "%s: every flipped bit is refused", path);
    bytes_free(&in);
}

static void put(unsigned char *to, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(number >> 8 * (3 - i));
}

/* Claim other extents, with a checksum that agrees. */
static void claim(struct bytes *png, uint32_t width, uint32_t height)
{
    put(png->data + 16, width);
    put(png->data + 20, height);
    put(png->data + 29, (uint32_t)crc32(0, png->data + 12, 17));
}

/* A file with one more chunk behind the header. */
static struct bytes with_chunk(
    const char *path, const char *kind, const unsigned char *data, size_t size)
{
    struct bytes in = load(path), out = {0};
    struct err err = {0};
    unsigned char *const to = bytes_room(&out, in.size + size + 12, &err);
    memcpy(to, in.data, 33);
    put(to + 33, (uint32_t)size);
    memcpy(to + 37, kind, 4);
    memcpy(to + 41, data, size);
    put(to + 41 + size, (uint32_t)crc32(0, to + 37, (unsigned)size + 4));
    memcpy(to + 45 + size, in.data + 33, in.size - 33);
    out.size = in.size + size + 12;
    bytes_free(&in);
    return out;
}

/* Chunks that do not matter are skipped, though they would unpack to a megabyte. */
static void check_chunks(void)
{
    static const char *const kind[] = {"zTXt", "iCCP", "iTXt", "sPLT", "eXIf", "teSt"};
    unsigned long packed = compressBound(1 << 20);
    unsigned char *const bomb = malloc(packed + 64), *const zeros = calloc(1, 1 << 20);
    memcpy(bomb, "name\0\0", 6);
    compress(bomb + 6, &packed, zeros, 1 << 20);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct bytes in = with_chunk("tests/golden/pictures/rgb-8.png", kind[i], bomb, packed + 6);
        struct picture out;
        struct err err = {0};
        OK(png_decode(&out, in.data, in.size, PICTURE_PIXELS, &err) == 0, "%s is skipped%s",
            kind[i], err.text);
        picture_free(&out);
        bytes_free(&in);
    }
    struct bytes in = with_chunk("tests/golden/pictures/rgb-8.png", "TEST", bomb, packed);
    OK(refused(in.data, in.size, PICTURE_PIXELS, "damaged"), "an unknown chunk that matters");
    bytes_free(&in);
    free(bomb);
    free(zeros);
}

int main(void)
{
    check_hostile("tests/golden/pictures/rgb-interlaced.png");
    check_hostile("tests/golden/pictures/palette-alpha.png");
    check_hostile("tests/golden/pictures/grey-1.png");
    check_chunks();

    struct bytes in = load("tests/golden/pictures/rgba-8.png");
    OK(refused(in.data, in.size, 272, "21 x 13 has more than 272 pixels"), "one pixel too many");
    struct picture out;
    struct err err = {0};
    OK(png_decode(&out, in.data, in.size, 273, &err) == 0, "just as many as are allowed");
    picture_free(&out);
    claim(&in, 0x7fffffff, 0x7fffffff);
    OK(refused(in.data, in.size, PICTURE_PIXELS, "more than 100000000 pixels"), "absurd sizes");
    OK(refused(in.data, in.size, SIZE_MAX, "cannot hold"), "and if all were allowed");
    claim(&in, 9000, 9000);
    OK(refused(in.data, in.size, PICTURE_PIXELS, "cannot hold 9000 x 9000"),
        "more pixels than so few bytes can hold");
    claim(&in, 21, 14);
    OK(refused(in.data, in.size, PICTURE_PIXELS, "damaged: Not enough image data"), "a row less");
    claim(&in, 0, 13);
    OK(refused(in.data, in.size, PICTURE_PIXELS, "damaged"), "no pixels");
    bytes_free(&in);
    OK(refused((const unsigned char *)"\xff\xd8\xff\xe0", 4, 100, "not a PNG"), "other files");
    OK(strncmp(png_version(), "libpng: 1", 9) == 0, "names its library");
    return tap_done();
}
