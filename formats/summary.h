/* summary.h -- a tensor in a few numbers.
 * SPDX-License-Identifier: MIT */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "formats/safetensors.h"

struct summary {
    int64_t count;         /* finite elements */
    int64_t odd;           /* NaN and infinite ones */
    double min, mean, max; /* of the finite ones; 0 when there are none */
};

/* Numerics: the mean is a plain sum in double. */
struct summary summary_of(const struct tensor *tensor);

#endif
