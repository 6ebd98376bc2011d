/* panel -- the kernels of each instruction set against their twins in plain C, bit by bit.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/panel.h"

#include "tests/unit/digest.h"

enum { FLOATS = 1 << 14, COUNT = 40 };

/* Places in disorder, as strips that cross rows and pictures have them. */
static void places(int32_t *at, int count, int unit)
{
    for (int q = 0; q < count; q++)
        at[q] = (q * 7 + q % 3) % COUNT * unit;
}

static void rows_match(const struct panel_kernels *kernels, const float *in, const float *weight)
{
    static const int shape[][4] = {/* count, step, runs, length */
        {24, 0, 1, 64}, {25, 200, 3, 21}, {40, 130, 7, 9}, {5, 0, 1, 1}, {11, 40, 2, 200},
        {12, 0, 1, 256}, {1, 16, 3, 33}, {2, 64, 3, 5}, {3, 5, 2, 8}, {4, 1, 1, 7}, {7, 0, 1, 192},
        {9, 12, 1, 3}, {10, 12, 1, 3}, {23, 12, 2, 3}, {8, 12, 2, 3}};
    static float a[COUNT * 64], b[COUNT * 64];
    int32_t in_at[COUNT], out_at[COUNT];
    places(in_at, COUNT, 24);
    for (int q = 0; q < COUNT; q++)
        out_at[q] = (COUNT - 1 - q) * 48;
    int wrong = 0;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (int add = 0; add < 2; add++) {
            const int *const p = shape[i];
            memcpy(a, in, sizeof a);
            memcpy(b, in, sizeof b);
            kernels->rows(a, out_at, in, in_at, p[0], (size_t)p[1], p[2], p[3], weight, add);
            panel_plain()->rows(b, out_at, in, in_at, p[0], (size_t)p[1], p[2], p[3], weight, add);
            wrong += memcmp(a, b, sizeof a) != 0;
        }
    OK(wrong == 0, "%s: rows, %d of 30 differ from the twin", kernels->name, wrong);
}

static void outer_match(const struct panel_kernels *kernels, const float *in, const float *right)
{
    _Alignas(64) static float a[16 * PANEL], b[16 * PANEL];
    int32_t at[COUNT];
    places(at, COUNT, 1);
    int wrong = 0;
    for (int rows = 1; rows <= kernels->height; rows++)
        for (int count = 1; count <= COUNT; count += 13)
            for (int add = 0; add < 2; add++) {
                memcpy(a, in, sizeof a);
                memcpy(b, in, sizeof b);
                kernels->outer(a, in, at, 17, count, right, rows, add);
                panel_plain()->outer(b, in, at, 17, count, right, rows, add);
                wrong += memcmp(a, b, sizeof a) != 0;
            }
    OK(wrong == 0, "%s: outer products, %d differ from the twin", kernels->name, wrong);
}

/* The twin itself, against the formula in double. */
static void twin_is_right(const float *in, const float *weight)
{
    static float out[COUNT * PANEL];
    int32_t in_at[COUNT], out_at[COUNT];
    double worst = 0;
    places(in_at, COUNT, 24);
    places(out_at, COUNT, 0);
    for (int q = 0; q < COUNT; q++)
        out_at[q] = q * PANEL;
    panel_plain()->rows(out, out_at, in, in_at, COUNT, 100, 3, 50, weight, false);
    panel_plain()->rows(out, out_at, in, in_at, COUNT, 100, 3, 50, weight, true);
    for (int q = 0; q < COUNT; q++)
        for (int j = 0; j < PANEL; j++) {
            double sum = 0;
            for (int r = 0; r < 3; r++)
                for (int i = 0; i < 50; i++)
                    sum += 2.0 * in[in_at[q] + r * 100 + i] * weight[(r * 50 + i) * PANEL + j];
            worst = fmax(worst, fabs(sum - out[q * PANEL + j]));
        }
    NEAR(worst, 0, 2e-4, "the twin of rows computes its formula, and adds to it");
    worst = 0;
    panel_plain()->outer(out, in, in_at, 3, COUNT, weight, 5, false);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < PANEL; j++) {
            double sum = 0;
            for (int q = 0; q < COUNT; q++)
                sum += (double)in[in_at[q] * 3 + i] * weight[q * PANEL + j];
            worst = fmax(worst, fabs(sum - out[i * PANEL + j]));
        }
    NEAR(worst, 0, 2e-4, "the twin of outer products computes its formula");
}

int main(void)
{
    float *const in = digest_draw("in", FLOATS, 1, 0), *const right =
                                                           digest_draw("w", FLOATS, 1, 0);
    float *const weight = aligned_alloc(64, FLOATS * sizeof *weight);
    const struct panel_kernels *const set[2] = {panel_avx2(), panel_avx512()};
    memcpy(weight, right, FLOATS * sizeof *weight);
    twin_is_right(in, weight);
    for (int i = 0; i < 2; i++)
        if (set[i] != NULL) {
            rows_match(set[i], in, weight);
            outer_match(set[i], in, weight);
        } else {
            printf("# this CPU or build lacks %s\n", i == 0 ? "AVX2" : "AVX-512");
        }
    free(in);
    free(right);
    free(weight);
    return tap_done();
}
