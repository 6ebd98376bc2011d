/* digest.h -- goldens without their inputs: the generator that the tests share with the scripts in
 * tests/golden, and digests of tensors too large to be stored.
 * SPDX-License-Identifier: MIT */
#ifndef DIGEST_H
#define DIGEST_H

#include "formats/safetensors.h"
#include "tests/unit/tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a of the name, then SplitMix64 counting from there: hash64() of the scripts. */
static uint64_t digest_key(const char *name)
{
    uint64_t x = 0xCBF29CE484222325u;
    for (; *name != '\0'; name++)
        x = (x ^ (unsigned char)*name) * 0x100000001B3u;
    return x;
}

static uint64_t digest_hash(uint64_t key, uint64_t i)
{
    uint64_t x = key + (i + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Multiples of 2^-23 in [-1, 1). */
static double digest_unit(uint64_t key, uint64_t i)
{
    return (double)(digest_hash(key, i) >> 40) * 0x1p-23 - 1;
}

__attribute__((unused)) static void digest_fill(
    float *out, const char *name, size_t n, double scale, double offset)
{
    const uint64_t key = digest_key(name);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(offset + scale * digest_unit(key, i));
}

__attribute__((unused)) static float *digest_draw(
    const char *name, size_t n, double scale, double offset)
{
    float *out = malloc((n + 1) * sizeof *out);
    digest_fill(out, name, n, scale, offset);
    return out;
}

enum { DIGEST_WHOLE = 32, DIGEST_ENTRIES = 24, DIGEST_PROJECTIONS = 6 };
enum { DIGEST_SIZE = DIGEST_ENTRIES + DIGEST_PROJECTIONS + 1 };

/* Small tensors whole; of large ones drawn entries, projections on drawn vectors (which see every
 * entry), and the norm. Returns how many numbers of out were written. */
__attribute__((unused)) static int digest_make(
    float out[DIGEST_WHOLE], const char *key, const float *x, size_t n)
{
    char name[160];
    if (n <= DIGEST_WHOLE) {
        memcpy(out, x, n * sizeof *out);
        return (int)n;
    }
    snprintf(name, sizeof name, "%sat", key);
    for (uint64_t i = 0; i < DIGEST_ENTRIES; i++)
        out[i] = x[digest_hash(digest_key(name), i) % n];
    double norm = 0;
    for (int p = 0; p < DIGEST_PROJECTIONS; p++) {
        double sum = 0;
        snprintf(name, sizeof name, "%salong%d", key, p);
        const uint64_t along = digest_key(name);
        for (size_t i = 0; i < n; i++)
            sum += x[i] * digest_unit(along, i);
        out[DIGEST_ENTRIES + p] = (float)sum;
    }
    for (size_t i = 0; i < n; i++)
        norm += (double)x[i] * x[i];
    out[DIGEST_SIZE - 1] = (float)sqrt(norm);
    return DIGEST_SIZE;
}

/* ||x - wanted|| / ||wanted|| for a tensor F32 of the file; infinite when it is not there or has
 * another size. */
__attribute__((unused)) static double digest_error(
    const struct safetensors *file, const char *name, const float *x, size_t n)
{
    const struct tensor *tensor = safetensors_find(file, name);
    double difference = 0, norm = 0;
    if (tensor == NULL || tensor->bytes != n * sizeof(float))
        return INFINITY;
    for (size_t i = 0; i < n; i++) {
        float wanted;
        memcpy(&wanted, (const char *)tensor->data + i * sizeof wanted, sizeof wanted);
        difference += ((double)x[i] - wanted) * ((double)x[i] - wanted);
        norm += (double)wanted * wanted;
    }
    return sqrt(difference / norm);
}

#endif
