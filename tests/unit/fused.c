/* fused -- kernels against their plain twin, the twin against loops in double; marks and padding.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/fusedavx2.h"
#include "lib/objective/fusedavx512.h"

#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 144, SIZE = FUSED_EDGE * WIDTH };

struct rows {
    struct fused_block block;
    float *tall, *wide;
    double *u; /* [rows,p] */
    int p;
};

_Alignas(64) static float twin_x[FUSED_EDGE / FUSED_PANEL][FUSED_EDGE][FUSED_PANEL];
_Alignas(64) static float tile_x[FUSED_EDGE / FUSED_PANEL][FUSED_EDGE][FUSED_PANEL];
static struct fused_tile twin = {.x = twin_x}, tile = {.x = tile_x};
static float row_number[FUSED_EDGE], column_number[FUSED_EDGE + FUSED_PANEL];

static void *room(size_t floats)
{
    void *const memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
    memset(memory, 0, (floats * sizeof(float) + 63) / 64 * 64);
    return memory;
}

static struct rows draw(int rows, int p, uint32_t seed)
{
    struct rows r = {.p = p, .tall = room(SIZE), .wide = room(SIZE)};
    const int depth = (p + FUSED_DEPTH - 1) / FUSED_DEPTH;
    r.u = malloc((size_t)rows * (size_t)p * sizeof *r.u);
    for (int i = 0; i < rows; i++) {
        double square = 0;
        for (int j = 0; j < p; j++) {
            r.u[i * p + j] = noise(seed, (uint32_t)(i * p + j)) + 0.3; /* not all at right angles */
            square += r.u[i * p + j] * r.u[i * p + j];
        }
        for (int j = 0; j < p; j++) {
            const float u = (float)(r.u[i * p + j] / sqrt(square));
            r.u[i * p + j] = u;
            r.tall[fused_tall(fused_padded(rows), i, j)] = u;
            r.wide[fused_wide(depth, i, j)] = u;
        }
    }
    r.block = (struct fused_block){rows, depth, r.tall, r.wide};
    return r;
}

static void release(struct rows *r)
{
    free(r->tall);
    free(r->wide);
    free(r->u);
}

static double dot(const struct rows *a, const struct rows *b, int i, int k)
{
    double sum = 0;
    for (int j = 0; j < a->p; j++)
        sum += a->u[i * a->p + j] * b->u[k * b->p + j];
    return sum;
}

static bool gone(int i, int k)
{
    return (i * 5 + k * 3) % 17 == 0 || i == 4;
}

/* Marks as a caller sets them: chosen pairs, all of row 4, and the columns that pad. */
static void mark(struct fused_tile *t, const struct fused_scale *s)
{
    for (int i = 0; i < t->rows; i++)
        for (int k = 0; k < fused_padded(t->columns); k++)
            if (k >= t->columns || gone(i, k))
                *fused_at(t, i, k) = s->gone;
}

static double worst; /* relative error seen */

static void compare(double got, double want)
{
    const double scale = fabs(want) > 1e-20 ? fabs(want) : 1;
    const double error = fabs(got - want) / scale;
    if (!(error <= worst))
        worst = error;
}

/* Sums and weights of one way through against double; gradients against the twin's. */
static void check_sums(const struct fused *f, const struct rows *a, const struct rows *b,
    double temperature, bool across)
{
    const struct fused_scale s = fused_scale(temperature);
    const int rows = a->block.rows, columns = b->block.rows;
    double near = 0;
    worst = 0;
    f->dots(&tile, &a->block, &b->block);
    mark(&tile, &s);
    const double got = f->sums(&tile, &s, row_number, column_number, across);
    for (int side = 0; side < 2; side++)
        for (int line = 0; line < (side ? columns : rows); line++) {
            double sum = 0, weighted = 0, max = s.gone;
            for (int o = 0; o < (side ? rows : columns); o++) {
                const int i = side ? o : line, k = side ? line : o;
                const double x = gone(i, k) ? s.gone : dot(a, b, i, k);
                sum += exp(x / temperature);
                weighted += exp(x / temperature) * x;
                near += side || gone(i, k) ? 0 : exp(4 * x) * row_number[i] * column_number[k];
                max = fmax(max, x);
            }
            compare((side ? tile.column_sum : tile.row_sum)[line], sum);
            if (across) {
                compare((side ? tile.column_weighted : tile.row_weighted)[line], weighted);
                compare((side ? tile.column_max : tile.row_max)[line], max);
            }
        }
    NEAR(worst, 0, 3e-6 + 1e-6 / temperature, "%s %dx%d, T %g: sums and maxima", f->name, rows,
        columns, temperature);
    NEAR(got, near, 2e-6 * near, "%s %dx%d, T %g: uniformity", f->name, rows, columns, temperature);
}

