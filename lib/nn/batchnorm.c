/* batchnorm -- batch normalisation over rows, fused with residual and ReLU.
 *
 * The matrix is cut into blocks of rows, small enough for a second look from the cache, and a block
 * into tiles of channels whose vectors (mean, scale, ...) fit on the stack. Where C is small,
 * several rows are taken for one long row, and the vectors repeated, so that the loops are long
 * whatever C is.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/batchnorm.h"

#include "lib/base/cpu.h"
#include "lib/nn/normrow.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 32768, /* floats of a block, as near as whole rows come to it */
    TILE = 256,    /* channels of a tile; where C is smaller, rows are joined to at least this */
    WIDTH = 2 * TILE,
    GROUP = 64 /* channels over whose blocks one job adds */
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

/* The tile's long rows, and its shorter one. */
static struct normrow_at at_rows(const struct tile *tile, enum precision precision, bool stream)
{
    return (struct normrow_at){tile->rows, tile->stride, tile->width, precision, stream};
}

static struct normrow_at at_tail(const struct normrow_at *rows, const struct tile *tile)
{
    return (struct normrow_at){1, rows->stride, tile->tail, rows->precision, rows->stream};
}

/* Element i of a map, NULL of none. */
static void *element(const void *map, enum precision precision, size_t i)
{
    return map == NULL ? NULL : precision_at(map, precision, i);
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

/* Channels that a job joins the blocks of. */
static int groups_of(int c)
{
    return (c + GROUP - 1) / GROUP;
}

static int group_end(int c, int group)
{
    return c - group * GROUP < GROUP ? c : (group + 1) * GROUP;
}

size_t batchnorm_scratch(size_t m, int c)
{
    return ((size_t)cut_make(m, c).blocks + 1) * 2 * (size_t)c;
}

/* ---- statistics ----------------------------------------------------------------------------- */

struct statistics {
    struct cut cut;
    const struct normrow *loops;
    const void *x;
    enum precision precision;
    float *mean, *inverse, *running_mean, *running_var, *scratch;
};

/* Of one block: means, and sums of squared differences from them. */
static void statistics_block(void *context, int block, int thread)
{
    const struct statistics *s = context;
    const float rows = (float)cut_rows(&s->cut, block);
    (void)thread;
    for (int number = 0; number < s->cut.tiles; number++) {
        const struct tile tile = cut_tile(&s->cut, block, number);
        const void *x = precision_at(s->x, s->precision, tile.first);
        const void *last = precision_at(x, s->precision, tile.rows * tile.stride);
        const struct normrow_at long_rows = at_rows(&tile, s->precision, false);
        const struct normrow_at tail = at_tail(&long_rows, &tile);
        float *mean = block_sums(&s->cut, s->scratch, block, 0);
        float *squares = block_sums(&s->cut, s->scratch, block, 1);
        const size_t bytes = (size_t)tile.channels * sizeof(float);
        float wide[WIDTH] = {0}, sum[WIDTH] = {0};
        s->loops->sum(&long_rows, sum, x);
        if (tile.tail > 0)
            s->loops->sum(&tail, sum, last);
        fold(sum, &tile);
        for (int i = 0; i < tile.channels; i++)
            mean[tile.channel + i] = sum[i] / rows;
        widen(wide, mean, &tile);
        memset(sum, 0, sizeof sum);
        s->loops->squares(&long_rows, sum, x, wide);
        if (tile.tail > 0)
            s->loops->squares(&tail, sum, last, wide);
        fold(sum, &tile);
        memcpy(squares + tile.channel, sum, bytes);
    }
}

/* Blocks are joined as in Chan, Golub & LeVeque 1983, equation 2.1. */
static void statistics_join(void *context, int group, int thread)
{
    const struct statistics *s = context;
    const int first = group * GROUP, end = group_end(s->cut.c, group);
    double average[GROUP] = {0}, squares[GROUP] = {0}, rows = 0;
    (void)thread;
    for (int block = 0; block < s->cut.blocks; block++) {
        const double more = (double)cut_rows(&s->cut, block);
        const float *means = block_sums(&s->cut, s->scratch, block, 0) + first;
        const float *parts = block_sums(&s->cut, s->scratch, block, 1) + first;
        for (int i = 0; i < end - first; i++) {
            const double apart = means[i] - average[i];
            squares[i] += parts[i] + apart * apart * rows * more / (rows + more);
            average[i] += apart * more / (rows + more);
        }
        rows += more;
    }
    for (int i = first; i < end; i++) {
        const double mean = average[i - first], sum = squares[i - first];
        s->mean[i] = (float)mean;
        s->inverse[i] = (float)(1 / sqrt(sum / rows + BATCHNORM_EPSILON));
        if (s->running_mean != NULL)
            s->running_mean[i] += (float)(BATCHNORM_MOMENTUM * (mean - s->running_mean[i]));
        if (s->running_var != NULL)
            s->running_var[i] +=
                (float)(BATCHNORM_MOMENTUM * (sum / (rows - 1) - s->running_var[i]));
    }
}

void batchnorm_statistics(struct parallel *parallel, float *mean, float *inverse,
    float *running_mean, float *running_var, const void *x, enum precision precision, size_t m,
    int c, float *scratch)
{
    struct statistics s = {cut_make(m, c), normrow_choose(cpu_level()), x, precision, mean, inverse,
        running_mean, running_var, scratch};
    parallel_run(parallel, s.cut.blocks, statistics_block, &s);
    parallel_run(parallel, groups_of(c), statistics_join, &s);
}

void batchnorm_running(
    float *mean, float *inverse, const float *running_mean, const float *running_var, int c)
{
    for (int i = 0; i < c; i++) {
        mean[i] = running_mean[i];
        inverse[i] = (float)(1 / sqrt((double)running_var[i] + BATCHNORM_EPSILON));
    }
}

/* Is `out`, of m rows, better written past the caches? Not where `in` is, from which it is made. */
static bool streams(const void *out, const void *in, enum precision precision, size_t m, int c)
{
    return out != in && m * (size_t)c * precision_size(precision) >= CPU_STREAM_BYTES;
}

/* ---- forward -------------------------------------------------------------------------------- */

struct forward {
    struct cut cut;
    const struct normrow *loops;
    void *y;
    const void *x, *residual;
    enum precision precision;
    const float *mean, *inverse, *gamma, *beta;
    bool relu, stream;
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
        const struct normrow_at rows = at_rows(&tile, f->precision, f->stream);
        const struct normrow_at tail = at_tail(&rows, &tile);
        for (int part = 0; part < 1 + (tile.tail > 0); part++) {
            const size_t at = tile.first + (part > 0 ? tile.rows * tile.stride : 0);
            f->loops->forward(part > 0 ? &tail : &rows, element(f->y, f->precision, at),
                element(f->x, f->precision, at), element(f->residual, f->precision, at), mean,
                scale, beta, f->relu);
        }
    }
}

