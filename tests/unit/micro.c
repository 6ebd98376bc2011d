/* micro -- kernels for each instruction set against the plain twin, bit for bit: those this CPU has, and
 * that of tiles on any x86-64.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* ersatz.h: names of registers */
#include "lib/nn/micro.h"

#include "lib/base/cpu.h"
#include "lib/nn/precision.h"
#include "tests/unit/ersatz.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 9, STEP = 331, A = 2 * MICRO_STRIP * STEP + 64, B = CHUNKS * MICRO_B };

static uint32_t state = 7;

static uint32_t draw(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* bf16 numbers of one kind. */
enum kind { NEAR_ONE, WIDE, TINY, HUGE_ONES, WHOLE, KINDS };
static const char *const kind_name[] = {"near one", "of all sizes", "tiny", "huge", "whole"};

static uint16_t number(enum kind kind)
{
    const uint32_t sign = draw() & 1, fraction = draw() & 127;
    uint32_t exponent = 120 + draw() % 12;
    if (draw() % 8 == 0)
        return (uint16_t)(sign << 15);
    if (kind == WIDE)
        exponent = 87 + draw() % 80;
    else if (kind == TINY)
        exponent = draw() % 3 == 0 ? draw() % 3 : 40 + draw() % 48; /* products around 2^-126 */
    else if (kind == HUGE_ONES)
        exponent = 180 + draw() % 24; /* sums overflow now and then */
    else if (kind == WHOLE)
        return precision_narrow((float)((int)(draw() % 33) - 16));
    return (uint16_t)(sign << 15 | exponent << 7 | fraction);
}

struct operands {
    uint16_t a[A], b[2][B];
    float sum[MICRO_SUM];
    ptrdiff_t offset[CHUNKS];
};

static void fill(struct operands *o, enum kind kind)
{
    for (int i = 0; i < A; i++)
        o->a[i] = number(kind);
    for (int i = 0; i < B; i++) {
        o->b[0][i] = number(kind);
        o->b[1][i] = number(kind);
    }
    for (int i = 0; i < MICRO_SUM; i++)
        o->sum[i] = kind == TINY ? ldexpf((float)draw(), -130 - (int)(draw() % 32))
                                 : (float)draw() / 65536 - 128; /* tiny: denormals among them */
    for (int i = 0; i < CHUNKS; i++)
        o->offset[i] = (ptrdiff_t)(draw() % (STEP - MICRO_CHUNK));
}

static void run(const struct micro *micro, float *sum, const struct operands *o, int chunks,
    size_t step, bool wide, bool add)
{
    memcpy(sum, o->sum, sizeof o->sum);
    const unsigned before = micro->begin();
    micro->product(sum, o->a, o->a + MICRO_STRIP * step + 1, step, o->offset, o->b[0],
        wide ? o->b[1] : NULL, chunks, add);
    micro->end(before);
}

/* Sums that differ, NaN being equal to NaN. */
static int differing(const float *a, const float *b)
{
    int count = 0;
    for (int i = 0; i < MICRO_SUM; i++)
        count += memcmp(&a[i], &b[i], sizeof a[i]) != 0 && !(a[i] != a[i] && b[i] != b[i]);
    return count;
}

static void against_plain(const struct micro *micro)
{
    static struct operands o;
    static float sum[MICRO_SUM], twin[MICRO_SUM];
    for (enum kind kind = 0; kind < KINDS; kind++) {
        int wrong = 0, products = 0;
        for (int chunks = 1; chunks <= CHUNKS; chunks += 4)
            for (int wide = 0; wide < 2; wide++)
                for (int add = 0; add < 2; add++, products++) {
                    fill(&o, kind);
                    const size_t step = add ? STEP - 10 : STEP - 11 * (size_t)wide;
                    run(micro, sum, &o, chunks, step, wide, add);
                    run(&micro_plain, twin, &o, chunks, step, wide, add);
                    wrong += differing(sum, twin);
                }
        OK(wrong == 0, "%s: %d products of numbers %s, %d sums differ from the twin's", micro->name,
            products, kind_name[kind], wrong);
    }
}

/* Rows of `stride`: whole lines or not. */
static void stores(const struct micro *micro, size_t stride, bool stream)
{
    static float sum[MICRO_SUM];
    static _Alignas(64) uint16_t out[40 * 64], twin[40 * 64];
    int place[MICRO_ROWS], wrong = 0;
    for (int columns = 1; columns <= MICRO_COLUMNS; columns++) {
        for (int i = 0; i < MICRO_SUM; i++) {
            const uint32_t bits = draw() << 8 | (draw() & 255);
            memcpy(&sum[i], &bits, sizeof bits);
            if ((bits >> 23 & 255) == 0)
                sum[i] = 0; /* sums of products have no denormals */
            if (i % 5 == 0)
                sum[i] = ldexpf((float)(2 * (draw() % 512) + 1), 3); /* ties among them */
        }
        for (int m = 0; m < MICRO_ROWS; m++)
            place[m] = m % 7 == 3 ? -1 : 39 - m;
        for (size_t i = 0; i < sizeof out / sizeof *out; i++)
            out[i] = twin[i] = (uint16_t)draw();
        const unsigned entered = micro->begin();
        (stream ? micro->stream : micro->store)(out, sum, place, stride, columns);
        micro->end(entered);
        for (int m = 0; m < MICRO_ROWS; m++)
            for (int n = 0; n < columns && place[m] >= 0; n++)
                twin[(size_t)place[m] * stride + (size_t)n] =
                    precision_narrow(sum[m * MICRO_COLUMNS + n]);
        for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
            const float a = precision_widen(out[i]), b = precision_widen(twin[i]);
            wrong += out[i] != twin[i] && !(a != a && b != b);
        }
    }
    OK(wrong == 0,
        "%s: what is %s at %zu is rounded to nearest even, and nothing beside it: %d wrong",
        micro->name, stream ? "streamed" : "stored", stride, wrong);
}

