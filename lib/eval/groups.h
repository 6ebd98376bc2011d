/* groups.h -- rows that are copies of each other, or nearly.
 *
 * Two rows whose cosine is at least `threshold` belong together, and so do rows that both belong to a
 * third (single linkage): groups are the connected components, and do not depend on any order.
 *
 * Numerics: as search.h. GROUPS_SLACK below the threshold still counts, so that 1 finds copies,
 * whose cosine is rounded like any other.
 * Cost: N^2 * D flops (each pair once); 16 bytes a row. A tile leaves at most as many links as it
 * has rows and columns, however many pairs are near.
 * SPDX-License-Identifier: MIT */
#ifndef GROUPS_H
#define GROUPS_H

#include "lib/base/err.h"
#include "lib/base/parallel.h"

#include <stdint.h>

#define GROUPS_SLACK 1e-6F

/* group [rows]: the lowest row of the row's group (its own number when it is alone). nearest [rows]:
 * its largest cosine to another row, if that is enough to belong together; 0 for a row that is alone.
 * unit [rows,D] of length 1. `progress` (rows done, of all rows) may
 * be NULL. Errors: ERR_FAILED memory. */
int groups_find(int *group, float *nearest, const float *unit, int rows, int width,
    double threshold, void (*progress)(int64_t done), struct parallel *parallel, struct err *err);

#endif
