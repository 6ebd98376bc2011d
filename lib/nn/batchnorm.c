/* batchnorm -- batch normalisation over rows, fused with residual and ReLU.
 *
 * The matrix is cut into blocks of rows, small enough for a second look from the cache, and a block
 * into tiles of channels whose vectors (mean, scale, ...) fit on the stack. Where C is small,
 * several rows are taken for one long row, and the vectors repeated, so that the loops are long
 * whatever C is.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/batchnorm.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 32768, /* floats of a block, as near as whole rows come to it */
    TILE = 256,    /* channels of a tile; where C is smaller, rows are joined to at least this */
    WIDTH = 2 * TILE
};

struct cut {
    size_t m;
    int c, repeat; /* rows joined to a long one */
    size_t rows;   /* of a block: a multiple of repeat */
    int blocks, tiles;
};

/* A tile of a block: `rows` long rows of `width` floats, each `stride` behind the one before, and
 * then a shorter one of `tail`. */
struct tile {
    int channel, channels;
    size_t first, rows, stride, width, tail;
};

static struct cut cut_make(size_t m, int c)
{
    struct cut cut = {.m = m, .c = c, .repeat = c >= TILE ? 1 : (TILE + c - 1) / c};
    const size_t repeat = (size_t)cut.repeat, rows = BLOCK / (size_t)c / repeat * repeat;
    cut.rows = rows == 0 ? repeat : rows;
    cut.blocks = (int)((m + cut.rows - 1) / cut.rows);
    cut.tiles = (c + TILE - 1) / TILE;
    return cut;
}

static size_t cut_rows(const struct cut *cut, int block)
{
    const size_t left = cut->m - (size_t)block * cut->rows;
    return left < cut->rows ? left : cut->rows;
}

static struct tile cut_tile(const struct cut *cut, int block, int number)
{
    const size_t rows = cut_rows(cut, block), c = (size_t)cut->c, repeat = (size_t)cut->repeat;
    struct tile tile = {.channel = number * TILE};
    tile.channels = cut->c - tile.channel < TILE ? cut->c - tile.channel : TILE;
    tile.first = (size_t)block * cut->rows * c + (size_t)tile.channel;
    tile.rows = rows / repeat;
    tile.stride = c * repeat;
    tile.width = (size_t)tile.channels * repeat;
    tile.tail = rows % repeat * c;
    return tile;
}

/* The tile's part of a vector [C], repeated; NULL is zeros. */
static void widen(float wide[WIDTH], const float *vector, const struct tile *tile)
{
    const size_t channels = (size_t)tile->channels;
    for (size_t i = 0; i < tile->width; i += channels)
        if (vector != NULL)
            memcpy(wide + i, vector + tile->channel, channels * sizeof *wide);
        else
            memset(wide + i, 0, channels * sizeof *wide);
}

/* Add up what the repeats of a channel hold. */
static void fold(float wide[WIDTH], const struct tile *tile)
{
    const size_t channels = (size_t)tile->channels;
    for (size_t i = channels; i < tile->width; i += channels)
        for (size_t j = 0; j < channels; j++)
            wide[j] += wide[i + j];
}

/* Scratch: two vectors [C] for each block, and two behind them. */
static float *block_sums(const struct cut *cut, float *scratch, int block, int which)
{
    return scratch + ((size_t)block * 2 + (size_t)which) * (size_t)cut->c;
}

size_t batchnorm_scratch(size_t m, int c)
{
    return ((size_t)cut_make(m, c).blocks + 1) * 2 * (size_t)c;
}

/* ---- statistics ----------------------------------------------------------------------------- */

CPU_CLONES static void add_rows(
    float *restrict sum, const float *restrict x, size_t rows, size_t stride, size_t width)
{
    for (; rows >= 4; rows -= 4, x += 4 * stride)
        for (size_t i = 0; i < width; i++)
            sum[i] += (x[i] + x[stride + i]) + (x[2 * stride + i] + x[3 * stride + i]);
    for (; rows > 0; rows--, x += stride)
        for (size_t i = 0; i < width; i++)
            sum[i] += x[i];
}

