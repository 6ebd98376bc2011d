/* conv2d_naive -- the twins of conv2d: seven loops that anyone can check.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/conv2d.h"

#include <string.h>

/* Index of x[n,h,w,0], or -1 in the zero padding. */
static ptrdiff_t at(const struct conv2d_shape *p, int n, int h, int w)
{
    if (h < 0 || h >= p->h || w < 0 || w >= p->w)
        return -1;
    return (((ptrdiff_t)n * p->h + h) * p->w + w) * p->c;
}

/* Index of weight[k,c,r,s]. */
static size_t weight_at(const struct conv2d_shape *p, int k, int c, int r, int s)
{
    return (((size_t)k * (size_t)p->c + (size_t)c) * (size_t)p->r + (size_t)r) * (size_t)p->s +
           (size_t)s;
}

void conv2d_naive_forward(
    float *y, const float *x, const float *weight, const struct conv2d_shape *p, int n)
{
    for (int i = 0; i < n; i++)
        for (int row = 0; row < conv2d_y(p); row++)
            for (int column = 0; column < conv2d_x(p); column++)
                for (int k = 0; k < p->k; k++) {
                    double sum = 0;
                    for (int r = 0; r < p->r; r++)
                        for (int s = 0; s < p->s; s++) {
                            const ptrdiff_t from = at(p, i, row * p->stride + r - p->pad,
                                column * p->stride + s - p->pad);
                            for (int c = 0; from >= 0 && c < p->c; c++)
                                sum += (double)x[from + c] * weight[weight_at(p, k, c, r, s)];
                        }
                    *y++ = (float)sum;
                }
}

/* One element of dweight: over all pictures and outputs. */
static double slope(const float *dy, const float *x, const struct conv2d_shape *p, int n, int k,
    int c, int r, int s)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int row = 0; row < conv2d_y(p); row++)
            for (int column = 0; column < conv2d_x(p); column++, dy += p->k) {
                const ptrdiff_t from =
                    at(p, i, row * p->stride + r - p->pad, column * p->stride + s - p->pad);
                if (from >= 0)
                    sum += (double)dy[k] * x[from + c];
            }
    return sum;
}

/* In the forward pass this was: y[i,row,column,k] += x[from + c] * weight[k,c,r,s]. */
void conv2d_naive_backward(float *dx, float *dweight, const float *dy, const float *x,
    const float *weight, const struct conv2d_shape *p, int n)
{
    for (int k = 0; k < p->k; k++)
        for (int c = 0; c < p->c; c++)
            for (int r = 0; r < p->r; r++)
                for (int s = 0; s < p->s; s++)
                    dweight[weight_at(p, k, c, r, s)] += (float)slope(dy, x, p, n, k, c, r, s);
    memset(dx, 0, sizeof *dx * (size_t)n * (size_t)p->h * (size_t)p->w * (size_t)p->c);
    for (int i = 0; i < n; i++)
        for (int row = 0; row < conv2d_y(p); row++)
            for (int column = 0; column < conv2d_x(p); column++)
                for (int k = 0; k < p->k; k++, dy++)
                    for (int r = 0; r < p->r; r++)
                        for (int s = 0; s < p->s; s++) {
                            const ptrdiff_t from = at(p, i, row * p->stride + r - p->pad,
                                column * p->stride + s - p->pad);
                            for (int c = 0; from >= 0 && c < p->c; c++)
                                dx[from + c] += *dy * weight[weight_at(p, k, c, r, s)];
                        }
}
