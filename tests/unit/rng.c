/* rng -- Philox against the vectors of its authors, draws that are what they say, permutations.
 *
 * Source of the vectors: kat_vectors of Random123 (Salmon et al.), philox4x32, 10 rounds.
 * SPDX-License-Identifier: MIT */
#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <string.h>

static void test_vectors(void)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
            {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
            {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct rng rng = {0};
        uint32_t got[4];
        memcpy(rng.counter, known[i].counter, sizeof rng.counter);
        memcpy(rng.key, known[i].key, sizeof rng.key);
        for (int k = 0; k < 4; k++)
            got[k] = rng_u32(&rng);
        OK(memcmp(got, known[i].want, sizeof got) == 0, "philox4x32-10, vector %zu", i);
    }
}

/* Draws of different keys are different sequences, of the same key the same. */
static void test_keys(void)
{
    const struct rng first = rng_key(1, 2, 3, 4, "crop");
    const struct rng others[] = {rng_key(2, 2, 3, 4, "crop"), rng_key(1, 3, 3, 4, "crop"),
        rng_key(1, 2, 4, 4, "crop"), rng_key(1, 2, 3, 5, "crop"), rng_key(1, 2, 3, 4, "flip"),
        rng_key(1, 2, 3, 4, "cro"), rng_key(1, 2, 4, 3, "crop"), rng_key(2, 1, 3, 4, "crop"),
        rng_key(1, 2, 3 + (1LL << 32), 4, "crop"), rng_key(-1, 2, 3, 4, "crop")};
    struct rng a = first, b = rng_key(1, 2, 3, 4, "crop");
    int same = 0;
    for (int i = 0; i < 100; i++)
        same += rng_u32(&a) == rng_u32(&b);
    OK(same == 100, "the same key gives the same numbers");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        a = first;
        b = others[i];
        same = 0;
        for (int k = 0; k < 100; k++)
            same += rng_u32(&a) == rng_u32(&b);
        OK(same < 3, "key %zu gives others", i);
    }
}

/* Neighbouring keys must be as independent as neighbouring numbers: first draws of many ids. */
static void test_moments(void)
{
    enum { N = 100000 };
    double uniform = 0, square = 0, normal = 0, normal2 = 0, normal4 = 0, product = 0, last = 0;
    int outside = 0;
    for (int i = 0; i < N; i++) {
        struct rng rng = rng_key(7, 0, i, 0, "moments");
        const double u = rng_uniform(&rng), z = rng_normal(&rng);
        outside += u < 0 || u >= 1;
        uniform += u;
        square += u * u;
        product += (u - 0.5) * (last - 0.5);
        last = u;
        normal += z;
        normal2 += z * z;
        normal4 += z * z * z * z;
    }
    OK(outside == 0, "uniform draws lie in [0, 1)");
    NEAR(uniform / N, 0.5, 0.004, "mean of uniform draws");
    NEAR(square / N, 1.0 / 3, 0.004, "their second moment");
    NEAR(product / N, 0, 0.001, "neighbours are not correlated");
    NEAR(normal / N, 0, 0.013, "mean of normal draws");
    NEAR(normal2 / N, 1, 0.02, "their variance");
    NEAR(normal4 / N, 3, 0.15, "their fourth moment");
}

static void test_below(void)
{
    struct rng rng = rng_key(1, 0, 0, 0, "below");
    int count[7] = {0}, wrong = 0;
    double chi = 0;
    for (int i = 0; i < 70000; i++)
        count[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        chi += (count[i] - 10000.0) * (count[i] - 10000.0) / 10000;
    OK(chi < 22.5, "seven choices are alike (chi-square %.1f, 6 degrees)", chi);
    for (int i = 0; i < 1000; i++) {
        const int64_t large = rng_below(&rng, INT64_MAX);
        const double range = rng_range(&rng, -2, 3);
        wrong += large < 0 || rng_below(&rng, 1) != 0 || range < -2 || range >= 3;
    }
    OK(wrong == 0, "extreme ranges");
}

static void test_permute(void)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 255, 1000, 4097};
    static unsigned char seen[4097];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t n = sizes[s];
        int bad = 0;
        memset(seen, 0, sizeof seen);
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = rng_permute(5, 1, "shuffle", n, i);
            bad += at < 0 || at >= n || seen[at < 0 || at >= n ? 0 : at]++ != 0;
        }
        OK(bad == 0, "a permutation of %lld", (long long)n);
    }
    int fixed = 0, alike = 0;
    for (int64_t i = 0; i < 4097; i++) {
        fixed += rng_permute(5, 1, "shuffle", 4097, i) == i;
        alike += rng_permute(5, 1, "shuffle", 4097, i) == rng_permute(5, 2, "shuffle", 4097, i);
    }
    OK(fixed < 10 && alike < 10, "it moves things, and every epoch moves others");
    double mean = 0; /* where the first 100 of a million land */
    for (int64_t i = 0; i < 100; i++)
        mean += (double)rng_permute(5, 1, "shuffle", 1000000, i) / 1e8;
    NEAR(mean, 0.5, 0.12, "neighbours are spread");
}

int main(void)
{
    test_vectors();
    test_keys();
    test_moments();
    test_below();
    test_permute();
    return tap_done();
}
