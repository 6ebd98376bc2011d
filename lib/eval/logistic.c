/* logistic -- multinomial logistic regression: a linear classifier on frozen features.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/logistic.h"

#include "lib/base/arena.h"
#include "lib/eval/lbfgs.h"
#include "lib/eval/multinomial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FOLDS = 5,       /* one in so many rows of a class is held out */
    FEW = 5000,      /* rows below which each fold is held out in turn */
    HISTORY = 10,    /* pairs L-BFGS keeps */
    GRID_STEPS = 40, /* iterations for one strength of the grid, */
    STEPS = 1000,    /* and for the fit at the end */
    PATIENCE = 3     /* strengths without progress after which the grid ends */
};
static const double GRID_STRONGEST = 1, GRID_RATIO = 0.31622776601683794; /* half a decade */
static const double TOLERANCE = 3e-5; /* of the gradient's largest component */
static const double POOR = 1e-3;      /* worth a warning */
static const double USUAL = 1e-2;     /* the strength where nothing can be held out */

/* ---- fitting ---------------------------------------------------------------------------------- */

struct fit {
    struct multinomial m;
    const struct logistic_options *options;
    struct logistic_report *report;
    int folds;
    int *rank;        /* [N] place of a row in the random order of its class */
    bool *lone;       /* [L] classes of a single row: never held out */
    int *row;         /* [N] those fitted, or those held out */
    double *x[FOLDS]; /* parameters, where the last strength left each fold */
    double *best;     /* those of the first fold at the best strength */
    int evaluations;  /* so far */
    char note[40];
    struct arena arena;
};

static void layout(struct fit *fit, size_t rows, size_t classes, size_t numbers)
{
    fit->rank = arena_take(&fit->arena, rows, sizeof *fit->rank);
    fit->row = arena_take(&fit->arena, rows, sizeof *fit->row);
    fit->lone = arena_take(&fit->arena, classes, sizeof *fit->lone);
    fit->best = arena_take(&fit->arena, numbers, sizeof *fit->best);
    for (int i = 0; i < fit->folds; i++)
        fit->x[i] = arena_take(&fit->arena, numbers, sizeof *fit->x[i]);
}

/* The objective, with a word to who waits. */
static double value(void *context, double *gradient, const double *x)
{
    struct fit *const fit = context;
    fit->evaluations++;
    if (fit->options->progress != NULL)
        fit->options->progress(fit->evaluations, fit->note);
    return multinomial_value(&fit->m, gradient, x);
}

/* Choose the rows that belong to a fold, or all others. */
static void choose_rows(struct fit *fit, int fold, bool held)
{
    struct multinomial *const m = &fit->m;
    m->row = fit->row;
    m->rows = 0;
    for (int i = 0; i < m->features->rows; i++)
        if ((fit->rank[i] % FOLDS == fold && !fit->lone[m->index[i]]) == held)
            fit->row[m->rows++] = i;
}

/* Fit each fold at one strength and add up what it gets right of the rows held out. */
static int try_strength(struct fit *fit, int step, struct err *err)
{
    const struct lbfgs_options options = {HISTORY, GRID_STEPS, TOLERANCE};
    const double l2 = GRID_STRONGEST * pow(GRID_RATIO, step);
    struct logistic_report *const report = fit->report;
    snprintf(fit->note, sizeof fit->note, "choosing l2: %.2g", l2);
    fit->m.l2 = l2;
    report->grid[step].l2 = l2;
    report->held = 0;
    for (int fold = 0; fold < fit->folds; fold++) {
        struct lbfgs_result result;
        int right;
        choose_rows(fit, fold, false);
        if (lbfgs(&result, fit->x[fold], value, fit, &options, multinomial_size(&fit->m), err) < 0)
            return -1;
        choose_rows(fit, fold, true);
        const double loss = multinomial_judge(&fit->m, &right, fit->x[fold]);
        report->grid[step].loss += loss * fit->m.rows;
        report->grid[step].right += right;
        report->held += fit->m.rows;
    }
    if (report->held > 0)
        report->grid[step].loss /= report->held;
    return 0;
}

