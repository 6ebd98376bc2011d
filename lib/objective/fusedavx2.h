/* fusedavx2.h -- the loops of fused.h for CPUs with AVX2 and FMA.
 *
 * Numerics: dots are chains of 16 fused multiply-adds, added in the order of the dimensions; gradients
 * one chain in the order of the rows: the shape alone decides. Differs from fused_plain() by rounding.
 * Cost: measured on Zen 3, where a core can do 102 GFLOP/s: products 88-90.
 * SPDX-License-Identifier: MIT */
#ifndef FUSEDAVX2_H
#define FUSEDAVX2_H

#include "lib/objective/fused.h"

/* NULL on other CPUs, and in builds that keep to the baseline. */
const struct fused *fusedavx2_kernels(void);

#endif
