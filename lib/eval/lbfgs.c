/* lbfgs -- the minimiser: limited-memory BFGS with a strong Wolfe line search.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/lbfgs.h"

#include "lib/base/arena.h"

#include <math.h>
#include <string.h>

static const double DECREASE = 1e-4, CURVATURE = 0.9; /* the constants of the Wolfe conditions */
static const double NOISE = 1e-9; /* of a value: relative differences below it mean nothing */
enum { TRIALS = 20 };             /* points a line search looks at */

struct state {
    lbfgs_function *function;
    void *context;
    size_t n;
    int pairs, newest, history;    /* a ring: pairs in use, the place of the newest, its size */
    double **step, **change, *rho; /* [history]: s = x' - x, y = g' - g, 1/(s.y) */
    double *x, *g;                 /* here */
    double *trial, *slope;         /* the point the line search looks at, and its gradient */
    double *direction, *alpha;
    int evaluations;
};

/* A point on the line: how far, the value, the derivative along the line. */
struct point {
    double t, value, slope;
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double largest(const double *a, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]))
            return a[i];
        top = fmax(top, fabs(a[i]));
    }
    return top;
}

static void layout(struct arena *arena, struct state *s)
{
    const size_t history = (size_t)s->history;
    double **const vectors[] = {&s->g, &s->trial, &s->slope, &s->direction};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = arena_take(arena, s->n, sizeof(double));
    s->alpha = arena_take(arena, history, sizeof *s->alpha);
    s->rho = arena_take(arena, history, sizeof *s->rho);
    s->step = arena_take(arena, history, sizeof *s->step);
    s->change = arena_take(arena, history, sizeof *s->change);
    for (int i = 0; i < s->history; i++) {
        double *const step = arena_take(arena, s->n, sizeof(double));
        double *const change = arena_take(arena, s->n, sizeof(double));
        if (arena->base != NULL) {
            s->step[i] = step;
            s->change[i] = change;
        }
    }
}

/* direction = -H g by the two-loop recursion; H is scaled by s.y/y.y of the newest pair. */
static void find_direction(struct state *s)
{
    double *const d = s->direction;
    for (size_t i = 0; i < s->n; i++)
        d[i] = -s->g[i];
    for (int i = 0; i < s->pairs; i++) {
        const int k = (s->newest - i + s->history) % s->history;
        s->alpha[k] = s->rho[k] * dot(s->step[k], d, s->n);
        for (size_t j = 0; j < s->n; j++)
            d[j] -= s->alpha[k] * s->change[k][j];
    }
    if (s->pairs > 0) {
        const double *const y = s->change[s->newest];
        const double scale = 1 / (s->rho[s->newest] * dot(y, y, s->n));
        for (size_t j = 0; j < s->n; j++)
            d[j] *= scale;
    }
    for (int i = s->pairs - 1; i >= 0; i--) {
        const int k = (s->newest - i + s->history) % s->history;
        const double beta = s->alpha[k] - s->rho[k] * dot(s->change[k], d, s->n);
        for (size_t j = 0; j < s->n; j++)
            d[j] += beta * s->step[k][j];
    }
}

static struct point look(struct state *s, double t)
{
    for (size_t i = 0; i < s->n; i++)
        s->trial[i] = s->x[i] + t * s->direction[i];
    const double value = s->function(s->context, s->slope, s->trial);
    s->evaluations++;
    return (struct point){t, value, dot(s->slope, s->direction, s->n)};
}

/* Where the cubic through two points has its minimum, kept a tenth away from both ends. */
static double interpolate(struct point a, struct point b)
{
    const double width = b.t - a.t;
    const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
    const double root = copysign(sqrt(d1 * d1 - a.slope * b.slope), width);
    const double t = b.t - width * (b.slope + root - d1) / (b.slope - a.slope + 2 * root);
    const double part = (t - a.t) / width;
    if (!(part > 0.1)) /* NaN too: the points may have no finite values */
        return a.t + (isfinite(t) ? 0.1 : 0.5) * width;
    return part < 0.9 ? t : a.t + 0.9 * width;
}

