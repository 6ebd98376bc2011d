/* jpeg -- decoding against Pillow, sizes, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include "formats/pnm.h"
#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static const struct picture_rules usual = {PICTURE_PIXELS, false};

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

/* A file with some bytes replaced: those `at` behind the first place where `marker` stands. */
static struct bytes patched(
    const char *path, const char *marker, size_t at, const void *bytes, size_t count)
{
    struct bytes out = load(path);
    size_t i = 0;
    while (i + 2 < out.size && memcmp(out.data + i, marker, 2) != 0)
        i++;
    if (i + at + count <= out.size)
        memcpy(out.data + i + at, bytes, count);
    return out;
}

/* Kinds that cannot be read, made from one that can. */
static void check_kinds(void)
{
    static const struct {
        const char *marker;
        size_t at;
        const char *bytes, *why;
    } kind[] = {
        {"\xff\xc0", 4, "\14", "JPEG has 12 bits a sample, which is not supported"},
        {"\xff\xc0", 1, "\xc3", "JPEG is lossless, which is not supported"},
        {"\xff\xc0", 1, "\xc5", "JPEG is hierarchical, which is not supported"},
        {"\xff\xc0", 14, "\x31", "fractions for sampling factors"},
    };
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct bytes in =
            patched("tests/golden/jpeg_colour.jpg", kind[i].marker, kind[i].at, kind[i].bytes, 1);
        OK(refused(in.data, in.size, PICTURE_PIXELS, kind[i].why), "%s", kind[i].why);
        bytes_free(&in);
    }
}

/* How many rows from the top are the same in both. */
static int same_rows(const struct picture *a, const struct picture *b)
{
    const size_t line = (size_t)(a->width * a->channels);
    int rows = 0;
    while (rows < a->height &&
           memcmp(a->pixels + (size_t)rows * line, b->pixels + (size_t)rows * line, line) == 0)
        rows++;
    return rows;
}

/* Every prefix with accept_truncated: headers must be there, then the picture fills up. */
static void check_truncated(const char *file)
{
    static const struct picture_rules lenient = {PICTURE_PIXELS, true};
    struct bytes in = load(file);
    struct picture whole, part;
    struct err err = {0};
    size_t headers = 0;
    int good = 1, last = 0, taken = 0;
    while (memcmp(in.data + headers, "\xff\xda", 2) != 0)
        headers++;
    good &= jpeg_decode(&whole, in.data, in.size, NULL, &lenient, &err) == 0;
    for (size_t n = 0; n < in.size && good; n++) {
        unsigned char *const copy = malloc(n + !n);
        memcpy(copy, in.data, n);
        memset(&err, 0, sizeof err);
        const int got = jpeg_decode(&part, copy, n, NULL, &lenient, &err);
        if (n <= headers)
            good &= got < 0 && (n < 3 || strcmp(err.text, "JPEG is cut short") == 0);
        if (got == 0) {
            const int rows = same_rows(&whole, &part);
            good &= n > headers && part.height == 13 && part.width == 21 && rows >= last;
            last = rows;
            taken++;
        }
        picture_free(&part);
        free(copy);
    }
    OK(good && last == 13 && taken > (int)(in.size - headers) / 2,
        "%s cut anywhere is taken by those who want it", file);
    picture_free(&whole);
    bytes_free(&in);
}

int main(void)
{
    check_golden("tests/golden/jpeg_colour.jpg", "tests/golden/jpeg_colour.ppm", 3);
    check_golden("tests/golden/jpeg_grey.jpg", "tests/golden/jpeg_grey.pgm", 1);
    check_golden("tests/golden/jpeg_progressive.jpg", "tests/golden/jpeg_progressive.ppm", 3);
    check_hostile("tests/golden/jpeg_colour.jpg");
    check_hostile("tests/golden/jpeg_progressive.jpg");

    check_truncated("tests/golden/jpeg_colour.jpg");
    check_truncated("tests/golden/jpeg_grey.jpg");
    check_kinds();

    struct bytes colour = load("tests/golden/jpeg_colour.jpg");
    OK(refused(colour.data, colour.size, 272, "more than 272 pixels"), "one pixel too many");
    struct picture out;
    struct err err = {0};
    OK(jpeg_decode(
           &out, colour.data, colour.size, NULL, &(struct picture_rules){273, false}, &err) == 0,
        "just as many as are allowed");
    picture_free(&out);

    bytes_free(&colour);

    /* Claims of sizes are refused by the header, long before memory is asked for. */
    static const char wide[] = "\xff\xdc\xff\xdc", large[] = "\x23\x28\x23\x28";
    struct bytes absurd = patched("tests/golden/jpeg_colour.jpg", "\xff\xc0", 5, wide, 4);
    OK(refused(absurd.data, absurd.size, PICTURE_PIXELS, "65500 x 65500 has more than 100000000"),
        "absurd sizes");
    bytes_free(&absurd);
    absurd = patched("tests/golden/jpeg_colour.jpg", "\xff\xc0", 5, large, 4);
    OK(refused(absurd.data, absurd.size, PICTURE_PIXELS, "cannot hold 9000 x 9000"),
        "more pixels than so few bytes can hold");
    bytes_free(&absurd);
    check_scans();

    OK(refused((const unsigned char *)"\x89PNG\r\n\x1a\n", 8, PICTURE_PIXELS, "not a JPEG"),
        "other files");
    OK(strncmp(jpeg_version(), "libjpeg", 7) == 0, "names its library");
    return tap_done();
}
