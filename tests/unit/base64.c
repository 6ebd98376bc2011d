/* base64 -- the vectors of RFC 4648, section 10, and every byte.
 * SPDX-License-Identifier: MIT */
#include "lib/base/base64.h"

#include "tests/unit/tap.h"

#include <string.h>

static void check(const char *in, const char *wanted)
{
    char out[40];
    memset(out, '#', sizeof out);
    base64_encode(out, in, strlen(in));
    OK(base64_size(strlen(in)) == strlen(wanted), "'%s' has %zu characters", in, strlen(wanted));
    OK(memcmp(out, wanted, strlen(wanted)) == 0, "'%s' is '%s'", in, wanted);
    OK(out[strlen(wanted)] == '#', "and nothing is written behind it");
}

int main(void)
{
    const char *const in[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const char *const wanted[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    const unsigned char bytes[] = {0xfb, 0xff, 0xbf, 0x00, 0x10, 0x83};
    char out[8];
    for (int i = 0; i < 7; i++)
        check(in[i], wanted[i]);
    base64_encode(out, bytes, sizeof bytes);
    OK(memcmp(out, "+/+/ABCD", 8) == 0, "the last two letters of the alphabet, and zero bytes");
    return tap_done();
}
