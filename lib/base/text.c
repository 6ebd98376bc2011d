/* text -- names out of foreign input, made fit for a terminal.
 * SPDX-License-Identifier: MIT */
#include "lib/base/text.h"

/* Bytes of the UTF-8 sequence at `c` when it is well-formed and no control character, else 0. */
static int printable(const unsigned char *c)
{
    if (*c < 0x80)
        return *c >= 0x20 && *c != 0x7f;
    const int length = *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;
    for (int i = 1; i < length; i++) /* stops at the terminating 0 */
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return *c == 0xc2 && c[1] < 0xa0 ? 0 : length; /* U+0080 .. U+009F are C1 */
}

void text_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0';) {
        const int length = printable(c);
        if (length == 0)
            *c = '?';
        c += length == 0 ? 1 : length;
    }
}
