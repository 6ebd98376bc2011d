/* fusedavx2.h -- the loops of fused.h for CPUs with AVX2 and FMA.
 *
 * Numerics: every number of a tile is one chain of fused multiply-adds in the order of the
 * dimensions, or of the rows: the shape alone decides. Differs from fused_plain() by rounding.
 * SPDX-License-Identifier: MIT */
#ifndef FUSEDAVX2_H
#define FUSEDAVX2_H

#include "lib/objective/fused.h"

/* NULL on other CPUs, and in builds that keep to the baseline. */
const struct fused *fusedavx2_kernels(void);

#endif