static void stores_all(const struct micro *micro)
{
    stores(micro, 48, false);
    stores(micro, 48, true);
    stores(micro, 64, false);
    stores(micro, 64, true);
}

/* The twin against sums in double; whole numbers are exact. */
static void plain(void)
{
    static struct operands o;
    static float sum[MICRO_SUM];
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (kind == TINY || kind == HUGE_ONES)
            continue;
        fill(&o, kind);
        run(&micro_plain, sum, &o, CHUNKS, STEP, true, true);
        double worst = 0;
        for (int m = 0; m < MICRO_ROWS; m++)
            for (int n = 0; n < MICRO_COLUMNS; n++) {
                double total = o.sum[m * MICRO_COLUMNS + n], size = fabs(total);
                for (int e = 0; e < CHUNKS * MICRO_CHUNK; e++) {
                    const size_t row = m < 16 ? (size_t)m * STEP : (size_t)m * STEP + 1;
                    const uint16_t x =
                        o.a[row + (size_t)o.offset[e / MICRO_CHUNK] + (size_t)(e % MICRO_CHUNK)];
                    const uint16_t y = o.b[n / 16][e / MICRO_CHUNK * MICRO_B +
                                                   e % MICRO_CHUNK / 2 * 32 + n % 16 * 2 + e % 2];
                    const double term = (double)precision_widen(x) * precision_widen(y);
                    total += term;
                    size += fabs(term);
                }
                worst = fmax(worst, fabs(sum[m * MICRO_COLUMNS + n] - total) / size);
            }
        NEAR(worst, 0, kind == WHOLE ? 1e-7 : 1e-6, "the plain twin, numbers %s", kind_name[kind]);
    }
}

/* An order of addition in which one chunk gives 2^24, and others 2^24 + 1 or + 2: even products first,
 * odd ones apart, both from zero. */
static void order(const struct micro *micro)
{
    static struct operands o;
    static float sum[MICRO_SUM];
    memset(&o, 0, sizeof o);
    const float even[3] = {16777216, 1, 1}, odd[3] = {1, 1, 1};
    for (int p = 0; p < 3; p++) {
        o.a[2 * p] = precision_narrow(even[p]);
        o.a[2 * p + 1] = precision_narrow(odd[p]);
        o.b[0][p * 32] = o.b[0][p * 32 + 1] = precision_narrow(1);
    }
    run(micro, sum, &o, 1, STEP, false, false);
    /* 2^24 + 1 + 1 = 2^24 by ties to even; plus 3 is a tie again, which goes to 2^24 + 4 */
    OK(sum[0] == 16777220, "%s: sums of even and of odd products are apart: %.0f", micro->name,
        sum[0]);
    o.sum[0] = 1;
    run(micro, sum, &o, 1, STEP, false, true);
    OK(sum[0] == 16777220, "%s: and added before the old sum: %.0f", micro->name, sum[0]);
}

int main(void)
{
    plain();
    order(&micro_plain);
    stores_all(&micro_plain);
    printf("# this CPU: %s\n", cpu_name(cpu_level()));
    for (int level = CPU_AVX2; level <= cpu_level(); level++) {
        const struct micro *const micro = micro_choose(level);
        against_plain(micro);
        order(micro);
        stores_all(micro);
    }
#if defined(ERSATZ_TILES)
    if (cpu_level() < CPU_AMX && !ersatz_fits()) {
        SKIP("AMX: this build leaves the CPU's own tiles alone");
    } else if (cpu_level() < CPU_AMX) {
        ersatz_tiles();
        against_plain(&micro_amx);
        order(&micro_amx);
        OK(ersatz.count > 1000, "%ld instructions of AMX were carried out by hand", ersatz.count);
        if (cpu_level() < CPU_BF16)
            SKIP("AMX: rounding needs AVX512_BF16");
        else
            stores_all(&micro_amx);
    }
#endif
    return tap_done();
}
