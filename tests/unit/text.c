/* lib/base/text: what a terminal may see.
 * SPDX-License-Identifier: MIT */
#include "lib/base/text.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <string.h>

static bool cleans(const char *in, const char *wanted)
{
    char text[100];
    strcpy(text, in);
    text_clean(text);
    return strcmp(text, wanted) == 0;
}

int main(void)
{
    OK(cleans("", "") && cleans("plain text, 'quoted'", "plain text, 'quoted'"), "text stays");
    OK(cleans("Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb1",
           "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb1"),
        "UTF-8 of two, three and four bytes stays");
    OK(cleans("\x1b[2J\a\r\n\t\x7f", "?[2J?????"), "C0 and DEL go");
    OK(cleans("\xc2\x9b"
              "2J\xc2\x85\xc2\xa0",
           "??2J??\xc2\xa0"),
        "C1 goes, what follows it stays");
    OK(cleans("\x9b"
              "2J \xff \xc3",
           "?2J ? ?"),
        "bytes that are no UTF-8 go");
    OK(cleans("\xe2\x82", "??") && cleans("\xf0\x9f\x90", "???"), "so does a character cut short");
    OK(cleans("\xc1\x9b", "??") && cleans("\xf5\x80\x80\x80", "????"), "and what UTF-8 never has");
    return tap_done();
}
