/* sha256 -- the examples of FIPS 180-4, and any cut of the same bytes.
 * SPDX-License-Identifier: MIT */
#include "lib/base/sha256.h"
#include "tests/unit/tap.h"

#include <string.h>

static void digest(char hex[65], const char *data, size_t size, size_t cut)
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, data, cut);
    sha256_update(&hash, data + cut, size - cut);
    sha256_final(&hash, hex);
}

int main(void)
{
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[65], other[65], data[300];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        digest(hex, known[i].text, strlen(known[i].text), 0);
        OK(strcmp(hex, known[i].hex) == 0, "'%s'", known[i].text);
    }
    struct sha256 hash;
    sha256_init(&hash);
    for (int i = 0; i < 1000000; i++)
        sha256_update(&hash, "a", 1);
    sha256_final(&hash, hex);
    OK(strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0,
        "a million times a");
    int differ = 0;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 37);
    for (size_t size = 0; size <= sizeof data; size += 11) {
        digest(hex, data, size, 0);
        for (size_t cut = 0; cut <= size; cut++) {
            digest(other, data, size, cut);
            differ += strcmp(hex, other) != 0;
        }
    }
    OK(differ == 0, "the cut does not matter");
    return tap_done();
}