CPU_CLONES static void add_squares(float *restrict sum, const float *restrict x,
    const float *restrict mean, size_t rows, size_t stride, size_t width)
{
    for (; rows >= 2; rows -= 2, x += 2 * stride)
        for (size_t i = 0; i < width; i++) {
            const float a = x[i] - mean[i], b = x[stride + i] - mean[i];
            sum[i] += a * a + b * b;
        }
    for (size_t i = 0; rows > 0 && i < width; i++)
        sum[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}

struct statistics {
    struct cut cut;
    const float *x;
    float *scratch;
};

/* Of one block: means, and sums of squared differences from them. */
static void statistics_block(void *context, int block, int thread)
{
    const struct statistics *s = context;
    const float rows = (float)cut_rows(&s->cut, block);
    (void)thread;
    for (int number = 0; number < s->cut.tiles; number++) {
        const struct tile tile = cut_tile(&s->cut, block, number);
        const float *x = s->x + tile.first;
        const float *last = tile.tail > 0 ? x + tile.rows * tile.stride : x;
        float *mean = block_sums(&s->cut, s->scratch, block, 0);
        float *squares = block_sums(&s->cut, s->scratch, block, 1);
        const size_t bytes = (size_t)tile.channels * sizeof(float);
        float wide[WIDTH] = {0}, sum[WIDTH] = {0};
        add_rows(sum, x, tile.rows, tile.stride, tile.width);
        add_rows(sum, last, 1, tile.stride, tile.tail);
        fold(sum, &tile);
        for (int i = 0; i < tile.channels; i++)
            mean[tile.channel + i] = sum[i] / rows;
        widen(wide, mean, &tile);
        memset(sum, 0, sizeof sum);
        add_squares(sum, x, wide, tile.rows, tile.stride, tile.width);
        add_squares(sum, last, wide, 1, tile.stride, tile.tail);
        fold(sum, &tile);
        memcpy(squares + tile.channel, sum, bytes);
    }
}

void batchnorm_statistics(struct parallel *parallel, float *mean, float *inverse,
    float *running_mean, float *running_var, const float *x, size_t m, int c, float *scratch)
{
    struct statistics s = {.cut = cut_make(m, c), .x = x, .scratch = scratch};
    parallel_run(parallel, s.cut.blocks, statistics_block, &s);
    for (int i = 0; i < c; i++) {
        /* Blocks are joined as in Chan, Golub & LeVeque 1983, equation 2.1. */
        double average = 0, squares = 0, rows = 0;
        for (int block = 0; block < s.cut.blocks; block++) {
            const double more = (double)cut_rows(&s.cut, block);
            const double apart = block_sums(&s.cut, scratch, block, 0)[i] - average;
            squares += block_sums(&s.cut, scratch, block, 1)[i] +
                       apart * apart * rows * more / (rows + more);
            rows += more;
            average += apart * more / rows;
        }
        mean[i] = (float)average;
        inverse[i] = (float)(1 / sqrt(squares / rows + BATCHNORM_EPSILON));
        if (running_mean != NULL)
            running_mean[i] += (float)(BATCHNORM_MOMENTUM * (average - running_mean[i]));
        if (running_var != NULL)
            running_var[i] += (float)(BATCHNORM_MOMENTUM * (squares / (rows - 1) - running_var[i]));
    }
}

void batchnorm_running(
    float *mean, float *inverse, const float *running_mean, const float *running_var, int c)
{
    for (int i = 0; i < c; i++) {
        mean[i] = running_mean[i];
        inverse[i] = (float)(1 / sqrt((double)running_var[i] + BATCHNORM_EPSILON));
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

/* One long row of y = (x - mean) * scale + beta. ivdep: y may be x or residual itself, element for
 * element. NaN passes through ReLU, to be found. */
CPU_CLONES static void normalise(float *y, const float *x, const float *residual,
    const float *restrict mean, const float *restrict scale, const float *restrict beta, size_t n,
    bool relu)
{
    if (residual != NULL && relu) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            const float value = (x[i] - mean[i]) * scale[i] + beta[i] + residual[i];
            y[i] = value < 0 ? 0 : value;
        }
    } else if (residual != NULL) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean[i]) * scale[i] + beta[i] + residual[i];
    } else if (relu) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            const float value = (x[i] - mean[i]) * scale[i] + beta[i];
            y[i] = value < 0 ? 0 : value;
        }
    } else {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean[i]) * scale[i] + beta[i];
    }
}

