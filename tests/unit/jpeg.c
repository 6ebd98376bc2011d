/* jpeg -- decoding against Pillow, sizes, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include "formats/bytes.h"
#include "formats/pnm.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct picture_rules usual = {PICTURE_PIXELS, false};

static struct bytes load(const char *path)
{
    struct bytes out = {0};
    struct err err = {0};
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || bytes_read(&out, fd, 1 << 24, path, &err) < 0)
        printf("Bail out! cannot read %s\n", path);
    close(fd);
    return out;
}

/* The decoded file is the golden one, to the bit. */
static void check_golden(const char *file, const char *golden, int channels)
{
    struct bytes in = load(file), want = load(golden);
    struct picture a = {0}, b = {0}, size = {0};
    struct err err = {0};
    OK(jpeg_measure(&size, in.data, in.size, &err) == 0 && size.height == 13 && size.width == 21 &&
            size.channels == channels && size.pixels == NULL,
        "%s: size without decoding", file);
    OK(jpeg_decode(&a, in.data, in.size, NULL, &usual, &err) == 0, "%s decodes %s", file, err.text);
    OK(pnm_decode(&b, want.data, want.size, PICTURE_PIXELS, &err) == 0, "%s decodes", golden);
    OK(a.height == b.height && a.width == b.width && a.channels == b.channels &&
            memcmp(a.pixels, b.pixels, (size_t)(13 * 21 * channels)) == 0,
        "%s is decoded as Pillow decodes it", file);
    picture_free(&a);
    picture_free(&b);
    bytes_free(&in);
    bytes_free(&want);
}

static int refused(const unsigned char *bytes, size_t size, size_t limit, const char *why)
{
    /* An exact copy, so that a sanitizer sees every read behind the end. */
    unsigned char *const copy = malloc(size + !size);
    struct picture out;
    struct err err = {0};
    memcpy(copy, bytes, size);
    const int got =
        jpeg_decode(&out, copy, size, NULL, &(struct picture_rules){limit, false}, &err);
    const int good =
        got < 0 && err.status == ERR_INPUT && out.pixels == NULL && strstr(err.text, why) != NULL;
    if (!good)
        printf("# %d '%s'\n", got, err.text);
    picture_free(&out);
    free(copy);
    return good;
}

static void check_hostile(const char *file)
{
    struct bytes in = load(file);
    int good = 1;
    /* The last two bytes are the end marker. */
    for (size_t n = 0; n < in.size - 2 && good; n++)
        good = refused(in.data, n, PICTURE_PIXELS, "");
    OK(good, "%s: every prefix is refused", file);

    int survived = 1;
    for (size_t i = 0; i < in.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct picture out;
            struct err err = {0};
            in.data[i] ^= (unsigned char)(1 << bit);
            const int got = jpeg_decode(
                &out, in.data, in.size, NULL, &(struct picture_rules){1 << 16, false}, &err);
            survived &= got == 0 ? out.pixels != NULL && err.status == ERR_NONE
                                 : out.pixels == NULL && err.status != ERR_NONE;
            picture_free(&out);
            in.data[i] ^= (unsigned char)(1 << bit);
        }
    }
    OK(survived, "%s: any flipped bit gives a picture or an error", file);
    bytes_free(&in);
}

