/* linear -- dense layers over gemm.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/linear.h"

#include "lib/nn/gemm.h"

#include <stddef.h>

enum { COLUMNS = 64 }; /* of a block of the bias's gradient */

void linear_forward(struct parallel *parallel, float *y, const float *x, const float *weight,
    const float *bias, int n, int d, int k)
{
    for (int i = 0; bias != NULL && i < n; i++)
        for (int j = 0; j < k; j++)
            y[(size_t)i * (size_t)k + (size_t)j] = bias[j];
    gemm(parallel, y, x, weight, n, k, d, false, true, 1, bias != NULL ? 1 : 0, k, d, d);
}

struct columns {
    float *dbias;
    const float *dy;
    int n, k;
};

static void sum_columns(void *context, int block, int thread)
{
    const struct columns *const c = context;
    const int first = block * COLUMNS, left = c->k - first;
    const int count = left < COLUMNS ? left : COLUMNS;
    double sum[COLUMNS] = {0};
    (void)thread;
    for (int i = 0; i < c->n; i++)
        for (int j = 0; j < count; j++)
            sum[j] += c->dy[(size_t)i * (size_t)c->k + (size_t)(first + j)];
    for (int j = 0; j < count; j++)
        c->dbias[first + j] += (float)sum[j];
}

void linear_backward(struct parallel *parallel, float *dx, float *dweight, float *dbias,
    const float *dy, const float *x, const float *weight, int n, int d, int k)
{
    struct columns columns = {dbias, dy, n, k};
    gemm(parallel, dweight, dy, x, k, d, n, true, false, 1, 1, d, k, d);
    if (dbias != NULL)
        parallel_run(parallel, (k + COLUMNS - 1) / COLUMNS, sum_columns, &columns);
    if (dx != NULL)
        gemm(parallel, dx, dy, weight, n, d, k, false, false, 1, 0, d, k, d);
}
