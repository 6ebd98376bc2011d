/* stage -- the step loop of a training stage: parts in, outputs on, gradients back, update.
 * SPDX-License-Identifier: MIT */
#include "lib/train/stage.h"

#include "lib/train/joint.h"
#include "lib/train/tapes.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct stage {
    struct stage_options o;
    const struct header *in_header;
    int in_column, out_column;
    int *source; /* [output columns] column of the input passed on; -1: computed */
    struct writer *writer, *grad_writer;
    struct feed *grad;
    int grad_column; /* -1 until the first gradient has come */

    struct record **part; /* [part_room] of the step under way, on loan from the feed */
    int part_room;
    struct joint *joint;  /* the parts run together; NULL: one by one, on these: */
    struct tapes *tapes;  /* for them */
    float *out, *grad_in; /* [rows, widths] */
    int rows;             /* of the largest part so far */
    struct field *field;  /* [output columns] of the record being written */
    int64_t next_step;    /* the least that the next record may have */
    int64_t done;         /* updates, counted as steps of the plan */
    int64_t due;          /* steps that are over when the saver is called next */
    struct stage_account account;
};

/* ---- making ----------------------------------------------------------------------------------- */

static int match_columns(struct stage *s, struct err *err)
{
    const struct header *const out = s->o.output_header;
    s->in_column = header_find(s->in_header, s->o.input_column);
    s->out_column = header_find(out, s->o.output_column);
    for (int i = 0; i < out->columns; i++)
        s->source[i] = i == s->out_column ? -1 : header_find(s->in_header, out->column[i].name);
    if (s->in_column < 0 || s->out_column < 0)
        return err_set(err, ERR_INPUT, "there is no column '%s'",
            s->in_column < 0 ? s->o.input_column : s->o.output_column);
    const struct column *const in = &s->in_header->column[s->in_column];
    return in->varies || s->o.model.size(s->o.model.self, in->shape, err) >= 0 ? 0 : -1;
}

static int make_joint(struct stage *s, struct err *err)
{
    const struct joint_options options = {
        &s->o.model, s->o.memory, s->o.scratch, s->o.least_rows, s->o.grad_out != NULL};
    s->joint = joint_new(&options, err);
    return s->joint == NULL ? -1 : joint_check(s->joint, s->in_header, s->in_column, err);
}

/* The least number of steps beyond `step` after which weights are saved. */
static int64_t next_due(const struct stage *s, int64_t step)
{
    const struct plan *const plan = &s->in_header->plan;
    const int64_t every = s->o.saver->every;
    if (step >= plan->steps)
        return INT64_MAX;
    const int64_t stride = every < plan->epochs ? every * plan->steps_per_epoch : plan->steps;
    const int64_t last = step / stride * stride;
    return stride < plan->steps - last ? last + stride : plan->steps;
}

struct stage *stage_new(const struct stage_options *options, struct err *err)
{
    struct stage *const s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_memory(err, "a training stage");
        channel_abandon(options->grad);
        return NULL;
    }
    s->o = *options;
    s->next_step = s->done = options->start_step;
    s->grad_column = -1;
    s->in_header = feed_header(options->input, err);
    const size_t columns = (size_t)options->output_header->columns;
    s->source = calloc(columns, sizeof *s->source);
    s->field = calloc(columns, sizeof *s->field);
    if (s->source == NULL || s->field == NULL)
        err_memory(err, "columns");
    if (err->status == ERR_NONE && s->in_header->plan.steps == 0) {
        err_set(err, ERR_INPUT, "input has no plan: it is no training run");
        err_hint(err, "simclr-images --epochs makes one");
    }
    if (err->status == ERR_NONE && options->saver != NULL && options->start_step > 0)
        s->due = next_due(s, options->start_step);
    if (err->status == ERR_NONE && match_columns(s, err) == 0 && options->whole_step)
        make_joint(s, err);
    else if (err->status == ERR_NONE)
        s->tapes = tapes_new(&s->o.model, options->memory, err);
    if (err->status == ERR_NONE)
        s->writer = writer_new(options->output, options->level, options->output_header, err);
    if (err->status == ERR_NONE)
        s->grad = feed_new(options->grad, false, err);
    if (err->status == ERR_NONE && options->grad_out != NULL) /* at once: a sign of life */
        s->grad_writer =
            writer_new(options->grad_out, options->level, options->grad_out_header, err);
    if (err->status != ERR_NONE) {
        if (s->grad == NULL)
            channel_abandon(options->grad);
        stage_free(s);
        return NULL;
    }
    return s;
}

