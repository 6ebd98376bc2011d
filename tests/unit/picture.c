/* picture -- kinds are told by content, others refused by name.
 * SPDX-License-Identifier: MIT */
#include "formats/picture.h"

#include "tests/unit/tap.h"

#include <stdint.h>
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
    OK(says("\x89PNG\r\n\x1a\n", 8, "PNG"), "PNG is named");
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
    return tap_done();
}
