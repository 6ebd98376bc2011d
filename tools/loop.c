/* loop -- simclr-linprobe as the last stage of a training run.
 *
 * The order within a step: the line of the log, then the gradient (who has that may count on the line),
 * then the update, while the stages before this one go backward, then the checkpoint.
 * SPDX-License-Identifier: MIT */
#include "tools/loop.h"

#include "lib/eval/classifier.h"
#include "lib/nn/gemm.h"
#include "lib/objective/gather.h"
#include "lib/train/optimizer.h"
#include "lib/train/schedule.h"
#include "lib/train/state.h"
#include "lib/train/supervised.h"
#include "tools/account.h"
#include "tools/die.h"
#include "tools/forecast.h"
#include "tools/progress.h"
#include "tools/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loop_options loop = {.rate = NAN, .seed = -1};

struct session {
    struct channel *in, *grad, *log;
    struct reader *reader;
    const struct header *header;
    const char *column;
    struct parallel *parallel;
    struct gather gather;
    struct supervised *supervised;
    struct optimizer *optimizer;
    struct schedule schedule;
    struct state state;
    struct writer *writer; /* of gradients */
    struct header *sent;   /* their header */
    struct forecast forecast;
    int64_t done;                  /* updates, counted as steps of the plan */
    int64_t steps, rows, labelled; /* of this start */
    char digest[65];               /* of the weights at the start */
    bool watched; /* standard output is a terminal: no progress line among the lines */
};

/* ---- options ---------------------------------------------------------------------------------- */

/* Those of simclr-linprobe that have a meaning only here, and those that have one here too. */
static const char *const own[] = {"optimizer", "lr-scaling", "weight-decay", "momentum", "nesterov",
    "warmup-epochs", "classes", "zero-init", "state", "checkpoint-every", "start-step", "forecast",
    NULL};
static const char *const shared[] = {"grad-out", "column", "learning-rate", "seed", "save",
    "weights", "input", "threads", "level", "quiet", "verbose", NULL};

