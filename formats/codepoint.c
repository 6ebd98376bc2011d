/* codepoint -- RFC 3629, and PEP 383 for the rest.
 * SPDX-License-Identifier: MIT */
#include "formats/codepoint.h"

enum { ESCAPE = 0xdc00 };

int codepoint_take(uint32_t *out, const unsigned char *text, size_t size)
{
    static const uint32_t least[] = {
        0, 0, 0x80, 0x800, 0x10000}; /* of a length: shorter is wrong */
    const unsigned first = text[0];
    const int length = first < 0x80   ? 1
                       : first < 0xc0 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf8 ? 4
                                      : 0;
    *out = ESCAPE + first;
    if (length == 0 || (size_t)length > size)
        return 1;
    uint32_t value = length == 1 ? first : first & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (text[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 1;
    *out = value;
    return length;
}

int codepoint_put(unsigned char out[4], uint32_t codepoint)
{
    if (codepoint >= ESCAPE + 0x80 && codepoint <= ESCAPE + 0xff) {
        out[0] = (unsigned char)(codepoint - ESCAPE);
        return 1;
    }
    if (codepoint > 0x10ffff || (codepoint >= 0xd800 && codepoint < 0xe000))
        return 0;
    if (codepoint < 0x80) {
        out[0] = (unsigned char)codepoint;
        return 1;
    }
    const int length = codepoint < 0x800 ? 2 : codepoint < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, codepoint >>= 6)
        out[i] = (unsigned char)(0x80 | (codepoint & 0x3f));
    out[0] = (unsigned char)((0xf00 >> length & 0xff) | codepoint);
    return length;
}
