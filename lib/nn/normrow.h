/* normrow.h -- the inner loops of batch normalisation, over stretches of a map of either precision.
 *
 * A stretch is some elements of one row, or of several rows joined. `at` says how many stretches a loop
 * takes and how they lie in all its maps; vectors (mean, scale, ...) are f32 and as long as a stretch.
 * Everything is computed in f32; what is written to a map is rounded to its precision.
 *
 * Numerics: each number by the formula that stands here, without fused multiply-adds, sums in order of
 * the stretches: every kernel gives the same bits. SPDX-License-Identifier: MIT */
#ifndef NORMROW_H
#define NORMROW_H

#include "lib/nn/precision.h"

#include <stdbool.h>
#include <stddef.h>

struct normrow_at {
    size_t rows, stride, width; /* stretches; elements from one to the next, and of each */
    enum precision precision;
    bool
        stream; /* past the caches with what is written, where the CPU can: not if it is also read */
};

/* Where ReLU was open: where y is above zero, y being what forward() wrote; or, if y is NULL, where
 * (x - mean) * scale + beta is; or, if beta is NULL too, everywhere. */
struct normrow_gate {
    const void *y;
    const float *scale, *beta;
};

struct normrow {
    const char *name;

    /* sum [width] accumulated: of x; and of (x - mean)^2. */
    void (*sum)(const struct normrow_at *at, float *sum, const void *x);
    void (*squares)(const struct normrow_at *at, float *sum, const void *x, const float *mean);

    /* y = (x - mean) * scale + beta + residual (unless NULL), then ReLU if asked, through which NaN
     * passes, to be found. y may be x or residual itself. */
    void (*forward)(const struct normrow_at *at, void *y, const void *x, const void *residual,
        const float *mean, const float *scale, const float *beta, bool relu);

    /* g, the gradient behind ReLU, is dy where the gate is open, else zero; with `more` (or NULL) it is
     * dy + more, rounded to the maps' precision. sum [width] += g, product [width] += g * (x - mean),
     * and g itself to `keep` unless NULL (may be dy or more). */
    void (*sums)(const struct normrow_at *at, float *sum, float *product, void *keep,
        const void *dy, const void *more, const void *x, const struct normrow_gate *gate,
        const float *mean);

    /* The inverse of forward(): dx = scale * (g - offset - (x - mean) * slope); may be dy. */
    void (*backward)(const struct normrow_at *at, void *dx, const void *dy, const void *x,
        const struct normrow_gate *gate, const float *mean, const float *scale, const float *offset,
        const float *slope);
};

/* The kernels for a CPU of this level (cpu.h). */
const struct normrow *normrow_choose(int level);

/* In plain C, by vectors if the compiler finds them; the others' twin. */
extern const struct normrow normrow_plain;

#if defined(__x86_64__)
extern const struct normrow normrow_avx512;
#endif

#endif