static bool among(const char *const *list, const char *name)
{
    while (*list != NULL && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

void loop_refuse(const struct cli_tool *tool)
{
    for (const char *const *name = own; *name != NULL; name++)
        if (cli_given(tool, *name))
            die(ERR_MISUSE, "--%s goes with --grad-out", *name);
}

json_t *loop_arguments(const struct cli_tool *tool, bool in_loop)
{
    json_t *const arguments = cli_arguments(tool);
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (in_loop ? !among(own, o->name) && !among(shared, o->name) : among(own, o->name))
            json_object_del(arguments, o->name);
    return arguments;
}

void loop_check(const struct cli_tool *tool, const char *operand)
{
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (o->given && !among(own, o->name) && !among(shared, o->name))
            die(ERR_MISUSE, "--%s does not go with --grad-out", o->name);
    training.train = true;
    training.rate = isnan(loop.rate) ? training.rate : loop.rate;
    training.seed = loop.seed;
    training_check_state();
    training_check_files(operand);
}

/* ---- ends ------------------------------------------------------------------------------------- */

static void tell(const struct session *s)
{
    const struct account account = {
        channel_waited(s->in), -1, channel_waited(s->log) + channel_waited(s->grad)};
    account_tell(s->steps, s->rows, "rows", &account);
}

/* After a signal a neighbour that leaves is the stop that was asked for: save, so that the same command
 * can go on from here. */
static _Noreturn void leave(const struct session *s, const struct err *err)
{
    struct err stopped = {.status = ERR_STOPPED}, failed = {0};
    const bool left = err->status == ERR_READER_GONE || reader_cut(s->reader);
    if (stop_requested == 0 || !left || training.state == NULL)
        die_err(err);
    if (channel_sync(s->log, &failed) < 0 || state_save(&s->state, s->done, &failed) < 0)
        die_err(&failed);
    tell(s);
    die_err(&stopped);
}

/* ---- the log ---------------------------------------------------------------------------------- */

static void write_log(const struct session *s, const char *text, int length)
{
    struct err err = {0};
    if (channel_write(s->log, text, (size_t)length, &err) < 0)
        leave(s, &err);
}

static void begin_log(const struct session *s)
{
    static const char head[] = "step\tepoch\tloss\taccuracy\tlabelled\n";
    struct stat status;
    const bool known = fstat(STDOUT_FILENO, &status) == 0;
    if (!known || !S_ISREG(status.st_mode) || status.st_size == 0) /* else: a run that goes on */
        write_log(s, head, sizeof head - 1);
}

static void log_step(const struct session *s, const struct softmax_result *r)
{
    char line[200];
    const double accuracy = r->rows > 0 ? (double)r->right / r->rows : 0;
    const int length = snprintf(line, sizeof line, "%lld\t%lld\t%.9g\t%.9g\t%d\n",
        (long long)s->gather.step, (long long)s->gather.epoch, r->loss, accuracy, r->rows);
    write_log(s, line, length);
}

/* ---- steps ------------------------------------------------------------------------------------ */

static void check_step(const struct session *s)
{
    struct err err = {0};
    const long long step = s->gather.step, due = s->done;
    if (step == due || (step > due && s->steps > 0)) /* one without a readable picture is missing */
        return;
    err_set(&err, ERR_INPUT, "step %lld comes where step %lld is due", step, due);
    err_hint(&err, "--start-step must be the same in the source and in every stage");
    die_err(&err);
}

static void one_step(struct session *s)
{
    struct err err = {0};
    struct softmax_result r;
    struct gather *const g = &s->gather;
    char note[40];
    check_step(s);
    if (supervised_step(s->supervised, &r, g->grad, g->z, g->label, g->rows, &err) < 0)
        die(err.status, "step %lld: %s", (long long)g->step, err.text);
    log_step(s, &r);
    const int64_t done = g->step + 1, every = training.checkpoint_every;
    const bool checkpoint = every > 0 && done % every == 0;
    if (checkpoint && channel_sync(s->log, &err) < 0)
        leave(s, &err);
    if (gather_send(g, s->writer, &err) < 0)
        leave(s, &err);
    if (optimizer_step(s->optimizer, schedule_rate(&s->schedule, g->step), g->step, &err) < 0)
        die_err(&err);
    s->done = done;
    if (checkpoint && state_save(&s->state, done, &err) < 0)
        die_err(&err);
    s->steps++;
    s->rows += g->rows;
    s->labelled += r.rows;
    snprintf(note, sizeof note, "loss %.4f", r.loss);
    forecast_step(&s->forecast, &s->header->plan, g->step);
    if (!s->watched)
        progress_update(done, note);
}

/* ---- before ----------------------------------------------------------------------------------- */

static int count_classes(const struct header *header)
{
    json_t *const dataset = header_get(header, "dataset");
    const json_int_t said = json_integer_value(json_object_get(dataset, "classes"));
    json_decref(dataset);
    if (said > 0 && loop.classes > 0 && said != loop.classes)
        die(ERR_MISUSE, "--classes is %d, 'input' has %lld", loop.classes, (long long)said);
    const json_int_t classes = said > 0 ? said : loop.classes;
    if (classes == 1)
        die(ERR_INPUT, "'input' has a single class: nothing to tell apart");
    if (classes > FEATURES_LABELS)
        die(ERR_INPUT, "'input' has %lld classes: more than %d", (long long)classes,
            FEATURES_LABELS);
    if (classes < 2) {
        struct err err = {0};
        err_set(&err, ERR_INPUT, "the header of 'input' does not say how many classes there are");
        err_hint(&err, "--classes N");
        die_err(&err);
    }
    return (int)classes;
}

/* --weights: of this kind, or fitted by --train. Its rows go where their labels say. */
static void take_weights(const struct params *params, int width, int classes)
{
    struct err err = {0};
    struct classifier begin;
    if (classifier_load(&begin, training.weights, &err) < 0)
        die_err(&err);
    if (begin.width != width)
        die(ERR_INPUT, "'%s' has %d features a row, 'input' has %d", training.weights, begin.width,
            width);
    const size_t bytes = (size_t)width * sizeof(float);
    for (int l = 0; l < begin.classes; l++) {
        const int label = begin.label[l];
        if (label >= classes)
            die(ERR_INPUT, "'%s' knows class %d, 'input' has %d classes", training.weights, label,
                classes);
        memcpy(params->param[0].value + (size_t)label * (size_t)width,
            begin.weight + (size_t)l * (size_t)width, bytes);
        params->param[1].value[label] = begin.bias[l];
    }
    classifier_free(&begin);
}

static void make_classifier(struct session *s, int classes)
{
    struct err err = {0};
    const int width = s->gather.p;
    const struct optimizer_options rule = {
        training.optimizer, training.momentum, training.decay, training.nesterov};
    const struct plan *const plan = &s->header->plan;
    s->supervised = supervised_new(width, classes, s->parallel, &err);
    if (s->supervised == NULL)
        die_err(&err);
    struct params *const params = supervised_params(s->supervised);
    supervised_init(s->supervised, training.seed, loop.zero || training.weights != NULL);
    if (training.weights != NULL)
        take_weights(params, width, classes);
    s->optimizer = optimizer_new(&rule, params, s->parallel, &err);
    struct tensor *const tensor = weights_tensors(params, &err);
    if (s->optimizer == NULL || tensor == NULL)
        die_err(&err);
    safetensors_digest(s->digest, params->count, tensor);
    free(tensor);
    s->schedule = schedule_make(training.rate, training.scaling, plan->batch,
        training.warmup_epochs, plan->steps_per_epoch, plan->steps);
}

/* Take up the state of --start-step. What must be the same: the options, and the weights it began
 * with, and how many pictures there are. `arguments` become the state's. */
static void take_state(struct session *s, struct cli_tool *tool, json_t *arguments)
{
    struct err err = {0};
    training_identify(arguments, s->header, s->digest);
    s->state = (struct state){training.state, tool->name, arguments, header_get(s->header, "plan"),
        gemm_version(), supervised_params(s->supervised), s->optimizer};
    s->done = training.start_step;
    if (training.start_step > 0 && state_load(&s->state, training.start_step, &err) < 0)
        die_err(&err);
}

static void open_input(struct session *s, const char *operand)
{
    struct err err = {0};
    s->in = cli_open(operand);
    s->reader = reader_new(s->in, STREAM_RECORD, &err);
    if (s->reader == NULL || reader_header(s->reader, &s->header, &err) < 1)
        die_err(&err);
    s->column = loop.column != NULL                ? loop.column
                : header_find(s->header, "h") >= 0 ? "h"
                : header_find(s->header, "z") >= 0 ? "z"
                                                   : "h";
    if (gather_labelled(&s->gather, s->header, s->column, "input", &err) < 0)
        die_err(&err);
    if (s->header->plan.steps == 0) {
        err_set(&err, ERR_INPUT, "input has no plan: it is no training run");
        err_hint(&err, "simclr-images --epochs makes one");
        die_err(&err);
    }
    training_defaults(s->header);
}

static struct header *gradient_header(
    const struct session *s, struct cli_tool *tool, const json_t *arguments)
{
    struct err err = {0};
    struct header *const out = header_new("gradients", &err);
    if (out == NULL || header_add(out, "grad", DTYPE_F32, 1, &s->gather.p, &err) < 0 ||
        header_set_plan(out, &s->header->plan, &err) < 0 ||
        header_provenance(out, tool->name, training.seed, arguments, s->digest, &err) < 0)
        die_err(&err);
    return out;
}

static void open_outputs(struct session *s)
{
    struct err err = {0};
    s->log = channel_create(NULL, &err);
    if (s->log == NULL)
        die_err(&err);
    s->watched = isatty(STDOUT_FILENO);
    s->forecast = forecast_open(loop.forecast);
    s->grad = cli_create(training.grad_out);
    channel_watch(s->grad, channel_fd(s->in));
    begin_log(s);
    s->writer = writer_new(s->grad, cli_common.level, s->sent, &err);
    if (s->writer == NULL)
        leave(s, &err);
}

/* ---- after ------------------------------------------------------------------------------------ */

static void save(const struct session *s, struct cli_tool *tool, const json_t *arguments)
{
    struct err err = {0};
    struct classifier made = {0};
    const struct param *const param = supervised_params(s->supervised)->param;
    const int classes = (int)param[0].shape[0];
    if (training.save == NULL)
        return;
    struct header *const header = header_copy(s->header, &err);
    if (header == NULL || classifier_make(&made, classes, s->gather.p, s->column, &err) < 0 ||
        header_provenance(header, tool->name, training.seed, arguments, s->digest, &err) < 0)
        die_err(&err);
    memcpy(made.weight, param[0].value, param[0].count * sizeof(float));
    memcpy(made.bias, param[1].value, param[1].count * sizeof(float));
    for (int l = 0; l < classes; l++)
        made.label[l] = l;
    made.layer = "fc";
    json_t *const dataset = header_get(header, "dataset"), *const run = header_get(header, "run");
    made.names = json_incref(json_object_get(dataset, "class_names"));
    if (classifier_save(&made, training.save, run, &err) < 0)
        die_err(&err);
    classifier_free(&made);
    json_decref(dataset);
    json_decref(run);
    header_free(header);
}

/* END has come: END of the gradients, nothing behind, and the weights. */
static void finish(struct session *s, struct cli_tool *tool, const json_t *arguments)
{
    struct err err = {0};
    const int64_t steps = s->header->plan.steps;
    if (s->labelled == 0 && s->steps > 0 && training.start_step == 0) /* else: perhaps before */
        die(ERR_INPUT, "none of the %lld rows has a label", (long long)s->rows);
    if (training.checkpoint_every > 0 && channel_sync(s->log, &err) < 0)
        leave(s, &err);
    const char *const part = channel_part(s->grad);
    if (writer_end(s->writer, &err) < 0 || channel_finish(s->grad, &err) < 0)
        die_err(&err);
    die_keep(part);
    const int more = reader_more(s->reader, &err);
    if (more > 0)
        die(ERR_INPUT, "a second stream follows the first: training takes one");
    if (more < 0)
        die_err(&err);
    save(s, tool, arguments);
    if (s->done < steps && !cli_common.quiet)
        warn("the input ended after %lld of %lld steps", (long long)s->done, (long long)steps);
    if (s->labelled < s->rows && !cli_common.quiet)
        warn("%lld of %lld rows had no label: no loss, no gradient",
            (long long)(s->rows - s->labelled), (long long)s->rows);
}

void loop_run(struct cli_tool *tool, const char *operand, void (*settle)(void))
{
    struct err err = {0};
    struct session s = {0};
    int got;
    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error with a clean-up, not a death */
    account_start();
    if (training.state != NULL)
        stop_defer(); /* without a place to save, a signal just ends the tool */
    else
        stop_restore();
    training_need_folders();
    s.parallel = parallel_new(cli_common.threads, &err);
    if (s.parallel == NULL || gemm_init(&err) < 0)
        die_err(&err);

    open_input(&s, operand);
    make_classifier(&s, count_classes(s.header));
    settle();
    json_t *const arguments = loop_arguments(tool, true), *const kept = json_deep_copy(arguments);
    take_state(&s, tool, kept);
    s.sent = gradient_header(&s, tool, arguments);
    open_outputs(&s);

    progress_start(s.header->plan.steps, "steps");
    while ((got = gather_step(&s.gather, s.reader, &err)) == 1)
        one_step(&s);
    if (got < 0)
        leave(&s, &err);
    finish(&s, tool, arguments);
    tell(&s);
    forecast_close(&s.forecast);
    cli_finish(s.log);

    writer_free(s.writer);
    header_free(s.sent);
    gather_free(&s.gather);
    optimizer_free(s.optimizer);
    supervised_free(s.supervised);
    reader_free(s.reader);
    parallel_free(s.parallel);
    json_decref(kept);
    json_decref(arguments);
    json_decref((json_t *)s.state.plan);
    channel_abandon(s.in);
}
