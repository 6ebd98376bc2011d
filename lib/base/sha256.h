/* sha256.h -- the SHA-256 digest, for naming tensors by what they are.
 *
 *     struct sha256 hash;
 *     sha256_init(&hash);
 *     sha256_update(&hash, bytes, size);
 *     sha256_final(&hash, hex);
 *
 * Source: FIPS 180-4. Cost: some 200 MB/s; no tables beyond the constants of the standard.
 * SPDX-License-Identifier: MIT */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t total;          /* bytes taken so far */
    unsigned char block[64]; /* the beginning of a block that is not full yet */
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *data, size_t size);
void sha256_final(struct sha256 *hash, char hex[65]); /* lower case; the hash is spent */

#endif
