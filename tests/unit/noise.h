/* noise.h -- numbers that a test and the script of its golden both make, so that no file holds them.
 *
 * tests/golden/make_train.py has the same functions.
 * SPDX-License-Identifier: MIT */
#ifndef NOISE_H
#define NOISE_H

#include <stdint.h>

/* Number i of the sequence `key`: in [-1, 1), a multiple of 2^-23, exact as a float. */
__attribute__((unused)) static double noise(uint32_t key, uint32_t i)
{
    uint32_t x = i + key * 0x9e3779b9;
    x ^= x >> 16;
    x *= 0x85ebca6b;
    x ^= x >> 13;
    x *= 0xc2b2ae35;
    x ^= x >> 16;
    return (double)(x >> 8) * 0x1p-23 - 1;
}

/* The key of a name (FNV-1a). */
__attribute__((unused)) static uint32_t noise_key(const char *name)
{
    uint32_t key = 2166136261;
    for (; *name != '\0'; name++)
        key = (key ^ (unsigned char)*name) * 16777619;
    return key;
}

#endif
