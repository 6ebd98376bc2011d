/* operand -- transposition and interleaving by vectors of eight numbers.
 *
 * Eight positions of eight channels are an 8 x 8 transposition: three rounds that interleave halves of two
 * vectors each, 24 instructions of one cycle for 64 numbers. The compiler's vectors become whatever the
 * CPU has, SSE2 on any x86-64.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/operand.h"

#include "lib/nn/micro.h"

#include <string.h>

enum { LANES = 8, AHEAD = 32 };
enum { CHANNELS = 256 }; /* at a time: as many lines that are written stay in L1 */

typedef uint16_t lanes __attribute__((vector_size(2 * LANES)));

static inline lanes load(const uint16_t *from)
{
    lanes v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store(uint16_t *to, lanes v)
{
    memcpy(to, &v, sizeof v);
}

static inline lanes lower(lanes a, lanes b)
{
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline lanes upper(lanes a, lanes b)
{
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* Row i of `to` is element channel + i of each pixel. A round sends row i and row i + 4 to rows 2 i and
 * 2 i + 1; three of them are the transposition. */
static inline void transpose_eight(
    uint16_t *to, size_t length, const uint16_t *const *pixel, int channel)
{
    lanes a[LANES], b[LANES];
    for (int i = 0; i < LANES; i++)
        a[i] = load(pixel[i] + channel);
#pragma GCC unroll 3
    for (int round = 0; round < 3; round++) {
#pragma GCC unroll 4
        for (int i = 0; i < LANES / 2; i++) {
            b[2 * i] = lower(a[i], a[i + LANES / 2]);
            b[2 * i + 1] = upper(a[i], a[i + LANES / 2]);
        }
        memcpy(a, b, sizeof a);
    }
    for (size_t i = 0; i < LANES; i++)
        store(to + i * length, a[i]);
}

void operand_transpose(
    uint16_t *to, size_t length, const uint16_t *const *pixel, size_t count, int c)
{
    const int whole = c / LANES * LANES;
    const size_t full = count / LANES * LANES;
    for (int first = 0; first < whole; first += CHANNELS) {
        const int end = whole - first < CHANNELS ? whole : first + CHANNELS;
        for (size_t q = 0; q < full; q += LANES) {
            if (q + AHEAD < full)
                for (size_t i = q + AHEAD; i < q + AHEAD + LANES; i++)
                    operand_fetch(pixel[i] + first, end - first);
            for (int channel = first; channel < end; channel += LANES)
                transpose_eight(to + (size_t)channel * length + q, length, pixel + q, channel);
        }
    }
    for (int channel = 0; channel < c; channel++)
        for (size_t q = channel < whole ? full : 0; q < count; q++)
            to[(size_t)channel * length + q] = pixel[q][channel];
}

void operand_interleave(
    uint16_t *to, size_t panel, const uint16_t *even, const uint16_t *odd, int count)
{
    for (; count >= MICRO_PANEL; count -= MICRO_PANEL, to += panel) {
        for (int i = 0; i < MICRO_PANEL; i += LANES, even += LANES, odd += LANES) {
            const lanes a = load(even), b = load(odd);
            store(to + (ptrdiff_t)2 * i, lower(a, b));
            store(to + (ptrdiff_t)2 * i + LANES, upper(a, b));
        }
    }
    if (count <= 0)
        return;
    memset(to, 0, 2 * MICRO_PANEL * sizeof *to);
    for (int i = 0; i < count; i++) {
        to[2 * i] = even[i];
        to[2 * i + 1] = odd[i];
    }
}