/* Did the value fall as the first Wolfe condition asks? Near the minimum, where the fall drowns in
 * the noise of the value, the derivative answers instead. */
static bool falls(struct point start, struct point p)
{
    if (p.value <= start.value + DECREASE * p.t * start.slope)
        return true;
    return p.value <= start.value + NOISE * fabs(start.value) &&
           p.slope <= (2 * DECREASE - 1) * start.slope;
}

/* Leaves a point that satisfies the strong Wolfe conditions in trial and slope, and its value in
 * *value; false when there is none to be found. */
static bool search_line(struct state *s, double *value, double t)
{
    const struct point start = {0, *value, dot(s->g, s->direction, s->n)};
    struct point low = start, high = start;
    bool bracketed = false; /* a minimum lies between low and high; low is the better one */
    if (!(start.slope < 0))
        return false;
    for (int i = 0; i < TRIALS; i++) {
        const struct point p = look(s, t);
        if (!isfinite(p.value) || !isfinite(p.slope)) {
            high = p;
            bracketed = true;
        } else if (falls(start, p) && fabs(p.slope) <= -CURVATURE * start.slope) {
            *value = p.value;
            return true;
        } else if (!falls(start, p) || (p.value >= low.value && p.slope > 0)) {
            high = p;
            bracketed = true;
        } else {
            if (p.slope * (bracketed ? high.t - low.t : 1) >= 0) {
                high = low;
                bracketed = true;
            }
            low = p;
        }
        t = bracketed ? interpolate(low, high) : 4 * p.t;
    }
    if (low.t > 0 && low.value < start.value) { /* lower, if not flat: good enough to go on from */
        *value = look(s, low.t).value;
        return true;
    }
    return false;
}

/* Remember the step from x, g to trial, slope and move there. */
static void move(struct state *s)
{
    const int k = (s->newest + 1) % s->history;
    double *const step = s->step[k], *const change = s->change[k];
    for (size_t i = 0; i < s->n; i++) {
        step[i] = s->trial[i] - s->x[i];
        change[i] = s->slope[i] - s->g[i];
    }
    memcpy(s->x, s->trial, s->n * sizeof *s->x);
    memcpy(s->g, s->slope, s->n * sizeof *s->g);
    const double product = dot(step, change, s->n);
    if (product > 1e-14 * dot(change, change, s->n)) { /* else H would cease to be positive */
        s->rho[k] = 1 / product;
        s->newest = k;
        s->pairs += s->pairs < s->history;
    } else if (s->pairs == s->history) {
        s->pairs--; /* the oldest stood in that place */
    }
}

int lbfgs(struct lbfgs_result *result, double *x, lbfgs_function *function, void *context,
    const struct lbfgs_options *options, size_t n, struct err *err)
{
    struct state s = {.function = function,
        .context = context,
        .n = n,
        .x = x,
        .history = options->history,
        .newest = options->history - 1};
    struct arena arena = {0};
    layout(&arena, &s);
    if (arena_alloc(&arena, "the minimiser", err) < 0)
        return -1;
    layout(&arena, &s);

    double value = function(context, s.g, x);
    double gradient = largest(s.g, n);
    s.evaluations = 1;
    int status = 0, iterations = 0;
    if (!isfinite(value) || !isfinite(gradient))
        status = err_set(err, ERR_FAILED, "cannot minimise: the value at the start is not finite");
    while (status == 0 && gradient > options->tolerance && iterations < options->iterations) {
        find_direction(&s);
        const double first = 1 / fmax(1, sqrt(dot(s.g, s.g, n))); /* no scale is known yet */
        if (!search_line(&s, &value, s.pairs > 0 ? 1 : first)) {
            if (s.pairs == 0)
                break;
            s.pairs = 0; /* once more, straight down */
            continue;
        }
        move(&s);
        gradient = largest(s.g, n);
        iterations++;
    }
    *result = (struct lbfgs_result){
        value, gradient, iterations, s.evaluations, gradient <= options->tolerance};
    arena_free(&arena);
    return status;
}
