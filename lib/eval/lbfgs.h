/* lbfgs.h -- the minimiser: limited-memory BFGS with a strong Wolfe line search, in double.
 *
 * Source: Nocedal & Wright, Numerical Optimization (2nd ed.), algorithms 7.4, 7.5, 3.5 and 3.6;
 *         the test that takes over where the value has no digits left is Hager & Zhang 2005, (4.1).
 * Numerics: serial and in fixed order: the bits depend on the function alone.
 * Cost: 2*history*n multiplications an iteration beside one or two calls of the function;
 *       (2*history + 5)*n doubles.
 * SPDX-License-Identifier: MIT */
#ifndef LBFGS_H
#define LBFGS_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The value at x [n], and its gradient [n] (overwritten). */
typedef double lbfgs_function(void *context, double *gradient, const double *x);

struct lbfgs_options {
    int history;      /* pairs kept; 10 is usual */
    int iterations;   /* at most; 0: only evaluate */
    double tolerance; /* converged when no component of the gradient is larger */
};

struct lbfgs_result {
    double value;    /* at x */
    double gradient; /* its largest component, by magnitude */
    int iterations, evaluations;
    bool converged; /* false: the iterations, or the digits of the value, ran out first */
};

/* Minimise from x [n] on; x is overwritten by the best point found.
 * Errors: ERR_FAILED memory, or a value or gradient that is not finite at the starting point (a
 * trial point with one is only stepped back from). */
int lbfgs(struct lbfgs_result *result, double *x, lbfgs_function *function, void *context,
    const struct lbfgs_options *options, size_t n, struct err *err);

#endif