struct forward {
    struct cut cut;
    float *y;
    const float *x, *residual, *mean, *inverse, *gamma, *beta;
    bool relu;
};

static void forward_block(void *context, int block, int thread)
{
    const struct forward *f = context;
    (void)thread;
    for (int number = 0; number < f->cut.tiles; number++) {
        const struct tile tile = cut_tile(&f->cut, block, number);
        float mean[WIDTH], scale[WIDTH], inverse[WIDTH], beta[WIDTH];
        widen(mean, f->mean, &tile);
        widen(inverse, f->inverse, &tile);
        widen(scale, f->gamma, &tile);
        widen(beta, f->beta, &tile);
        for (size_t i = 0; i < tile.width; i++)
            scale[i] *= inverse[i];
        for (size_t row = 0; row < tile.rows + (tile.tail > 0); row++) {
            const size_t at = tile.first + row * tile.stride;
            normalise(f->y + at, f->x + at, f->residual == NULL ? NULL : f->residual + at, mean,
                scale, beta, row < tile.rows ? tile.width : tile.tail, f->relu);
        }
    }
}

void batchnorm_forward(struct parallel *parallel, float *y, const float *x, const float *residual,
    const float *mean, const float *inverse, const float *gamma, const float *beta, size_t m, int c,
    bool relu)
{
    struct forward f = {cut_make(m, c), y, x, residual, mean, inverse, gamma, beta, relu};
    parallel_run(parallel, f.cut.blocks, forward_block, &f);
}

/* ---- backward ------------------------------------------------------------------------------- */

struct backward {
    struct cut cut;
    float *dx, *dresidual;
    const float *dy, *x, *y, *mean, *inverse, *gamma;
    bool relu, constant;
    float *scratch;
};

/* One long row. g, the gradient behind ReLU, is dy where y is above zero; its sum goes to sum[0],
 * that of g * (x - mean) to sum[1], and g itself to `keep` unless NULL (which may be dy). y NULL:
 * no ReLU. */
CPU_CLONES static void add_gradients(float (*restrict sum)[WIDTH], float *keep, const float *dy,
    const float *x, const float *y, const float *restrict mean, size_t n)
{
    float *restrict first = sum[0], *restrict second = sum[1];
    if (y == NULL) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            first[i] += dy[i];
            second[i] += dy[i] * (x[i] - mean[i]);
        }
        if (keep != NULL && keep != dy)
            memcpy(keep, dy, n * sizeof *keep);
    } else if (keep == NULL) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            const float g = y[i] > 0 ? dy[i] : 0;
            first[i] += g;
            second[i] += g * (x[i] - mean[i]);
        }
    } else {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            const float g = y[i] > 0 ? dy[i] : 0;
            first[i] += g;
            second[i] += g * (x[i] - mean[i]);
            keep[i] = g;
        }
    }
}

static void sums_block(void *context, int block, int thread)
{
    const struct backward *b = context;
    (void)thread;
    for (int number = 0; number < b->cut.tiles; number++) {
        const struct tile tile = cut_tile(&b->cut, block, number);
        float mean[WIDTH], sum[2][WIDTH] = {{0}};
        widen(mean, b->mean, &tile);
        for (size_t row = 0; row < tile.rows + (tile.tail > 0); row++) {
            const size_t at = tile.first + row * tile.stride;
            add_gradients(sum, b->dresidual == NULL ? NULL : b->dresidual + at, b->dy + at,
                b->x + at, b->relu ? b->y + at : NULL, mean,
                row < tile.rows ? tile.width : tile.tail);
        }
        for (int which = 0; which < 2; which++) {
            fold(sum[which], &tile);
            memcpy(block_sums(&b->cut, b->scratch, block, which) + tile.channel, sum[which],
                (size_t)tile.channels * sizeof(float));
        }
    }
}

