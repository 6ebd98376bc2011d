/* simrow -- loops over a row, written for the compiler to turn into vectors: fixed lanes, no branches.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/simrow.h"

#include "lib/base/cpu.h"
#include "lib/base/fastexp.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    LANES = 16,
    CHUNK = 64 * LANES,   /* terms that are added in float */
    PRODUCT = 512 * LANES /* factors up to 2 that are multiplied before a double overflows */
};

struct lanes {
    float sum[LANES], weighted[LANES];
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The last lanes of a row, filled up. */
static const float *padded(float *room, const float *x, int n)
{
    for (int l = 0; l < LANES; l++)
        room[l] = l < n ? x[l] : SIMROW_GONE;
    return room;
}

CPU_CLONES static void maximum(float *restrict lane, const float *restrict x, int n)
{
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] = x[k + l] > lane[l] ? x[k + l] : lane[l];
}

float simrow_max(const float *x, int n)
{
    float lane[LANES], room[LANES], most = SIMROW_GONE;
    const int whole = n / LANES * LANES;
    for (int l = 0; l < LANES; l++)
        lane[l] = SIMROW_GONE;
    maximum(lane, x, whole);
    maximum(lane, padded(room, x + whole, n - whole), LANES);
    for (int l = 0; l < LANES; l++)
        most = lane[l] > most ? lane[l] : most;
    return most;
}

CPU_CLONES static void sum_of(
    struct lanes *restrict lanes, const float *restrict x, int n, float scale, float shift)
{
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++) {
            const float below = scale * (x[k + l] - shift), e = fastexp(below);
            lanes->sum[l] += e;
            lanes->weighted[l] += e * below;
        }
}

static void add(double *sum, double *weighted, const struct lanes *lanes)
{
    for (int l = 0; l < LANES; l++) {
        *sum += lanes->sum[l];
        *weighted += lanes->weighted[l];
    }
}

double simrow_sum(double *weighted, const float *x, int n, float scale, float shift)
{
    const int whole = n / LANES * LANES;
    double sum = 0, other = 0;
    float room[LANES];
    for (int k = 0; k < whole; k += CHUNK) {
        struct lanes lanes = {0};
        sum_of(&lanes, x + k, least(CHUNK, whole - k), scale, shift);
        add(&sum, &other, &lanes);
    }
    struct lanes lanes = {0};
    sum_of(&lanes, padded(room, x + whole, n - whole), LANES, scale, shift);
    add(&sum, &other, &lanes);
    if (weighted != NULL)
        *weighted = other;
    return sum;
}

CPU_CLONES static void exp_of(float *restrict x, int n, float scale, float shift, float factor)
{
    for (int k = 0; k < n; k++)
        x[k] = factor * fastexp(scale * (x[k] - shift));
}

void simrow_exp(float *x, int n, float scale, float shift, float factor)
{
    exp_of(x, n, scale, shift, factor);
}

/* x if keep, else 0: a branch stops the vectors. */
__attribute__((always_inline)) static inline float masked(float x, int keep)
{
    union {
        float f;
        uint32_t u;
    } bits = {x};
    bits.u &= 0U - (uint32_t)keep;
    return bits.f;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): the last factor is at most 2, so that many are multiplied
 * before one logarithm is taken. */
CPU_CLONES static void logistic_of(double *restrict product, float *restrict above,
    float *restrict x, int n, float scale, float factor)
{
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++) {
            const float y = scale * x[k + l], e = fastexp(-fabsf(y));
            above[l] += masked(y, y > 0);
            product[l] *= 1 + (double)e;
            x[k + l] = factor * (masked(1, y >= 0) + masked(e, y < 0)) / (1 + e);
        }
}

static double logistic_lanes(float *x, int n, float scale, float factor)
{
    double product[LANES], sum = 0;
    for (int l = 0; l < LANES; l++)
        product[l] = 1;
    for (int k = 0; k < n; k += CHUNK) {
        float above[LANES] = {0};
        logistic_of(product, above, x + k, least(CHUNK, n - k), scale, factor);
        for (int l = 0; l < LANES; l++)
            sum += above[l];
    }
    for (int l = 0; l < LANES; l++)
        sum += log(product[l]);
    return sum;
}

double simrow_logistic(float *x, int n, float scale, float factor)
{
    const int whole = n / LANES * LANES;
    double sum = 0;
    float room[LANES];
    for (int k = 0; k < whole; k += PRODUCT)
        sum += logistic_lanes(x + k, least(PRODUCT, whole - k), scale, factor);
    padded(room, x + whole, n - whole);
    sum += logistic_lanes(room, LANES, scale, factor);
    memcpy(x + whole, room, (size_t)(n - whole) * sizeof *x);
    return sum;
}

CPU_CLONES static void near_of(
    float *restrict lane, const float *restrict x, const float *restrict square, int n, float own)
{
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += fastexp(4 * x[k + l] - own - square[k + l]);
}

static double add_near(const float *x, const float *square, int n, float own)
{
    float lane[LANES] = {0};
    double sum = 0;
    near_of(lane, x, square, n, own);
    for (int l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

double simrow_near(const float *x, const float *square, int n, float own)
{
    const int whole = n / LANES * LANES;
    double sum = 0;
    float room[LANES], rest[LANES] = {0};
    for (int k = 0; k < whole; k += CHUNK)
        sum += add_near(x + k, square + k, least(CHUNK, whole - k), own);
    memcpy(rest, square + whole, (size_t)(n - whole) * sizeof *rest);
    return sum + add_near(padded(room, x + whole, n - whole), rest, LANES, own);
}

/* Bisection of LANES numbers side by side: they come in no order, so that a branch would be foretold wrongly
 * every other time, and a single one would wait for each number that it reads. */
__attribute__((always_inline)) static inline void bisect(
    int *restrict place, const float *restrict sorted, int count, const double *y, bool same)
{
    for (int l = 0; l < LANES; l++)
        place[l] = 0;
    for (int left = count, half; left > 1; left -= half) {
        half = left / 2;
        for (int l = 0; l < LANES; l++) {
            const double middle = sorted[place[l] + half - 1];
            place[l] += half & -(int)(same ? middle <= y[l] : middle < y[l]);
        }
    }
    for (int l = 0; l < LANES; l++)
        place[l] += same ? sorted[place[l]] <= y[l] : sorted[place[l]] < y[l];
}

void simrow_places(
    int *place, const float *sorted, int count, const float *x, int n, double shift, bool same)
{
    for (int k = 0; k < n; k += LANES) {
        const int lanes = least(LANES, n - k);
        double y[LANES] = {0};
        int found[LANES];
        for (int l = 0; l < lanes; l++)
            y[l] = x[k + l] + shift;
        if (same)
            bisect(found, sorted, count, y, true);
        else
            bisect(found, sorted, count, y, false);
        memcpy(place + k, found, (size_t)lanes * sizeof *place);
    }
}
