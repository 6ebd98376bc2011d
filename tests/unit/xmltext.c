/* xmltext -- what is escaped, what is replaced, what stays.
 * SPDX-License-Identifier: MIT */
#include "formats/xmltext.h"

#include "tests/unit/tap.h"

#include <string.h>

static void becomes(const char *text, size_t size, const char *want, const char *what)
{
    char got[200] = "", piece[XMLTEXT_MOST + 1];
    size_t taken = 0;
    while (taken < size) {
        taken += xmltext_take(piece, text + taken, size - taken);
        strcat(got, piece);
    }
    OK(taken == size && strcmp(got, want) == 0, "%s: '%s'", what, got);
}

#define BECOMES(text, want, what) becomes(text, sizeof(text) - 1, want, what)

int main(void)
{
    BECOMES("<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;'", "markup");
    BECOMES("gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\x9f", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\x9f",
        "UTF-8 stays");
    BECOMES("a\tb\nc\0d\x7f", "a?b?c?d?", "control characters");
    BECOMES("\xc2\x85\xc2\xa0", "?\xc2\xa0", "also those beyond ASCII, but no blank");
    BECOMES("\xff\xc3(", "?\x3f(", "bytes that are no UTF-8");
    BECOMES("\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "?\x3f\xef\xbf\xbd", "U+FFFE and U+FFFF");
    BECOMES("\xf0\x9f\x91", "?\x3f?", "a character that is cut short");
    return tap_done();
}
