/* normrow -- every kernel of this CPU against the twin in plain C: the same bits, in place, past the
 * caches, for stretches of any length.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/normrow.h"

#include "lib/base/cpu.h"
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512, ROWS = 11, STRIDE = 576, MAP = ROWS * STRIDE, VECTORS = 6, MAPS = 4 };

/* maps: out, and three to read; vectors: sum, product, mean, scale, and two more */
struct field {
    _Alignas(64) float map[MAPS][MAP];
    _Alignas(64) float vector[VECTORS][MOST];
};

static struct field drawn, ours, twin;
static uint32_t seed = 1;

static float draw(void)
{
    seed = seed * 1664525U + 1013904223U;
    return (float)(int32_t)seed / (1U << 30);
}

/* Numbers of either sign, NaN, infinities and zeros among them; as bf16, two of each 32 bits. */
static void fill(enum precision precision)
{
    for (int i = 0; i < MAPS; i++)
        for (int j = 0; j < MAP; j++) {
            const float value = j % 97 == 5   ? NAN
                                : j % 89 == 7 ? INFINITY
                                : j % 83 == 9 ? 0
                                              : draw();
            if (precision == PRECISION_F32)
                drawn.map[i][j] = value;
            else
                for (int k = 0; k < 2; k++)
                    ((uint16_t *)drawn.map[i])[2 * j + k] =
                        precision_narrow(k == 0 ? value : draw());
        }
    for (int i = 0; i < VECTORS; i++)
        for (int j = 0; j < MOST; j++)
            drawn.vector[i][j] = draw();
}

enum operation { SUM, SQUARES, FORWARD, SUMS, BACKWARD };

struct trial {
    enum operation operation;
    enum precision precision;
    size_t rows, stride, width;
    bool stream, in_place, relu, more; /* more: a residual; or the gate's y; or nothing kept */
};

static void run(const struct normrow *loops, struct field *f, const struct trial *t)
{
    memcpy(f, &drawn, sizeof *f);
    const struct normrow_at at = {t->rows, t->stride, t->width, t->precision, t->stream};
    void *const x = f->map[1], *const other = f->map[2], *const last = f->map[3];
    void *const out = t->in_place ? other : f->map[0];
    float(*const v)[MOST] = f->vector;
    const struct normrow_gate gate = {
        t->relu && t->more ? last : NULL, v[3], t->relu && !t->more ? v[4] : NULL};
    switch (t->operation) {
    case SUM:
        loops->sum(&at, v[0], x);
        break;
    case SQUARES:
        loops->squares(&at, v[0], x, v[2]);
        break;
    case FORWARD:
        loops->forward(
            &at, t->in_place ? x : out, x, t->more ? last : NULL, v[2], v[3], v[4], t->relu);
        break;
    case SUMS:
        loops->sums(&at, v[0], v[1], t->stream ? NULL : out, other,
            t->rows == ROWS ? f->map[0] : NULL, x, &gate, v[2]);
        break;
    case BACKWARD:
        loops->backward(&at, out, other, x, &gate, v[2], v[3], v[4], v[5]);
        break;
    }
}

/* A NaN is a NaN, whatever its payload. */
static int differences(enum precision precision)
{
    int wrong = 0;
    for (int i = 0; i < MAPS; i++)
        for (size_t j = 0; j < (precision == PRECISION_BF16 ? 2 * MAP : MAP); j++) {
            const bool half = precision == PRECISION_BF16;
            const float a = precision_get(ours.map[i], j, half);
            const float b = precision_get(twin.map[i], j, half);
            wrong += memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b));
        }
    for (int i = 0; i < VECTORS; i++)
        for (int j = 0; j < MOST; j++) {
            const float a = ours.vector[i][j], b = twin.vector[i][j];
            wrong += memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b));
        }
    return wrong;
}

static void against_plain(const struct normrow *loops, enum precision precision)
{
    static const char *const name[] = {"sum", "squares", "forward", "sums", "backward"};
    static const size_t width[] = {1, 7, 16, 31, 64, 100, 256, 330, 512};
    for (int operation = SUM; operation <= BACKWARD; operation++) {
        int wrong = 0, trials = 0;
        for (size_t w = 0; w < sizeof width / sizeof *width; w++)
            for (int kind = 0; kind < 64; kind++) {
                const struct trial t = {(enum operation)operation, precision, kind & 1 ? ROWS : 3,
                    kind & 2 ? STRIDE : width[w], width[w], kind & 4, kind & 8, kind & 16,
                    kind & 32};
                run(loops, &ours, &t);
                run(&normrow_plain, &twin, &t);
                wrong += differences(precision);
                trials++;
            }
        OK(wrong == 0, "%s, %s of %s: %d trials, %d numbers differ from the twin's", loops->name,
            name[operation], precision == PRECISION_BF16 ? "bf16" : "f32", trials, wrong);
    }
}

/* The formulas, once more: one stretch of f32 by the plain loops. */
static void formulas(void)
{
    const struct trial forward = {FORWARD, PRECISION_F32, 1, MOST, MOST, false, false, true, true};
    const struct trial back = {BACKWARD, PRECISION_F32, 1, MOST, MOST, false, false, true, true};
    double worst[2] = {0, 0};
    const float(*const v)[MOST] = (const float(*)[MOST])drawn.vector;
    run(&normrow_plain, &ours, &forward);
    run(&normrow_plain, &twin, &back);
    for (int i = 0; i < MOST; i++) {
        const double x = drawn.map[1][i], dy = drawn.map[2][i], last = drawn.map[3][i];
        const double y = fmax((x - v[2][i]) * v[3][i] + v[4][i] + last, 0);
        const double g = last > 0 ? dy : 0;
        const double dx = v[3][i] * (g - v[4][i] - (x - v[2][i]) * v[5][i]);
        if (isfinite(y))
            worst[0] = fmax(worst[0], fabs(y - ours.map[0][i]));
        if (isfinite(dx))
            worst[1] = fmax(worst[1], fabs(dx - twin.map[0][i]));
    }
    OK(worst[0] > 0 && worst[0] < 1e-5, "forward is its formula: %.1e", worst[0]);
    OK(worst[1] > 0 && worst[1] < 1e-5, "backward is its formula: %.1e", worst[1]);
}

int main(void)
{
    fill(PRECISION_F32);
    formulas();
    for (int level = CPU_AVX2; level <= cpu_level(); level++) {
        const struct normrow *const loops = normrow_choose(level);
        if (loops == normrow_choose(level - 1))
            continue;
        fill(PRECISION_F32);
        against_plain(loops, PRECISION_F32);
        fill(PRECISION_BF16);
        against_plain(loops, PRECISION_BF16);
    }
    return tap_done();
}
