/* descent -- a linear classifier by stochastic gradient descent, on views as they stream by.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/descent.h"

#include "lib/base/arena.h"
#include "lib/eval/multinomial.h"
#include "lib/train/schedule.h"
#include "lib/train/sgd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHTS = 1 << 26 }; /* at most: a header must not cost more memory than that */
static const double MOMENTUM = 0.9;

struct descent {
    struct multinomial m;
    struct features window; /* the rows of one record */
    struct features *train;
    const struct descent_options *options;
    struct schedule schedule;
    size_t weights, numbers; /* L*D, L*(D+1): W, then b */
    double *x, *sum;         /* [numbers] parameters and gradient, as the objective has them */
    float *w, *v, *g;        /* [numbers] and as the update does: parameters, velocity, gradient */
    int *index, *row;        /* [room] classes of the rows of a record, and which are labelled */
    int room;
    struct arena arena;

    struct descent_epoch now; /* sums so far */
    int rows;                 /* of this step, labelled */
    int64_t next;             /* step that is due */
};

/* ---- what the header says --------------------------------------------------------------------- */

int64_t descent_steps(const struct features *train, struct err *err)
{
    const struct plan *const plan = &train->header->plan;
    if (plan->steps > 0)
        return plan->steps;
    err_set(err, ERR_INPUT, "'%s' has no plan of epochs and steps to descend by", train->source);
    return err_hint(err, "simclr-images --epochs N --batch N --shuffle makes one");
}

static int count_classes(const struct features *train, struct err *err)
{
    json_t *const dataset = header_get(train->header, "dataset");
    const json_t *const entry = json_object_get(dataset, "classes");
    const json_int_t classes = json_integer_value(entry);
    json_decref(dataset);
    if (classes >= 2 && classes <= FEATURES_LABELS && train->width > WEIGHTS / (int)classes)
        return err_set(err, ERR_INPUT, "'%s' has %d classes of %d features: more than %d weights",
            train->source, (int)classes, train->width, WEIGHTS);
    if (classes >= 2 && classes <= FEATURES_LABELS)
        return (int)classes;
    if (classes > FEATURES_LABELS)
        return err_set(err, ERR_INPUT, "'%s' has %lld classes: more than %d", train->source,
            (long long)classes, FEATURES_LABELS);
    return err_set(err, ERR_INPUT,
        classes == 1 ? "'%s' has a single class: nothing to tell apart"
                     : "the header of '%s' does not say how many classes there are",
        train->source);
}

/* ---- one step --------------------------------------------------------------------------------- */

static int make_room(struct descent *d, int rows, struct err *err)
{
    if (rows <= d->room)
        return 0;
    free(d->index);
    free(d->row);
    d->index = malloc((size_t)rows * sizeof *d->index);
    d->row = malloc((size_t)rows * sizeof *d->row);
    d->room = d->index != NULL && d->row != NULL ? rows : 0;
    return d->room > 0 ? 0 : err_memory(err, "labels");
}

/* The labelled rows of a record: d->row, d->index. */
static int take_labels(struct descent *d, const struct record *record, struct err *err)
{
    const int64_t *const label = record->field[header_find(d->train->header, "label")].data;
    if (make_room(d, record->rows, err) < 0)
        return -1;
    d->m.rows = 0;
    for (int i = 0; i < record->rows; i++) {
        if (label[i] < -1 || label[i] >= d->m.classes)
            return err_set(err, ERR_INPUT,
                "label %lld in '%s' (step %lld, row %d) is not within 0 .. %d, nor -1",
                (long long)label[i], d->train->source, (long long)record->step, i,
                d->m.classes - 1);
        d->index[i] = (int)label[i];
        if (label[i] >= 0)
            d->row[d->m.rows++] = i;
        else
            d->train->unlabelled++;
    }
    d->m.row = d->row;
    d->m.index = d->index;
    return 0;
}

/* The part of a step: its gradient is added to d->sum. */
static int add_part(struct descent *d, const struct record *record, struct err *err)
{
    const int column = header_find(d->train->header, d->train->column);
    void *const data = record->field[column].data;
    const bool bytes = d->train->header->column[column].dtype == DTYPE_U8;
    if (record->part == 0 && record->step != d->next)
        return err_set(err, ERR_INPUT, "step %lld of '%s' comes where step %lld is due",
            (long long)record->step, d->train->source, (long long)d->next);
    if (!bytes && features_finite(
                      data, record->rows, d->window.width, record->step, d->train->source, err) < 0)
        return -1;
    if (take_labels(d, record, err) < 0)
        return -1;
    d->window.rows = record->rows;
    d->window.value = bytes ? NULL : data;
    d->window.byte = bytes ? data : NULL;
    int right = 0;
    const double loss = multinomial_add(&d->m, d->sum, &right, d->x);
    if (!isfinite(loss))
        return err_set(err, ERR_FAILED, "the loss of step %lld is %s", (long long)record->step,
            isnan(loss) ? "not a number" : "infinite");
    d->rows += d->m.rows;
    d->now.rows += d->m.rows;
    d->now.right += right;
    d->now.loss += loss;
    return 0;
}

