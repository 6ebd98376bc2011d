/* philox.h -- one block of Philox4x32-10, for one counter at a time or for many side by side.
 *
 * Four words of a counter become four random ones under a key of two. It is inline so that a loop
 * over counters becomes vector code.
 *
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", table 2.
 * SPDX-License-Identifier: MIT */
#ifndef PHILOX_H
#define PHILOX_H

#include <stdint.h>

enum { PHILOX_ROUNDS = 10 };

__attribute__((always_inline)) static inline void philox(
    uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d, const uint32_t key[2])
{
    uint32_t c0 = *a, c1 = *b, c2 = *c, c3 = *d, k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    *a = c0;
    *b = c1;
    *c = c2;
    *d = c3;
}

#endif