/* One long row of dx = scale * (g - offset - (x - mean) * slope). */
CPU_CLONES static void apply_gradients(float *dx, const float *dy, const float *x, const float *y,
    const float *restrict mean, const float *restrict scale, const float *restrict offset,
    const float *restrict slope, size_t n)
{
    if (y == NULL) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++)
            dx[i] = scale[i] * (dy[i] - offset[i] - (x[i] - mean[i]) * slope[i]);
    } else {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++) {
            const float g = y[i] > 0 ? dy[i] : 0;
            dx[i] = scale[i] * (g - offset[i] - (x[i] - mean[i]) * slope[i]);
        }
    }
}

static void apply_block(void *context, int block, int thread)
{
    const struct backward *b = context;
    const float *dy = b->dresidual != NULL ? b->dresidual : b->dy; /* there ReLU is done */
    const float *y = b->relu && b->dresidual == NULL ? b->y : NULL;
    (void)thread;
    for (int number = 0; number < b->cut.tiles; number++) {
        const struct tile tile = cut_tile(&b->cut, block, number);
        float mean[WIDTH], scale[WIDTH], inverse[WIDTH], offset[WIDTH], slope[WIDTH];
        widen(mean, b->mean, &tile);
        widen(inverse, b->inverse, &tile);
        widen(scale, b->gamma, &tile);
        widen(offset, block_sums(&b->cut, b->scratch, b->cut.blocks, 0), &tile);
        widen(slope, block_sums(&b->cut, b->scratch, b->cut.blocks, 1), &tile);
        for (size_t i = 0; i < tile.width; i++)
            scale[i] *= inverse[i];
        for (size_t row = 0; row < tile.rows + (tile.tail > 0); row++) {
            const size_t at = tile.first + row * tile.stride;
            apply_gradients(b->dx + at, dy + at, b->x + at, y == NULL ? NULL : y + at, mean, scale,
                offset, slope, row < tile.rows ? tile.width : tile.tail);
        }
    }
}

/* In the forward pass this was: y = gamma * (x - mean) * inverse + beta, where mean and inverse are
 * functions of x unless `constant`. */
void batchnorm_backward(struct parallel *parallel, float *dx, float *dresidual, float *dgamma,
    float *dbeta, const float *dy, const float *x, const float *y, const float *mean,
    const float *inverse, const float *gamma, size_t m, int c, bool relu, bool constant,
    float *scratch)
{
    struct backward b = {
        cut_make(m, c), dx, dresidual, dy, x, y, mean, inverse, gamma, relu, constant, scratch};
    parallel_run(parallel, b.cut.blocks, sums_block, &b);
    float *offset = block_sums(&b.cut, scratch, b.cut.blocks, 0);
    float *slope = block_sums(&b.cut, scratch, b.cut.blocks, 1);
    for (int i = 0; i < c; i++) {
        double sum = 0, product = 0;
        for (int block = 0; block < b.cut.blocks; block++) {
            sum += block_sums(&b.cut, scratch, block, 0)[i];
            product += block_sums(&b.cut, scratch, block, 1)[i];
        }
        dgamma[i] += (float)(product * inverse[i]);
        if (dbeta != NULL)
            dbeta[i] += (float)sum;
        offset[i] = constant ? 0 : (float)(sum / (double)m);
        slope[i] = constant ? 0 : (float)(product * inverse[i] * inverse[i] / (double)m);
    }
    parallel_run(parallel, b.cut.blocks, apply_block, &b);
}