static void update(struct descent *d, int64_t step)
{
    const double rate = schedule_rate(&d->schedule, step), l2 = d->options->l2;
    const size_t w = d->weights;
    for (size_t i = 0; i < d->numbers && d->rows > 0; i++)
        d->g[i] = (float)(d->sum[i] / d->rows);
    if (d->rows > 0) {
        sgd_update(d->w, d->v, d->g, w, rate, MOMENTUM, l2, true);
        sgd_update(d->w + w, d->v + w, d->g + w, d->numbers - w, rate, MOMENTUM, 0, true);
    }
    for (size_t i = 0; i < d->numbers; i++)
        d->x[i] = d->w[i];
    memset(d->sum, 0, d->numbers * sizeof *d->sum);
    d->rows = 0;
}

/* ---- the run ---------------------------------------------------------------------------------- */

static void end_epoch(struct descent *d, struct descent_report *report)
{
    if (d->now.rows > 0) {
        d->now.loss /= (double)d->now.rows;
        report->last = d->now;
        if (d->options->epoch != NULL)
            d->options->epoch(&d->now);
    }
    d->now = (struct descent_epoch){0};
}

static int run(struct descent *d, struct descent_report *report, struct err *err)
{
    struct record record = {0};
    int more, status = 0;
    char note[60] = "";
    while (status == 0 && (more = reader_record(d->train->reader, &record, err)) != 0) {
        if (more > 0 && record.epoch != d->now.epoch && record.part == 0)
            end_epoch(d, report);
        d->now.epoch = record.epoch;
        if (more < 0 || add_part(d, &record, err) < 0) {
            status = -1;
        } else if (record.part == record.parts - 1) {
            update(d, record.step);
            d->next++;
            if (d->now.rows > 0)
                snprintf(note, sizeof note, "epoch %lld, loss %.4f", (long long)record.epoch + 1,
                    d->now.loss / (double)d->now.rows);
            if (d->options->progress != NULL)
                d->options->progress(d->next, note);
        }
    }
    if (status == 0)
        end_epoch(d, report);
    record_free(&record);
    report->steps = d->next;
    return status;
}

/* END was read. Was that all, and all of it? */
static int check_end(struct descent *d, const struct descent_report *report, struct err *err)
{
    const int64_t steps = d->train->header->plan.steps;
    const char *const source = d->train->source;
    const int more = reader_more(d->train->reader, err);
    if (more != 0)
        return more < 0
                   ? -1
                   : err_set(err, ERR_INPUT,
                         "'%s' goes on behind its end: concatenated streams are no run", source);
    if (d->next != steps)
        return err_set(err, ERR_INPUT, "'%s' ends after %lld of %lld steps", source,
            (long long)d->next, (long long)steps);
    if (report->last.rows == 0)
        return err_set(err, ERR_INPUT, "none of the %lld rows of '%s' has a label",
            (long long)d->train->unlabelled, source);
    for (size_t i = 0; i < d->numbers; i++)
        if (!isfinite(d->w[i]))
            return err_set(
                err, ERR_FAILED, "a weight is not finite after step %lld", (long long)d->next - 1);
    return 0;
}

static void layout(struct descent *d)
{
    d->x = arena_take(&d->arena, d->numbers, sizeof *d->x);
    d->sum = arena_take(&d->arena, d->numbers, sizeof *d->sum);
    d->w = arena_take(&d->arena, d->numbers, sizeof *d->w);
    d->v = arena_take(&d->arena, d->numbers, sizeof *d->v);
    d->g = arena_take(&d->arena, d->numbers, sizeof *d->g);
}

static int prepare(struct descent *d, int classes, struct parallel *parallel, struct err *err)
{
    const struct plan *const plan = &d->train->header->plan;
    const int views = plan->views > 1 ? plan->views : 1;
    const int batch = plan->batch < INT32_MAX / views ? plan->batch * views : INT32_MAX;
    d->window = (struct features){.source = d->train->source, .width = d->train->width};
    if (multinomial_batches(&d->m, &d->window, classes, batch, parallel, err) < 0)
        return -1;
    d->numbers = multinomial_size(&d->m);
    d->weights = d->numbers - (size_t)classes;
    d->schedule = schedule_make(
        d->options->rate, "linear", plan->batch, 0, plan->steps_per_epoch, plan->steps);
    layout(d);
    if (arena_alloc(&d->arena, "the classifier", err) < 0)
        return -1;
    layout(d); /* zeros: so the layer begins */
    return 0;
}

static int hand_out(struct classifier *out, const struct descent *d, struct err *err)
{
    if (classifier_make(out, d->m.classes, d->window.width, d->train->column, err) < 0)
        return -1;
    memcpy(out->weight, d->w, d->weights * sizeof *d->w);
    memcpy(out->bias, d->w + d->weights, (d->numbers - d->weights) * sizeof *d->w);
    for (int l = 0; l < d->m.classes; l++)
        out->label[l] = l;
    out->names = json_incref(d->train->names);
    return 0;
}

int descent_fit(struct classifier *out, struct descent_report *report, struct features *train,
    const struct descent_options *options, struct parallel *parallel, struct err *err)
{
    struct descent d = {.train = train, .options = options};
    *out = (struct classifier){0};
    *report = (struct descent_report){0};
    const int classes = descent_steps(train, err) < 0 ? -1 : count_classes(train, err);
    const bool failed = classes < 0 || prepare(&d, classes, parallel, err) < 0 ||
                        run(&d, report, err) < 0 || check_end(&d, report, err) < 0 ||
                        hand_out(out, &d, err) < 0;
    multinomial_free(&d.m);
    arena_free(&d.arena);
    free(d.index);
    free(d.row);
    if (failed)
        classifier_free(out);
    return failed ? -1 : 0;
}
