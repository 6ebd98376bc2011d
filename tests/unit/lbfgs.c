/* lbfgs -- known minima, and functions that are not finite everywhere.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/lbfgs.h"

#include "tests/unit/tap.h"

#include <string.h>

enum { N = 50 };

/* Rosenbrock's valley in pairs: the minimum is 0 at (1, 1, ...). */
static double valley(void *context, double *g, const double *x)
{
    double value = 0;
    ++*(int *)context;
    for (int i = 0; i < N; i += 2) {
        const double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
        value += a * a + 100 * b * b;
        g[i] = -2 * a - 400 * x[i] * b;
        g[i + 1] = 200 * b;
    }
    return value;
}

/* A quadratic with curvatures from 1 to 10^4; the minimum is at 1, 2, ..., N. */
static double bowl(void *context, double *g, const double *x)
{
    double value = 0;
    ++*(int *)context;
    for (int i = 0; i < N; i++) {
        const double curvature = pow(10, 4.0 * i / (N - 1)), off = x[i] - (i + 1);
        value += curvature / 2 * off * off;
        g[i] = curvature * off;
    }
    return value;
}

/* x - log(x): not a number for x < 0; the minimum is at 1. */
static double wall(void *context, double *g, const double *x)
{
    ++*(int *)context;
    *g = 1 - 1 / *x;
    return *x - log(*x);
}

static double everywhere_nan(void *context, double *g, const double *x)
{
    (void)context, (void)x;
    *g = 0;
    return NAN;
}

static double flat(void *context, double *g, const double *x)
{
    (void)context, (void)x;
    *g = 0;
    return 3;
}

/* The valley, but the value has only single precision, as sums of floats have. */
static double rough(void *context, double *g, const double *x)
{
    return (float)(1 + valley(context, g, x));
}

static void test_valley(void)
{
    const struct lbfgs_options options = {10, 1000, 1e-9};
    struct lbfgs_result r, again;
    struct err err = {0};
    double x[N], y[N];
    int calls = 0;
    for (int i = 0; i < N; i++)
        x[i] = y[i] = i % 2 ? 1 : -1.2;
    OK(lbfgs(&r, x, valley, &calls, &options, N, &err) == 0 && r.converged, "the valley converges");
    double off = 0;
    for (int i = 0; i < N; i++)
        off = fmax(off, fabs(x[i] - 1));
    NEAR(off, 0, 1e-8, "at its minimum");
    OK(r.gradient <= 1e-9 && r.value < 1e-16, "and says so");
    OK(calls == r.evaluations && calls < 150, "in fewer than 150 evaluations, counted: %d", calls);
    lbfgs(&again, y, valley, &calls, &options, N, &err);
    OK(memcmp(x, y, sizeof x) == 0 && r.value == again.value, "twice the same bits");
}

static void test_bowl(void)
{
    struct lbfgs_options options = {10, 2000, 1e-6};
    struct lbfgs_result r;
    struct err err = {0};
    double x[N] = {0};
    int calls = 0;
    OK(lbfgs(&r, x, bowl, &calls, &options, N, &err) == 0 && r.converged,
        "curvatures from 1 to ten thousand");
    printf("# %d evaluations, %d iterations, gradient %.1e\n", calls, r.iterations, r.gradient);
    NEAR(x[0], 1, 1e-4, "the flattest direction too");
    memset(x, 0, sizeof x);
    options.iterations = 3;
    OK(lbfgs(&r, x, bowl, &calls, &options, N, &err) == 0 && !r.converged && r.iterations == 3,
        "it stops when the iterations are used up");
    double g[N];
    OK(bowl(&calls, g, x) == r.value, "and what it says of the value is true");
    options.iterations = 0;
    OK(lbfgs(&r, x, bowl, &calls, &options, N, &err) == 0 && r.evaluations == 1,
        "no iterations: one evaluation");
}

static void test_edges(void)
{
    const struct lbfgs_options options = {5, 100, 1e-9};
    struct lbfgs_result r;
    struct err err = {0};
    double x = 1e-3;
    int calls = 0;
    OK(lbfgs(&r, &x, wall, &calls, &options, 1, &err) == 0 && r.converged,
        "trial points that are not numbers are stepped back from");
    NEAR(x, 1, 1e-8, "and the minimum is found");
    x = -1;
    OK(lbfgs(&r, &x, wall, &calls, &options, 1, &err) == -1 && err.status == ERR_FAILED,
        "a start that is not a number fails");
    err = (struct err){0};
    x = 5;
    OK(lbfgs(&r, &x, everywhere_nan, NULL, &options, 1, &err) == -1, "and so does such a function");
    err = (struct err){0};
    OK(lbfgs(&r, &x, flat, NULL, &options, 1, &err) == 0 && r.converged && x == 5,
        "a flat function is at its minimum");
    double y[N];
    for (int i = 0; i < N; i++)
        y[i] = i % 2 ? 1 : -1.2;
    OK(lbfgs(&r, y, rough, &calls, &options, N, &err) == 0, "a value of few digits is no failure");
    OK(r.gradient < 1e-2, "and the gradient gets small: %.1e", r.gradient);
}

int main(void)
{
    test_valley();
    test_bowl();
    test_edges();
    return tap_done();
}