void stage_free(struct stage *s)
{
    if (s == NULL)
        return;
    tapes_free(s->tapes);
    joint_free(s->joint);
    free(s->out);
    free(s->grad_in);
    feed_free(s->grad);
    writer_free(s->writer);
    writer_free(s->grad_writer);
    free(s->part);
    free(s->source);
    free(s->field);
    free(s);
}

/* Outputs and gradients of the largest part so far. */
static int make_rows(struct stage *s, int rows, struct err *err)
{
    const struct model *const model = &s->o.model;
    if (rows <= s->rows)
        return 0;
    free(s->out);
    free(s->grad_in);
    s->grad_in = NULL;
    s->out = malloc((size_t)rows * (size_t)model->out_width * sizeof *s->out);
    if (s->o.grad_out != NULL)
        s->grad_in = malloc((size_t)rows * (size_t)model->in_floats * sizeof *s->grad_in);
    if (s->out == NULL || (s->o.grad_out != NULL && s->grad_in == NULL))
        return err_memory(err, "the rows of a part");
    s->rows = rows;
    return 0;
}

static int make_parts(struct stage *s, const struct record *first, struct err *err)
{
    if (first->parts > s->part_room) {
        struct record **const grown = realloc(s->part, (size_t)first->parts * sizeof *grown);
        if (grown == NULL)
            return err_memory(err, "the parts of a step");
        s->part = grown;
        s->part_room = first->parts;
    }
    return 0;
}

/* ---- forward ---------------------------------------------------------------------------------- */

/* Pass a part on: the columns that came, and `out` in place of the one that was consumed. */
static int write_part(struct stage *s, const struct record *in, float *out, struct err *err)
{
    const struct field made = {.data = out};
    for (int i = 0; i < s->o.output_header->columns; i++)
        s->field[i] = s->source[i] < 0 ? made : in->field[s->source[i]];
    struct record record = *in;
    record.field = s->field;
    record.fields = s->o.output_header->columns;
    return writer_record(s->writer, &record, err);
}

static int forward_part(struct stage *s, struct record *in, struct err *err)
{
    if (in->rows < s->o.least_rows)
        return err_set(err, ERR_INPUT,
            "step %lld, part %d has %d row: batch norm needs %d for its statistics",
            (long long)in->step, in->part, in->rows, s->o.least_rows);
    const struct model *const model = &s->o.model;
    const int *const shape = record_shape(s->in_header, in, s->in_column);
    const int size = model->size(model->self, shape, err);
    if (size < 0)
        return -1;
    s->part[in->part] = in;
    if (make_rows(s, in->rows, err) < 0 || tapes_add(s->tapes, size, in->rows, err) < 0)
        return -1;
    s->account.tape_bytes = tapes_bytes(s->tapes);
    void *const tape = tapes_claim(s->tapes, in->part);
    model->forward(model->self, tape, s->out, in->field[s->in_column].data, in->rows, MODEL_TRAIN);
    if (write_part(s, in, s->out, err) < 0)
        return -1;
    feed_fold(s->o.input, in);
    return 0;
}

/* ---- backward --------------------------------------------------------------------------------- */

static bool all_finite(const float *x, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(x[i]))
        i++;
    return i == n;
}

/* The gradient of a part: the same step, part and number of rows as what was sent. */
static int take_gradient(
    struct stage *s, const struct record *in, struct record **out, struct err *err)
{
    const int got = feed_next(s->grad, out, NULL, err);
    if (got < 0)
        return -1;
    if (got == 0)
        return err_set(err, ERR_INPUT, "gradients end before step %lld", (long long)in->step);
    const struct header *const header = feed_header(s->grad, err);
    if (s->grad_column < 0) {
        s->grad_column = header_need(header, "grad", DTYPE_F32, 1, "gradients", err);
        if (s->grad_column < 0)
            return -1;
        if (header->column[s->grad_column].shape[0] != s->o.model.out_width)
            return err_set(err, ERR_INPUT, "gradients are %d wide, the output is %d wide",
                header->column[s->grad_column].shape[0], s->o.model.out_width);
    }
    const struct record *const g = *out;
    if (g->step != in->step || g->part != in->part || g->parts != in->parts || g->rows != in->rows)
        return err_set(err, ERR_INPUT,
            "gradient of step %lld, part %d of %d, %d rows came for step %lld, part %d of %d, %d "
            "rows",
            (long long)g->step, g->part, g->parts, g->rows, (long long)in->step, in->part,
            in->parts, in->rows);
    /* A dead ReLU would hide it, and a head without weights pass it on. */
    const size_t floats = (size_t)g->rows * (size_t)s->o.model.out_width;
    if (!all_finite(g->field[s->grad_column].data, floats))
        return err_set(err, ERR_FAILED,
            "the gradient of step %lld, part %d holds a number that is not finite",
            (long long)g->step, g->part);
    return 0;
}