void batchnorm_forward(struct parallel *parallel, void *y, const void *x, const void *residual,
    enum precision precision, const float *mean, const float *inverse, const float *gamma,
    const float *beta, size_t m, int c, bool relu)
{
    struct forward f = {cut_make(m, c), normrow_choose(cpu_level()), y, x, residual, precision,
        mean, inverse, gamma, beta, relu, streams(y, x, precision, m, c)};
    f.stream = f.stream && y != residual;
    parallel_run(parallel, f.cut.blocks, forward_block, &f);
}

/* ---- backward ------------------------------------------------------------------------------- */

struct backward {
    struct cut cut;
    const struct normrow *loops;
    void *dx, *dresidual;
    float *dgamma, *dbeta;
    const void *dy, *more, *x, *y;
    enum precision precision;
    const float *mean, *inverse, *gamma, *beta;
    bool relu, constant, stream;
    float *scratch;
};

/* The tile's part of scale = gamma * inverse. */
static void widen_scale(float scale[WIDTH], const struct backward *b, const struct tile *tile)
{
    float inverse[WIDTH];
    widen(inverse, b->inverse, tile);
    widen(scale, b->gamma, tile);
    for (size_t i = 0; i < tile->width; i++)
        scale[i] *= inverse[i];
}

/* Where ReLU was open, from element `at` on. */
static struct normrow_gate gate_at(
    const struct backward *b, size_t at, const float *scale, const float *beta)
{
    struct normrow_gate gate = {NULL, NULL, NULL};
    if (b->relu && b->y != NULL)
        gate.y = element(b->y, b->precision, at);
    else if (b->relu)
        gate = (struct normrow_gate){NULL, scale, beta};
    return gate;
}

