/* exif -- the orientation in blocks of both byte orders, and in blocks that are damaged.
 * SPDX-License-Identifier: MIT */
#include "formats/exif.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* The orientation of an exact copy, so that a sanitizer sees every read behind the end. */
static int orientation(const void *bytes, size_t size)
{
    void *const copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    const int out = exif_orientation(copy, size);
    free(copy);
    return out;
}

#define OF(text) orientation(text, sizeof(text) - 1)

int main(void)
{
    /* Two entries: ImageWidth, then Orientation 6. */
    static const char big[] = "Exif\0\0MM\0*\0\0\0\10\0\2"
                              "\1\0\0\3\0\0\0\1\0\5\0\0"
                              "\1\22\0\3\0\0\0\1\0\6\0\0";
    static const char little[] = "Exif\0\0II*\0\10\0\0\0\2\0"
                                 "\0\1\3\0\1\0\0\0\5\0\0\0"
                                 "\22\1\3\0\1\0\0\0\6\0\0\0";
    OK(OF(big) == 6, "most significant byte first");
    OK(OF(little) == 6, "least significant byte first");
    OK(OF("Exif\0\0II*\0\10\0\0\0\1\0\22\1\4\0\1\0\0\0\3\0\0\0") == 3, "a long number");
    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\1\0\0\0\1\7\0\0\0") == 7, "a byte");
    OK(OF("Exif\0\0MM\0*\0\0\0\12xx\0\1\1\22\0\3\0\0\0\1\0\2\0\0") == 2, "a directory further on");

    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\2\0\0\0\1\0\2\0\0") == 1, "text is no number");
    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\0\0\0") == 1, "0 means nothing");
    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\11\0\0") == 1, "neither does 9");
    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\4\0\0\0\1\0\6\0\0") == 1, "nor 393216");
    OK(OF("Exif\0\0MM\0*\0\0\0\10\0\1\1\23\0\3\0\0\0\1\0\6\0\0") == 1, "no such tag");
    OK(OF("Exif\0\0MM\0*\377\377\377\377\0\1\1\22\0\3\0\0\0\1\0\6") == 1, "a directory far away");
    OK(OF("Exif\0\0II*\0\10\0\0\0\377\377\0\1\3\0\1\0\0\0\5\0\0\0") == 1,
        "more entries than bytes");
    OK(OF("Exif\0\0II\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0") == 1, "a wrong beginning");
    OK(OF("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta") == 0, "a segment of another kind");
    OK(OF("") == 0, "an empty segment");

    int good = 1;
    for (size_t n = 0; n < sizeof big - 1; n++)
        good &= orientation(big, n) == (n >= 6) && orientation(little, n) == (n >= 6);
    OK(good, "every prefix is upright");
    return tap_done();
}
