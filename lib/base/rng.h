/* rng.h -- random draws that need no state, because they are keyed.
 *
 * Every draw belongs to (seed, epoch, id, view, name): the same key gives the same numbers whatever
 * was drawn before, on whichever thread, in whichever order. So a resumed run draws what the
 * undisturbed one would have drawn.
 *
 * Source: Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 * SPDX-License-Identifier: MIT */
#ifndef RNG_H
#define RNG_H

#include <stdint.h>

/* A sequence of numbers; a value, copied freely. Make it with rng_key(). */
struct rng {
    uint32_t key[2];
    uint32_t counter[4]; /* counter[0] counts blocks; the rest belongs to the key */
    uint32_t block[4];
    int left; /* numbers of the block not handed out yet */
};

/* The sequence of one named draw. Use a fixed value (0) for what does not apply. */
struct rng rng_key(int64_t seed, int64_t epoch, int64_t id, int64_t view, const char *name);

uint32_t rng_u32(struct rng *rng);
double rng_uniform(struct rng *rng);                        /* [0, 1), 53 bits */
double rng_range(struct rng *rng, double low, double high); /* [low, high) */
int64_t rng_below(struct rng *rng, int64_t n);              /* 0 .. n-1, without bias; n > 0 */
double rng_normal(struct rng *rng);                         /* mean 0, deviation 1 (Box-Muller) */

/* Position i (0 .. n-1) of a permutation of n things that is drawn by (seed, epoch): a Feistel
 * network over the smallest even number of bits that holds n, walked until it lands below n.
 * Cost: a million names need no memory; four to sixteen rounds an answer. */
int64_t rng_permute(int64_t seed, int64_t epoch, const char *name, int64_t n, int64_t i);

#endif