/* Send the gradient of a part's input to whoever sent it. */
static int write_gradient(struct stage *s, const struct record *in, float *grad_in, struct err *err)
{
    struct field field = {.data = grad_in};
    struct record record = *in;
    record.field = &field;
    record.fields = 1;
    return writer_record(s->grad_writer, &record, err);
}

/* In the forward pass this was: out = forward(in), written by write_part(). */
static int backward_part(struct stage *s, struct record *in, struct err *err)
{
    const struct model *const model = &s->o.model;
    struct record *gradient;
    if (take_gradient(s, in, &gradient, err) < 0 || feed_unfold(s->o.input, in, err) < 0)
        return -1;
    const void *const data = in->field[s->in_column].data;
    void *tape = tapes_held(s->tapes, in->part);
    if (tape == NULL) {
        tape = tapes_claim(s->tapes, in->part);
        model->forward(model->self, tape, s->out, data, in->rows, MODEL_REPEAT);
        s->account.repeated++;
    }
    model->backward(
        model->self, tape, s->grad_in, gradient->field[s->grad_column].data, data, in->rows);
    feed_return(s->grad, gradient);
    feed_fold(s->o.input, in);
    return s->o.grad_out == NULL ? 0 : write_gradient(s, in, s->grad_in, err);
}

/* ---- steps ------------------------------------------------------------------------------------ */

/* A part that waits for the others of its step. */
static int join_part(struct stage *s, struct record *in, struct err *err)
{
    const struct model *const model = &s->o.model;
    const int size = model->size(model->self, record_shape(s->in_header, in, s->in_column), err);
    if (size < 0)
        return -1;
    s->part[in->part] = in;
    return joint_add(s->joint, in->field[s->in_column].data,
        record_row_bytes(s->in_header, in, s->in_column), size, in->rows, in->step, err);
}

static int forward_joint(struct stage *s, const struct record *first, struct err *err)
{
    if (joint_forward(s->joint, first->step, err) < 0)
        return -1;
    s->account.tape_bytes = joint_bytes(s->joint);
    s->account.spilt_bytes = joint_spilt(s->joint);
    for (int i = 0; i < first->parts; i++) {
        if (write_part(s, s->part[i], joint_rows(s->joint, i), err) < 0)
            return -1;
        feed_fold(s->o.input, s->part[i]);
    }
    return 0;
}

/* In the forward pass this was: out = forward(all parts). */
static int backward_joint(struct stage *s, int parts, struct err *err)
{
    for (int i = 0; i < parts; i++) {
        struct record *gradient;
        if (take_gradient(s, s->part[i], &gradient, err) < 0)
            return -1;
        memcpy(joint_rows(s->joint, i), gradient->field[s->grad_column].data,
            (size_t)gradient->rows * (size_t)s->o.model.out_width * sizeof(float));
        feed_return(s->grad, gradient);
    }
    joint_backward(s->joint);
    for (int i = 0; i < parts && s->o.grad_out != NULL; i++)
        if (write_gradient(s, s->part[i], joint_input_gradient(s->joint, i), err) < 0)
            return -1;
    return 0;
}

static int forward_step(struct stage *s, struct record *first, struct err *err)
{
    if (make_parts(s, first, err) < 0)
        return -1;
    if (s->joint != NULL)
        joint_begin(s->joint);
    else
        tapes_begin(s->tapes);
    for (int i = 0; i < first->parts; i++) {
        struct record *in = first;
        const int got = i == 0 ? 1 : feed_next(s->o.input, &in, NULL, err);
        if (got < 1) /* END within a step is refused by the reader */
            return -1;
        if ((s->joint != NULL ? join_part(s, in, err) : forward_part(s, in, err)) < 0)
            return -1;
        s->account.rows += in->rows;
    }
    return s->joint != NULL ? forward_joint(s, first, err) : 0;
}