static void check_gradients(
    const struct fused *f, const struct rows *a, const struct rows *b, double temperature)
{
    const struct fused_scale s = fused_scale(temperature);
    const int rows = a->block.rows, columns = b->block.rows, p = a->p;
    double *const want = calloc((size_t)(rows + columns) * (size_t)p, sizeof *want);
    float *const got = calloc((size_t)(rows + columns) * (size_t)p, sizeof *got);
    float *const left = room(SIZE), *const right = room(SIZE);
    for (int round = 0; round < 2; round++) { /* accumulated */
        f->dots(&tile, &a->block, &b->block);
        mark(&tile, &s);
        f->weights(&tile, &s, row_number, column_number);
        f->row_gradient(left, &tile, &b->block, fused_padded(rows));
        f->column_gradient(right, &tile, &a->block, fused_padded(columns));
    }
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++) {
            const double w = gone(i, k) ? 0
                                        : exp(dot(a, b, i, k) / temperature) *
                                              ((double)row_number[i] + column_number[k]);
            for (int j = 0; j < p; j++) {
                want[i * p + j] += 2 * w * b->u[k * p + j];
                want[(rows + k) * p + j] += 2 * w * a->u[i * p + j];
            }
        }
    for (int j = 0; j < p; j++) {
        for (int i = 0; i < rows; i++)
            got[i * p + j] = left[fused_tall(fused_padded(rows), i, j)];
        for (int k = 0; k < columns; k++)
            got[(rows + k) * p + j] = right[fused_tall(fused_padded(columns), k, j)];
    }
    NEAR(tap_error(got, want, (size_t)(rows * p)), 0, 1e-6 + 1e-7 / temperature,
        "%s %dx%d, T %g: gradient of rows", f->name, rows, columns, temperature);
    NEAR(tap_error(got + rows * p, want + rows * p, (size_t)(columns * p)), 0,
        1e-6 + 1e-7 / temperature, "%s %dx%d, T %g: gradient of columns", f->name, rows, columns,
        temperature);
    free(left);
    free(right);
    free(want);
    free(got);
}

static void check(const struct fused *f, int rows, int columns, int p)
{
    static const double temperatures[] = {0.5, 0.07, 1 / FUSED_SHARPEST, 1e6};
    struct rows a = draw(rows, p, 1), b = draw(columns, p, 2);
    for (size_t t = 0; t < sizeof temperatures / sizeof *temperatures; t++) {
        check_sums(f, &a, &b, temperatures[t], t != 1);
        check_gradients(f, &a, &b, temperatures[t]);
    }
    release(&a);
    release(&b);
}

/* Dots of the kernels and of the twin, padding included. */
static void check_dots(const struct fused *f)
{
    struct rows a = draw(101, 70, 3), b = draw(77, 70, 4);
    double difference = 0;
    f->dots(&tile, &a.block, &b.block);
    fused_plain()->dots(&twin, &a.block, &b.block);
    for (int i = 0; i < 108; i++)
        for (int k = 0; k < 96; k++)
            difference = fmax(difference, fabs(*fused_at(&tile, i, k) - *fused_at(&twin, i, k)));
    NEAR(difference, 0, 1e-6, "%s: dots are the twin's", f->name);
    release(&a);
    release(&b);
}

int main(void)
{
    for (int i = 0; i < FUSED_EDGE; i++)
        row_number[i] = (float)(1 + 0.3 * noise(5, (uint32_t)i));
    for (int k = 0; k < FUSED_EDGE + FUSED_PANEL; k++)
        column_number[k] = (float)(1 + 0.3 * noise(6, (uint32_t)k));
    const struct fused *const ways[] = {fused_plain(), fusedavx2_kernels(), fusedavx512_kernels()};
    for (int way = 0; way < 3; way++) {
        const struct fused *const f = ways[way];
        if (f == NULL) {
            SKIP("no %s here", way == 1 ? "AVX2" : "AVX-512");
            continue;
        }
        check_dots(f);
        check(f, FUSED_EDGE, FUSED_EDGE, 128);
        check(f, 96, 48, 144);
        check(f, 47, 71, 20);
        check(f, 5, 1, 1);
    }
    return tap_done();
}
