/* objective -- from options to a loss.
 * SPDX-License-Identifier: MIT */
#include "tools/objective.h"

#include "lib/nn/gemm.h"
#include "lib/objective/contrast.h"
#include "tools/die.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct objective_options objective = {
    .loss = "ntxent", .positives = "id", .sum = "outside", .temperature = 0.5, .margin = 0.4};

struct objective {
    struct ntxent *ntxent; /* the plain case; else NULL */
    struct contrast *contrast;
    bool said; /* that no label is known */
};

static bool is(const char *option, const char *value)
{
    return option != NULL && strcmp(option, value) == 0;
}

static void refuse(const struct cli_tool *tool, const char *option)
{
    if (cli_given(tool, option))
        die(ERR_MISUSE, "--%s has no use with --loss %s%s", option, objective.loss,
            is(option, "margin") && is(objective.loss, "nt-logistic") ? " without --semi-hard"
                                                                      : "");
}

void objective_check(const struct cli_tool *tool)
{
    struct objective_options *const o = &objective;
    const bool triplet = is(o->loss, "margin-triplet"), pairs = is(o->loss, "nt-logistic");
    if (!is(o->loss, "ntxent")) {
        refuse(tool, "sum-positives");
        o->sum = NULL;
    }
    if (!triplet && !pairs)
        refuse(tool, "semi-hard");
    if (triplet) {
        refuse(tool, "temperature");
        o->temperature = NAN;
    }
    if (!triplet && !o->semi_hard) {
        refuse(tool, "margin");
        o->margin = NAN;
    }
    if (o->semi_hard && o->margin == 0)
        die(ERR_MISUSE, "--semi-hard needs a --margin above 0: no negative is within 0");
}

static struct anchor_rule rule(void)
{
    const struct objective_options *const o = &objective;
    return (struct anchor_rule){.loss = is(o->loss, "dcl")              ? ANCHOR_DECOUPLED
                                        : is(o->loss, "nt-logistic")    ? ANCHOR_LOGISTIC
                                        : is(o->loss, "margin-triplet") ? ANCHOR_TRIPLET
                                        : is(o->sum, "inside")          ? ANCHOR_INSIDE
                                                                        : ANCHOR_OUTSIDE,
        .semi_hard = o->semi_hard,
        .temperature = o->temperature,
        .margin = o->margin};
}

struct objective *objective_new(int p, struct parallel *parallel)
{
    struct err err = {0};
    const struct anchor_rule chosen = rule();
    struct objective *const o = calloc(1, sizeof *o);
    if (o == NULL)
        die(ERR_FAILED, "cannot allocate memory for the loss");
    bool dense = true;
    if (chosen.loss == ANCHOR_OUTSIDE && is(objective.positives, "id")) {
        o->ntxent = ntxent_new(p, objective.temperature, false, parallel, &err);
        dense = o->ntxent != NULL && ntxent_dense(o->ntxent);
    } else
        o->contrast = contrast_new(p, &chosen, parallel, &err);
    if (err.status != ERR_NONE || (dense && gemm_init(&err) < 0))
        die_err(&err);
    return o;
}

void objective_free(struct objective *o)
{
    if (o == NULL)
        return;
    ntxent_free(o->ntxent);
    contrast_free(o->contrast);
    free(o);
}

/* Labels that nobody knows are most often a mistake. */
static void look_for_labels(struct objective *o, const struct gather *g)
{
    if (o->said || cli_common.quiet)
        return;
    o->said = true;
    for (int i = 0; i < g->rows; i++)
        if (g->label[i] >= 0)
            return;
    warn("step %lld: no label is known: positives are the views of a picture", (long long)g->step);
    warn("hint: pictures in a folder for each class have labels");
}

int objective_step(struct objective *o, struct ntxent_result *out, const struct gather *g,
    bool backward, struct err *err)
{
    const int64_t *const view = g->view_column >= 0 ? g->view : NULL;
    if (o->ntxent == NULL) {
        if (g->labels)
            look_for_labels(o, g);
        return contrast_step(o->contrast, out, backward ? g->grad : NULL, g->z, g->id,
            g->labels ? g->label : NULL, view, g->rows, err);
    }
    if (ntxent_forward(o->ntxent, out, g->z, g->id, view, g->rows, err) < 0)
        return -1;
    if (backward)
        ntxent_backward(o->ntxent, g->grad);
    return 0;
}

bool objective_flat(const struct ntxent_result *r)
{
    return !objective.semi_hard && r->baseline > r->floor &&
           fabs(r->loss - r->baseline) <= 0.01 * r->baseline;
}
