/* pnm -- headers of all forms, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/pnm.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* Decode an exact copy; the message is "" on success. */
static const char *decode(struct picture *out, const char *bytes, size_t size, size_t limit)
{
    static struct err err;
    char *const copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    memset(&err, 0, sizeof err);
    pnm_decode(out, copy, size, limit, &err);
    free(copy);
    return err.text;
}

static int refused(const char *bytes, size_t size, size_t limit, const char *why)
{
    struct picture out;
    const char *const text = decode(&out, bytes, size, limit);
    const int good = *text != '\0' && strstr(text, why) != NULL && out.pixels == NULL;
    if (!good)
        printf("# '%s'\n", text);
    picture_free(&out);
    return good;
}

int main(void)
{
    static const char colour[] = "P6\n2 1\n255\nabcdef", grey[] = "P5 # c\n#d\n 1\t3 255\rxyz";
    struct picture out;
    char header[PNM_HEADER];
    OK(*decode(&out, colour, sizeof colour - 1, 100) == '\0' && out.height == 1 && out.width == 2 &&
            out.channels == 3 && memcmp(out.pixels, "abcdef", 6) == 0,
        "colour");
    picture_free(&out);
    OK(*decode(&out, grey, sizeof grey - 1, 100) == '\0' && out.height == 3 && out.width == 1 &&
            out.channels == 1 && memcmp(out.pixels, "xyz", 3) == 0,
        "grey, with comments and other blanks");
    picture_free(&out);
    OK(pnm_header(header, 1, 2, 3) == 11 && memcmp(header, colour, 11) == 0, "the header written");
    OK(pnm_header(header, 2000000000, 2000000000, 1) < PNM_HEADER, "the longest header fits");

    int good = 1;
    for (size_t n = 0; n < sizeof colour - 1; n++)
        good &= refused(colour, n, 100, "");
    OK(good, "every prefix is refused");
    OK(refused(colour, sizeof colour - 1, 1, "more than 1 pixels"), "more pixels than allowed");
    OK(refused("P6\n0 1\n255\n", 11, 100, "damaged"), "no width");
    OK(refused("P6\n2 1\n65535\nabcdefabcdef", 25, 100, "only 255"), "16 bits a sample");
    OK(refused("P6\n999999999 999999999\n255\n", 27, (size_t)-1, "cut short"),
        "claims without bytes allocate nothing");
    OK(refused("P6\n99999999999 1\n255\n", 21, 100, "damaged"), "numbers that do not fit");
    OK(refused("P3\n1 1\n255\n1 2 3\n", 17, 100, "not a binary"), "the text form");
    return tap_done();
}