static int backward_step(struct stage *s, int parts, struct err *err)
{
    if (s->joint != NULL)
        return backward_joint(s, parts, err);
    for (int i = 0; i < parts; i++)
        if (backward_part(s, s->part[i], err) < 0)
            return -1;
    return 0;
}

/* `step` steps of the plan are over: the weights are those at the end of every epoch up to there. */
static int save_epochs(struct stage *s, int64_t step, struct err *err)
{
    const struct stage_saver *const saver = s->o.saver;
    while (saver != NULL && s->due <= step) {
        const int64_t epoch = s->due / s->in_header->plan.steps_per_epoch;
        if (saver->save(saver->self, epoch, s->due, err) < 0)
            return -1;
        s->due = next_due(s, s->due);
    }
    return 0;
}

/* The rest of a step whose first part has come. */
static int run_step(struct stage *s, struct record *first, struct err *err)
{
    const int64_t step = first->step;
    const int parts = first->parts;
    if (step < s->next_step || (s->account.steps == 0 && step != s->next_step)) {
        err_set(err, ERR_INPUT, "step %lld comes where step %lld is due", (long long)step,
            (long long)s->next_step);
        return err_hint(err, "--start-step must be the same in the source and in every stage");
    }
    if (save_epochs(s, step, err) < 0) /* steps without a picture are not sent */
        return -1;
    if (forward_step(s, first, err) < 0 || backward_step(s, parts, err) < 0)
        return -1;
    for (int i = 0; i < parts; i++) /* from here on the feed fills them anew */
        feed_return(s->o.input, s->part[i]);
    if (optimizer_step(s->o.optimizer, schedule_rate(&s->o.schedule, step), step, err) < 0)
        return -1;
    s->o.model.refresh(s->o.model.self);
    s->done = s->next_step = step + 1;
    s->account.steps++;
    if (save_epochs(s, s->done, err) < 0)
        return -1;
    if (s->o.state != NULL && s->o.checkpoint_every > 0 && s->done % s->o.checkpoint_every == 0)
        return state_save(s->o.state, s->done, err);
    return 0;
}

/* Stop where we are, between two steps, so that the same command can go on from here. */
static int stop(struct stage *s, struct err *err)
{
    struct err failed = {0};
    if (state_save(s->o.state, s->done, &failed) < 0) {
        *err = failed;
        return -1;
    }
    *err = (struct err){0};
    return err_set(err, ERR_STOPPED, "stopped after %lld steps, state saved", (long long)s->done);
}

/* END has come: END to the next stage, then END from the gradients. */
static int end(struct stage *s, struct err *err)
{
    struct record *gradient;
    if (writer_end(s->writer, err) < 0)
        return -1;
    const int got = feed_next(s->grad, &gradient, NULL, err);
    if (got > 0)
        return err_set(err, ERR_INPUT, "gradients go on after the last step");
    if (got == 0 && feed_more(s->o.input))
        return err_set(err, ERR_INPUT, "a second stream follows the first: training takes one");
    return got < 0 ? -1 : save_epochs(s, s->in_header->plan.steps, err);
}

static int run(struct stage *s, struct err *err)
{
    const bool can_stop = s->o.state != NULL;
    const bool first = s->o.grad_out == NULL;
    if (save_epochs(s, s->o.start_step, err) < 0)
        return -1;
    for (;;) {
        struct record *in;
        const int got = feed_next(s->o.input, &in, can_stop && first ? s->o.stop : NULL, err);
        if (got == 0)
            return end(s, err);
        if (got < 0) {
            const bool asked = can_stop && s->o.stop != NULL && *s->o.stop != 0;
            return asked && (err->status == ERR_STOPPED || feed_cut(s->o.input)) ? stop(s, err)
                                                                                 : -1;
        }
        if (run_step(s, in, err) < 0)
            return -1;
    }
}

int stage_run(struct stage *s, struct stage_account *account, struct err *err)
{
    const int status = run(s, err);
    s->account.input_wait = feed_waited(s->o.input);
    s->account.grad_wait = feed_waited(s->grad);
    s->account.output_wait = channel_waited(s->o.output);
    if (s->o.grad_out != NULL)
        s->account.output_wait += channel_waited(s->o.grad_out);
    *account = s->account;
    return status;
}

int stage_close(struct stage *s, struct err *err)
{
    if (s->o.grad_out == NULL)
        return 0;
    if (writer_end(s->grad_writer, err) < 0)
        return -1;
    return channel_finish(s->o.grad_out, err);
}
