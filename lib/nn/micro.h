/* micro.h -- the innermost product of bf16 convolutions: 32 x 32 sums of f32.
 *
 *     sum[m,n] (+)= over chunks j, over e < 32: a[m][offset[j] + e] * b[j][e][n]
 *
 * a    row m < 16 at a0 + m * step, row 16 + m at a1 + m * step; elements are contiguous
 * b    [chunks][16 pairs][16 columns][2]: element 2 p + i of column n at [p][n][i]; b0 has columns
 *      0 .. 15, b1 columns 16 .. 31, or is NULL: then those columns of the sum are left alone
 * sum  [32][32]
 *
 * A filter's taps are offsets into an image (geometry.h), so one product serves forward pass, data
 * gradient (rows are positions, columns filters) and weight gradient (rows are channels of the
 * transposed image, elements positions).
 *
 * Numerics: every kernel gives the same bits, those of the instruction TDPBF16PS (Intel SDM volume 2).
 * In each chunk products of even and of odd elements are summed apart, both from zero, in order of the
 * pairs, each step one fused multiply-add; the two sums are added; the result is added to sum[m,n]. All in
 * f32, rounded to nearest even; denormal operands and results are zero. (NaNs may differ in their
 * payload; so may zeros and the least normal number where hardware is tiny before rounding.)
 *
 * Cost: 32 * 32 * 32 multiply-adds a chunk, half of that without b1. On AMX: four tiles of sums, two of a,
 * two of b, so a chunk takes 4 tile loads (64 lines of 64 bytes) and 4 products of 16 cycles each: 64
 * cycles, in which the load ports could bring 128 lines from L1, or L2 some 32 to 40. So one operand may
 * come from L2 if the other stays in L1. b is one stream of 2 KiB a chunk that begins again for the
 * next strip; for a, callers put the taps of one 32-channel slice next to each other, which are the
 * same lines of L1 three to nine times. No software prefetch: a chunk is some tens of micro-operations, the
 * window of reordering holds several, more than the 15 cycles of L2; behind L2 the stream prefetcher
 * sees b in ascending order. Rows of a that are a multiple of 4 KiB apart share one set of L1 (12
 * ways): callers choose steps of an odd number of lines.
 * SPDX-License-Identifier: MIT */
#ifndef MICRO_H
#define MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MICRO_ROWS = 32, MICRO_STRIP = 16, MICRO_COLUMNS = 32, MICRO_PANEL = 16, MICRO_CHUNK = 32 };
enum { MICRO_B = MICRO_CHUNK * MICRO_PANEL, MICRO_SUM = MICRO_ROWS * MICRO_COLUMNS }; /* elements */

struct micro {
    const char *name;
    /* Around products of one thread: the state of its floating-point unit, or its tiles. */
    unsigned (*begin)(void);
    void (*end)(unsigned state);
    /* add: to what `sum` holds; else it is overwritten. chunks > 0. */
    void (*product)(float *restrict sum, const uint16_t *a0, const uint16_t *a1, size_t step,
        const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks, bool add);
    /* Columns 0 .. columns-1 of each row m of sum, rounded to bf16 (precision.h), to
     * out + place[m] * stride; rows with place < 0 are dropped. */
    void (*store)(uint16_t *restrict out, const float *restrict sum, const int *restrict place,
        size_t stride, int columns);
    /* The same past the caches, where the CPU can: for maps that would not stay there. Seen by other
     * threads behind end(). */
    void (*stream)(uint16_t *restrict out, const float *restrict sum, const int *restrict place,
        size_t stride, int columns);
};

/* The kernel for a CPU of this level (cpu.h). */
const struct micro *micro_choose(int level);

/* The plain C twin of all of them. */
extern const struct micro micro_plain;

#if defined(__x86_64__)
extern const struct micro micro_avx2, micro_avx512, micro_bf16, micro_amx;
#endif

#endif