static int choose_strength(struct fit *fit, struct err *err)
{
    struct logistic_report *const report = fit->report;
    choose_rows(fit, 0, true);
    if (fit->m.rows == 0) {
        report->l2 = USUAL;
        return 0;
    }
    for (int step = 0; step < LOGISTIC_GRID && step - report->choice <= PATIENCE; step++) {
        if (try_strength(fit, step, err) < 0)
            return -1;
        report->tried++;
        const int best = report->choice;
        if (best < 0 || report->grid[step].right > report->grid[best].right ||
            (report->grid[step].right == report->grid[best].right &&
                report->grid[step].loss < report->grid[best].loss)) {
            report->choice = step;
            report->l2 = report->grid[step].l2;
            memcpy(fit->best, fit->x[0], multinomial_size(&fit->m) * sizeof *fit->best);
        }
    }
    return 0;
}

static int fit_all(struct fit *fit, struct err *err)
{
    const struct lbfgs_options options = {HISTORY, STEPS, TOLERANCE};
    struct lbfgs_result result;
    snprintf(fit->note, sizeof fit->note, "l2 %.2g", fit->report->l2);
    fit->m.row = NULL;
    fit->m.rows = fit->m.features->rows;
    fit->m.l2 = fit->report->l2;
    if (lbfgs(&result, fit->best, value, fit, &options, multinomial_size(&fit->m), err) < 0)
        return -1;
    fit->report->loss = result.value;
    fit->report->gradient = result.gradient;
    fit->report->iterations = result.iterations;
    fit->report->evaluations = fit->evaluations;
    fit->report->poor = result.gradient > POOR;
    return 0;
}

/* weight . (x - mean) * scale + bias is one linear layer of x. */
static int fold_in(struct classifier *out, const struct fit *fit, const int *label, struct err *err)
{
    const struct multinomial *const m = &fit->m;
    const size_t width = (size_t)m->features->width, classes = (size_t)m->classes;
    if (classifier_make(out, m->classes, m->features->width, m->features->column, err) < 0)
        return -1;
    memcpy(out->label, label, classes * sizeof *label);
    out->names = json_incref(m->features->names);
    for (size_t l = 0; l < classes; l++) {
        double bias = fit->best[classes * width + l];
        for (size_t d = 0; d < width; d++) {
            const double weight = fit->best[l * width + d] * m->scale[d];
            out->weight[l * width + d] = (float)weight;
            bias -= weight * m->mean[d];
        }
        out->bias[l] = (float)bias;
    }
    return 0;
}

static int fit_classes(struct classifier *out, struct fit *fit, const int *label, struct err *err)
{
    const struct features *const f = fit->m.features;
    const size_t numbers = multinomial_size(&fit->m), classes = (size_t)fit->m.classes;
    const bool given = !isnan(fit->options->l2);
    fit->folds = given ? 0 : f->rows < FEW ? FOLDS : 1;
    layout(fit, (size_t)f->rows, classes, numbers);
    if (arena_alloc(&fit->arena, "logistic regression", err) < 0)
        return -1;
    layout(fit, (size_t)f->rows, classes, numbers);
    *fit->report = (struct logistic_report){.l2 = fit->options->l2, .choice = -1};
    if (!given) {
        if (features_rank(fit->rank, f, fit->options->seed, "held out", err) < 0)
            return -1;
        for (size_t l = 0; l < classes; l++)
            fit->lone[l] = true;
        for (int i = 0; i < f->rows; i++)
            fit->lone[fit->m.index[i]] &= fit->rank[i] == 0;
        if (choose_strength(fit, err) < 0)
            return -1;
    }
    return fit_all(fit, err) < 0 ? -1 : fold_in(out, fit, label, err);
}

int logistic_fit(struct classifier *out, struct logistic_report *report,
    const struct features *train, const struct logistic_options *options, struct parallel *parallel,
    struct err *err)
{
    struct fit fit = {.options = options, .report = report};
    int classes = 0, status = -1;
    int *const index = malloc((size_t)train->rows * sizeof *index);
    int *const label = index != NULL ? features_classes(&classes, index, train, err) : NULL;
    *out = (struct classifier){0};
    if (label == NULL)
        err_memory(err, "classes");
    else if (classes < 2)
        err_set(err, ERR_INPUT,
            "all %d labelled rows of '%s' are of class %d: nothing to tell apart", train->rows,
            train->source, label[0]);
    else if (multinomial_init(&fit.m, train, index, classes, parallel, err) == 0)
        status = fit_classes(out, &fit, label, err);
    arena_free(&fit.arena);
    multinomial_free(&fit.m);
    free(label);
    free(index);
    if (status < 0)
        classifier_free(out);
    return status;
}
