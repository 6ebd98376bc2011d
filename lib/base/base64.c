/* base64 -- three bytes as four characters.
 * SPDX-License-Identifier: MIT */
#include "lib/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(char *out, const void *in, size_t size)
{
    const unsigned char *const byte = in;
    for (size_t i = 0; i < size; i += 3, out += 4) {
        const size_t left = size - i;
        const unsigned word = (unsigned)byte[i] << 16 |
                              (left > 1 ? (unsigned)byte[i + 1] << 8 : 0) |
                              (left > 2 ? byte[i + 2] : 0);
        out[0] = alphabet[word >> 18];
        out[1] = alphabet[word >> 12 & 63];
        out[2] = left > 1 ? alphabet[word >> 6 & 63] : '=';
        out[3] = left > 2 ? alphabet[word & 63] : '=';
    }
}
