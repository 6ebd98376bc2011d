/* rng -- keyed, counter-based random numbers (Philox4x32-10) and a keyed permutation.
 * SPDX-License-Identifier: MIT */
#include "lib/base/rng.h"

#include "lib/base/philox.h"

#include <math.h>

static void make_block(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    for (int i = 0; i < 4; i++)
        out[i] = counter[i];
    philox(&out[0], &out[1], &out[2], &out[3], key);
}

/* The finaliser of SplitMix64 (Steele et al. 2014): folds one more word into a digest. */
static uint64_t fold(uint64_t digest, uint64_t word)
{
    uint64_t x = digest * 0x9E3779B97F4A7C15u + word + 0x632BE59BD9B4E019u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

struct rng rng_key(int64_t seed, int64_t epoch, int64_t id, int64_t view, const char *name)
{
    uint64_t draw = fold(0, (uint64_t)seed);
    for (; *name != '\0'; name++)
        draw = fold(draw, (unsigned char)*name);
    const uint64_t where = fold(fold(fold(draw, (uint64_t)epoch), (uint64_t)view), (uint64_t)id);
    return (struct rng){
        .key = {(uint32_t)draw, (uint32_t)(draw >> 32)},
        .counter = {0, (uint32_t)id, (uint32_t)where, (uint32_t)(where >> 32)},
    };
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->left == 0) {
        make_block(rng->block, rng->counter, rng->key);
        rng->counter[0]++;
        rng->left = 4;
    }
    return rng->block[4 - rng->left--];
}

double rng_uniform(struct rng *rng)
{
    const uint64_t high = rng_u32(rng) >> 5, low = rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double rng_range(struct rng *rng, double low, double high)
{
    return low + (high - low) * rng_uniform(rng);
}

int64_t rng_below(struct rng *rng, int64_t n)
{
    const uint64_t range = (uint64_t)n, reject = (0 - range) % range; /* 2^64 mod n */
    for (;;) {
        const uint64_t word = (uint64_t)rng_u32(rng) << 32 | rng_u32(rng);
        if (word >= reject)
            return (int64_t)(word % range);
    }
}

double rng_normal(struct rng *rng)
{
    const double radius = sqrt(-2.0 * log(1.0 - rng_uniform(rng)));
    return radius * cos(6.283185307179586 * rng_uniform(rng));
}

int64_t rng_permute(int64_t seed, int64_t epoch, const char *name, int64_t n, int64_t i)
{
    int half = 1;
    while (half < 31 && (int64_t)1 << (2 * half) < n)
        half++;
    const uint32_t mask = ((uint32_t)1 << half) - 1;
    const struct rng key = rng_key(seed, epoch, 0, 0, name);
    do {
        uint32_t left = (uint32_t)((uint64_t)i >> half) & mask, right = (uint32_t)i & mask;
        for (uint32_t round = 0; round < 4; round++) {
            const uint32_t counter[4] = {right, round, key.counter[2], key.counter[3]};
            uint32_t word[4];
            make_block(word, counter, key.key);
            const uint32_t next = left ^ (word[0] & mask);
            left = right;
            right = next;
        }
        i = (int64_t)((uint64_t)left << half | right);
    } while (i >= n);
    return i;
}
