/* picture -- kinds are told by content, others refused by name; one small file of every kind.
 * SPDX-License-Identifier: MIT */
#include "formats/picture.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int says(const void *bytes, size_t size, const char *text)
{
    struct picture out;
    struct err err = {0}, again = {0};
    const int good = picture_decode(&out, bytes, size,
                         &(struct picture_rules){PICTURE_PIXELS, false}, &err) < 0 &&
                     picture_measure(&out, bytes, size, &again) < 0 && err.status == ERR_INPUT &&
                     strstr(err.text, text) != NULL && strcmp(err.text, again.text) == 0;
    if (!good)
        printf("# '%s'\n", err.text);
    return good;
}

static const struct picture_rules usual = {PICTURE_PIXELS, false};

/* The file, decoded, is the .ppm or .pgm beside it. */
static void check_golden(const char *path)
{
    char beside[200];
    snprintf(beside, sizeof beside, "%.*sppm", (int)strlen(path) - 3, path);
    if (access(beside, R_OK) < 0)
        memcpy(strrchr(beside, '.'), ".pgm", 4);
    struct bytes in = load(path), want = load(beside);
    struct picture a = {0}, b = {0}, size = {0}, part = {0};
    struct err err = {0};
    OK(picture_decode(&a, in.data, in.size, &usual, &err) == 0 &&
            picture_decode(&b, want.data, want.size, &usual, &err) == 0 && a.height == b.height &&
            a.width == b.width && a.channels == b.channels &&
            memcmp(a.pixels, b.pixels, (size_t)(b.height * b.width * b.channels)) == 0,
        "%s%s%s", path, *err.text == 0 ? "" : ": ", err.text);
    const struct picture_region region = {2, 3, 5, 7, 1};
    OK(picture_measure(&size, in.data, in.size, &err) == 0 && size.pixels == NULL &&
            size.height == b.height && size.width == b.width && size.channels == b.channels &&
            picture_decode_region(&part, in.data, in.size, &region, &usual, &err) == 0 &&
            part.x <= 2 && part.y <= 3 && part.x + part.width >= 7 && part.y + part.height >= 10,
        "%s is measured, and decoded in part", path);
    picture_free(&a);
    picture_free(&b);
    picture_free(&part);
    bytes_free(&in);
    bytes_free(&want);
}

static void check_goldens(void)
{
    glob_t found;
    int files = 0;
    if (glob("tests/golden/pictures/*.jpg", 0, NULL, &found) == 0 &&
        glob("tests/golden/pictures/*.png", GLOB_APPEND, NULL, &found) == 0)
        for (; files < (int)found.gl_pathc; files++)
            check_golden(found.gl_pathv[files]);
    OK(files == 46, "%d files of 46", files);
    globfree(&found);
}

int main(void)
{
    struct picture out;
    struct err err = {0};
    OK(picture_kind("\xff\xd8\xff\xe0", 4) == PICTURE_JPEG, "JPEG");
    OK(picture_kind("P5\n", 3) == PICTURE_PNM, "PNM");
    OK(picture_kind("P5\n", 2) == PICTURE_UNKNOWN, "too few bytes to tell");
    OK(picture_decode(&out, "P5 1 1 255 x", 12, &(struct picture_rules){1, false}, &err) == 0 &&
            out.pixels[0] == 'x',
        "decoding goes to the right decoder");
    picture_free(&out);
    OK(picture_measure(&out, "P5 1 1 255 x", 12, &err) == 0 && out.width == 1 && !out.pixels,
        "so does measuring");
    OK(picture_kind("\x89PNG\r\n\x1a\n", 8) == PICTURE_PNG, "PNG");
    OK(says("\x89PNG\r\n\x1a\n", 8, "PNG is cut short"), "no more than its beginning");
    OK(says("RIFF\x10\0\0\0WEBPVP8 ", 16, "WebP"), "WebP is named");
    OK(says("\0\0\0\x18"
            "ftypheic",
           12, "HEIF"),
        "HEIF is named");
    OK(says("GIF89a", 6, "GIF"), "GIF is named");
    OK(says("hello world", 11, "known kind"), "text is no picture");
    OK(says("", 0, "empty"), "nothing is empty");
    OK(picture_alloc(&out, INT32_MAX, INT32_MAX, 3, SIZE_MAX, "X", &err) < 0 &&
            err.status == ERR_FAILED && out.pixels == NULL,
        "what memory cannot hold");
    check_goldens();
    return tap_done();
}
