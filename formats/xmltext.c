/* xmltext -- four characters are escaped, those that XML cannot hold are replaced.
 * SPDX-License-Identifier: MIT */
#include "formats/xmltext.h"

#include "formats/codepoint.h"

#include <stdbool.h>
#include <string.h>

size_t xmltext_take(char out[XMLTEXT_MOST + 1], const char *text, size_t size)
{
    uint32_t c;
    const size_t length = (size_t)codepoint_take(&c, (const unsigned char *)text, size);
    const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
    const bool none = (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff;
    if (control || none)
        strcpy(out, "?");
    else if (c == '&')
        strcpy(out, "&amp;");
    else if (c == '<')
        strcpy(out, "&lt;");
    else if (c == '>')
        strcpy(out, "&gt;");
    else if (c == '"')
        strcpy(out, "&quot;");
    else {
        memcpy(out, text, length);
        out[length] = '\0';
    }
    return length;
}
