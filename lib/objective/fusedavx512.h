/* fusedavx512.h -- the loops of fused.h for CPUs with AVX-512.
 *
 * Numerics: dots are chains of 16 fused multiply-adds, added in the order of the dimensions; gradients
 * one chain in the order of the rows: the shape alone decides. Differs from fused_plain() by rounding.
 * SPDX-License-Identifier: MIT */
#ifndef FUSEDAVX512_H
#define FUSEDAVX512_H

#include "lib/objective/fused.h"

/* NULL on other CPUs, and in builds that keep to less. */
const struct fused *fusedavx512_kernels(void);

#endif
