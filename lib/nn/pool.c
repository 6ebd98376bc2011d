/* pool -- maximum, average and option A subsampling of NHWC maps; one picture is one block.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/pool.h"

#include "lib/base/cpu.h"

#include <string.h>

struct pass {
    float *out;
    const float *in;
    uint8_t *index;
    int h, w, c, k;
};

static size_t map(int h, int w, int c)
{
    return (size_t)h * (size_t)w * (size_t)c;
}

/* Keep the larger, the earlier of equals; NaN is larger than anything, as in PyTorch. */
CPU_CLONES static void take_larger(
    float *restrict best, uint8_t *restrict where, const float *restrict x, uint8_t place, int c)
{
    for (int i = 0; i < c; i++)
        if (x[i] > best[i] || x[i] != x[i]) {
            best[i] = x[i];
            where[i] = place;
        }
}

static void maximum_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h - 1) / 2 + 1, width = (p->w - 1) / 2 + 1;
    const size_t c = (size_t)p->c;
    const float *x = p->in + (size_t)n * map(p->h, p->w, p->c);
    float *y = p->out + (size_t)n * map(height, width, p->c);
    uint8_t *index = p->index + (size_t)n * map(height, width, p->c);
    (void)thread;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, y += c, index += c)
            for (int place = 0, begun = 0; place < 9; place++) {
                const int h = 2 * row - 1 + place / 3, w = 2 * column - 1 + place % 3;
                if (h < 0 || h >= p->h || w < 0 || w >= p->w)
                    continue;
                const float *from = x + map(h, p->w, p->c) + (size_t)w * c;
                if (begun++) {
                    take_larger(y, index, from, (uint8_t)place, p->c);
                } else {
                    memcpy(y, from, c * sizeof *y);
                    memset(index, place, c);
                }
            }
}

void pool_maximum_forward(
    struct parallel *parallel, float *y, uint8_t *index, const float *x, int n, int h, int w, int c)
{
    struct pass p = {.out = y, .index = index, .in = x, .h = h, .w = w, .c = c};
    parallel_run(parallel, n, maximum_forward, &p);
}

static void maximum_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h - 1) / 2 + 1, width = (p->w - 1) / 2 + 1;
    float *dx = p->out + (size_t)n * map(p->h, p->w, p->c);
    const float *dy = p->in + (size_t)n * map(height, width, p->c);
    const uint8_t *index = p->index + (size_t)n * map(height, width, p->c);
    (void)thread;
    memset(dx, 0, map(p->h, p->w, p->c) * sizeof *dx);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++)
            for (int i = 0; i < p->c; i++, dy++, index++) {
                const int h = 2 * row - 1 + *index / 3, w = 2 * column - 1 + *index % 3;
                dx[map(h, p->w, p->c) + map(1, w, p->c) + (size_t)i] += *dy;
            }
}

/* In the forward pass this was: y = x[index]. */
void pool_maximum_backward(struct parallel *parallel, float *dx, const float *dy,
    const uint8_t *index, int n, int h, int w, int c)
{
    struct pass p = {.out = dx, .index = (uint8_t *)index, .in = dy, .h = h, .w = w, .c = c};
    parallel_run(parallel, n, maximum_backward, &p);
}

CPU_CLONES static void average_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const float *x = p->in + (size_t)n * map(p->h, 1, p->c);
    float *restrict y = p->out + (size_t)n * (size_t)p->c;
    (void)thread;
    memset(y, 0, (size_t)p->c * sizeof *y);
    for (int i = 0; i < p->h; i++, x += p->c)
        for (int c = 0; c < p->c; c++)
            y[c] += x[c];
    for (int c = 0; c < p->c; c++)
        y[c] /= (float)p->h;
}

void pool_average_forward(
    struct parallel *parallel, float *y, const float *x, int n, int area, int c)
{
    struct pass p = {.out = y, .in = x, .h = area, .c = c};
    parallel_run(parallel, n, average_forward, &p);
}

CPU_CLONES static void average_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    float *restrict dx = p->out + (size_t)n * map(p->h, 1, p->c);
    const float *dy = p->in + (size_t)n * (size_t)p->c;
    (void)thread;
    for (int i = 0; i < p->h; i++, dx += p->c)
        for (int c = 0; c < p->c; c++)
            dx[c] = dy[c] / (float)p->h;
}

/* In the forward pass this was: y = sum(x) / area. */
void pool_average_backward(
    struct parallel *parallel, float *dx, const float *dy, int n, int area, int c)
{
    struct pass p = {.out = dx, .in = dy, .h = area, .c = c};
    parallel_run(parallel, n, average_backward, &p);
}

static void subsample_forward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h + 1) / 2, width = (p->w + 1) / 2;
    const float *x = p->in + (size_t)n * map(p->h, p->w, p->c);
    float *y = p->out + (size_t)n * map(height, width, p->k) + (p->k - p->c) / 2;
    (void)thread;
    memset(p->out + (size_t)n * map(height, width, p->k), 0, map(height, width, p->k) * sizeof *y);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, y += p->k)
            memcpy(y, x + map(2 * row, p->w, p->c) + map(1, 2 * column, p->c),
                (size_t)p->c * sizeof *y);
}

void pool_subsample_forward(
    struct parallel *parallel, float *y, const float *x, int n, int h, int w, int c, int k)
{
    struct pass p = {.out = y, .in = x, .h = h, .w = w, .c = c, .k = k};
    parallel_run(parallel, n, subsample_forward, &p);
}

static void subsample_backward(void *context, int n, int thread)
{
    const struct pass *p = context;
    const int height = (p->h + 1) / 2, width = (p->w + 1) / 2;
    float *dx = p->out + (size_t)n * map(p->h, p->w, p->c);
    const float *dy = p->in + (size_t)n * map(height, width, p->k) + (p->k - p->c) / 2;
    (void)thread;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, dy += p->k) {
            float *to = dx + map(2 * row, p->w, p->c) + map(1, 2 * column, p->c);
            for (int c = 0; c < p->c; c++)
                to[c] += dy[c];
        }
}

/* In the forward pass this was: y[row,column,(K-C)/2 + c] = x[2 row, 2 column, c]. */
void pool_subsample_backward(
    struct parallel *parallel, float *dx, const float *dy, int n, int h, int w, int c, int k)
{
    struct pass p = {.out = dx, .in = dy, .h = h, .w = w, .c = c, .k = k};
    parallel_run(parallel, n, subsample_backward, &p);
}