/* The first scan of the progressive file, 40 and 200 times more: the same picture, and too much. */
static void check_scans(void)
{
    struct bytes in = load("tests/golden/jpeg_progressive.jpg"), many = {0};
    struct picture once = {0}, often = {0};
    struct err err = {0};
    size_t from = 0, to;
    while (memcmp(in.data + from, "\xff\xda", 2) != 0)
        from++;
    for (to = from + 2; in.data[to] != 0xff || in.data[to + 1] == 0; to++)
        continue;
    const size_t length = to - from;
    unsigned char *at = bytes_room(&many, in.size + 200 * length, &err);
    memcpy(at, in.data, from);
    at += from;
    for (int i = 0; i < 200; i++, at += length)
        memcpy(at, in.data + from, length);
    memcpy(at, in.data + from, in.size - from);
    OK(refused(many.data, in.size + 200 * length, PICTURE_PIXELS, "more than 100 scans"),
        "a bomb of scans");

    unsigned char *const less = many.data + 160 * length;
    memmove(less, many.data, from);
    OK(jpeg_decode(&often, less, in.size + 40 * length, NULL, &usual, &err) == 0 &&
            jpeg_decode(&once, in.data, in.size, NULL, &usual, &err) == 0 &&
            memcmp(once.pixels, often.pixels, 13 * 21 * 3) == 0,
        "fewer do no harm");
    picture_free(&once);
    picture_free(&often);
    bytes_free(&in);
    bytes_free(&many);
}

/* Oddities that real collections have, where they are at hand. */
static void check_samples(void)
{
    static const struct {
        const char *name, *error; /* NULL: decodes */
    } sample[] = {
        {"cmyktest.jpg", "YCCK"},
        {"corrupt-header.jpg", "cut short"},
        {"fillbytes.jpg", NULL},
        {"marker-ffdc.jpg", NULL},
        {"redbox-with-rst.jpg", NULL},
        {"redbox-with-trailing-bytes.jpg", NULL},
        {"skater-progressive.jpg", NULL},
        {"truncated.jpg", "cut short"},
        {"unconventional-table.jpg", NULL},
    };
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
        char path[100];
        snprintf(path, sizeof path, "../shared/data/jpeg-samples/odd/%s", sample[i].name);
        if (access(path, R_OK) < 0) {
            SKIP("no %s", sample[i].name);
            continue;
        }
        struct bytes in = load(path);
        struct picture out;
        struct err err = {0};
        const int got = jpeg_decode(&out, in.data, in.size, NULL, &usual, &err);
        OK(sample[i].error == NULL ? got == 0 : strstr(err.text, sample[i].error) != NULL, "%s %s",
            sample[i].name, err.text);
        picture_free(&out);
        bytes_free(&in);
    }
}

int main(void)
{
    check_golden("tests/golden/jpeg_colour.jpg", "tests/golden/jpeg_colour.ppm", 3);
    check_golden("tests/golden/jpeg_grey.jpg", "tests/golden/jpeg_grey.pgm", 1);
    check_golden("tests/golden/jpeg_progressive.jpg", "tests/golden/jpeg_progressive.ppm", 3);
    check_hostile("tests/golden/jpeg_colour.jpg");
    check_hostile("tests/golden/jpeg_progressive.jpg");

    struct bytes cmyk = load("tests/golden/jpeg_cmyk.jpg");
    OK(refused(cmyk.data, cmyk.size, PICTURE_PIXELS, "CMYK"), "CMYK is refused by name");
    bytes_free(&cmyk);

    struct bytes colour = load("tests/golden/jpeg_colour.jpg");
    OK(refused(colour.data, colour.size, 272, "more than 272 pixels"), "one pixel too many");
    struct picture out;
    struct err err = {0};
    OK(jpeg_decode(
           &out, colour.data, colour.size, NULL, &(struct picture_rules){273, false}, &err) == 0,
        "just as many as are allowed");
    picture_free(&out);

    /* Claim 65500 x 65500: refused by its header, long before memory is asked for. */
    for (size_t i = 0; i + 9 < colour.size; i++)
        if (colour.data[i] == 0xff && colour.data[i + 1] == 0xc0)
            memcpy(colour.data + i + 5, "\xff\xdc\xff\xdc", 4);
    OK(refused(colour.data, colour.size, PICTURE_PIXELS, "cannot hold 65500 x 65500"),
        "absurd sizes");
    bytes_free(&colour);
    check_scans();

    OK(refused((const unsigned char *)"\x89PNG\r\n\x1a\n", 8, PICTURE_PIXELS, "not a JPEG"),
        "other files");
    check_samples();
    return tap_done();
}
