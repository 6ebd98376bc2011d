/* panel.h -- the kernels under the f32 convolutions: products with a panel of 16 columns.
 *
 * A panel is a matrix [n][16], dense, at a 32-byte boundary. What it is multiplied with are windows
 * of a map that lies in memory as it is: places are given by offsets, nothing is gathered first.
 *
 * Numerics: each sum is a chain of fused multiply-adds from zero, in the order of the formula, and is
 * then added to what is there. So say all sets of instructions: their bits are the same.
 * Cost: AVX2 keeps 6 x 16 sums in registers: 12 multiply-adds for 8 loads. AVX-512 has 12 x 16 with
 * one load of the panel for 12 multiply-adds that fetch their other operand themselves.
 * SPDX-License-Identifier: MIT */
#ifndef PANEL_H
#define PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANEL = 16 }; /* columns */

/* out[out_at[q] + j] (= | +=) sum over r < runs, i < length of
 *     in[in_at[q] + r * step + i] * weight[(r * length + i) * 16 + j]    for q < count, j < 16.
 * Overwritten, or accumulated with `add`; out must not overlap the rest. */
typedef void panel_rows_function(float *out, const int32_t *out_at, const float *in,
    const int32_t *in_at, int count, size_t step, int runs, int length, const float *weight,
    bool add);

/* out[i * 16 + j] (= | +=) sum over q < count of in[at[q] * pitch + i] * right[q * 16 + j]
 *     for i < rows (1 .. the set's height), j < 16; out at a 32-byte boundary. */
typedef void panel_outer_function(float *out, const float *in, const int32_t *at, int pitch,
    int count, const float *right, int rows, bool add);

struct panel_kernels {
    const char *name;
    int height; /* rows of `outer` at most */
    panel_rows_function *rows;
    panel_outer_function *outer;
};

/* The best kernels of a CPU of this level (cpu.h); NULL when it has none but the twins, which are slow. */
const struct panel_kernels *panel_kernels(int level);

/* The twins, in plain C, and each set by itself; NULL if the CPU or the build lacks it. */
const struct panel_kernels *panel_plain(void);
const struct panel_kernels *panel_avx2(void);
const struct panel_kernels *panel_avx512(void);

#endif