static void sums_block(void *context, int block, int thread)
{
    const struct backward *b = context;
    (void)thread;
    for (int number = 0; number < b->cut.tiles; number++) {
        const struct tile tile = cut_tile(&b->cut, block, number);
        float mean[WIDTH], scale[WIDTH], beta[WIDTH], sum[2][WIDTH] = {{0}};
        widen(mean, b->mean, &tile);
        widen_scale(scale, b, &tile);
        widen(beta, b->beta, &tile);
        const struct normrow_at rows = at_rows(&tile, b->precision, false);
        const struct normrow_at tail = at_tail(&rows, &tile);
        for (int part = 0; part < 1 + (tile.tail > 0); part++) {
            const size_t at = tile.first + (part > 0 ? tile.rows * tile.stride : 0);
            const struct normrow_gate gate = gate_at(b, at, scale, beta);
            b->loops->sums(part > 0 ? &tail : &rows, sum[0], sum[1],
                element(b->dresidual, b->precision, at), element(b->dy, b->precision, at),
                element(b->more, b->precision, at), element(b->x, b->precision, at), &gate, mean);
        }
        for (int which = 0; which < 2; which++) {
            fold(sum[which], &tile);
            memcpy(block_sums(&b->cut, b->scratch, block, which) + tile.channel, sum[which],
                (size_t)tile.channels * sizeof(float));
        }
    }
}

/* Blocks' sums, to the gradients of gamma and beta and to what apply_block() takes off. */
static void sums_join(void *context, int group, int thread)
{
    const struct backward *b = context;
    const int first = group * GROUP, end = group_end(b->cut.c, group);
    const double m = (double)b->cut.m;
    float *offset = block_sums(&b->cut, b->scratch, b->cut.blocks, 0);
    float *slope = block_sums(&b->cut, b->scratch, b->cut.blocks, 1);
    double sum[GROUP] = {0}, product[GROUP] = {0};
    (void)thread;
    for (int block = 0; block < b->cut.blocks; block++) {
        const float *sums = block_sums(&b->cut, b->scratch, block, 0) + first;
        const float *products = block_sums(&b->cut, b->scratch, block, 1) + first;
        for (int i = 0; i < end - first; i++) {
            sum[i] += sums[i];
            product[i] += products[i];
        }
    }
    for (int i = first; i < end; i++) {
        const double total = sum[i - first], slant = product[i - first] * b->inverse[i];
        b->dgamma[i] += (float)slant;
        if (b->dbeta != NULL)
            b->dbeta[i] += (float)total;
        offset[i] = b->constant ? 0 : (float)(total / m);
        slope[i] = b->constant ? 0 : (float)(slant * b->inverse[i] / m);
    }
}

static void apply_block(void *context, int block, int thread)
{
    const struct backward *b = context;
    const void *dy = b->dresidual != NULL ? b->dresidual : b->dy; /* there ReLU is done */
    (void)thread;
    for (int number = 0; number < b->cut.tiles; number++) {
        const struct tile tile = cut_tile(&b->cut, block, number);
        float mean[WIDTH], scale[WIDTH], beta[WIDTH], offset[WIDTH], slope[WIDTH];
        widen(mean, b->mean, &tile);
        widen_scale(scale, b, &tile);
        widen(beta, b->beta, &tile);
        widen(offset, block_sums(&b->cut, b->scratch, b->cut.blocks, 0), &tile);
        widen(slope, block_sums(&b->cut, b->scratch, b->cut.blocks, 1), &tile);
        const struct normrow_at rows = at_rows(&tile, b->precision, b->stream);
        const struct normrow_at tail = at_tail(&rows, &tile);
        for (int part = 0; part < 1 + (tile.tail > 0); part++) {
            const size_t at = tile.first + (part > 0 ? tile.rows * tile.stride : 0);
            struct normrow_gate gate = {NULL, NULL, NULL};
            if (b->dresidual == NULL)
                gate = gate_at(b, at, scale, beta);
            b->loops->backward(part > 0 ? &tail : &rows, element(b->dx, b->precision, at),
                element(dy, b->precision, at), element(b->x, b->precision, at), &gate, mean, scale,
                offset, slope);
        }
    }
}

/* In the forward pass this was: y = gamma * (x - mean) * inverse + beta, where mean and inverse are
 * functions of x unless `constant`. */
void batchnorm_backward(struct parallel *parallel, void *dx, void *dresidual, float *dgamma,
    float *dbeta, const void *dy, const void *more, const void *x, const void *y,
    enum precision precision, const float *mean, const float *inverse, const float *gamma,
    const float *beta, size_t m, int c, bool relu, bool constant, float *scratch)
{
    struct backward b = {cut_make(m, c), normrow_choose(cpu_level()), dx, dresidual, dgamma, dbeta,
        dy, more, x, y, precision, mean, inverse, gamma, beta, relu, constant,
        streams(dx, dresidual != NULL ? dresidual : dy, precision, m, c), scratch};
    parallel_run(parallel, b.cut.blocks, sums_block, &b);
    parallel_run(parallel, groups_of(c), sums_join, &b);
    parallel_run(parallel, b.cut.blocks, apply_block, &b);
}
