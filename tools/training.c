/* training -- what simclr-encode and simclr-project share.
 * SPDX-License-Identifier: MIT */
#include "tools/training.h"

#include "lib/nn/gemm.h"
#include "lib/train/optimizer.h"
#include "lib/train/schedule.h"
#include "lib/train/stage.h"
#include "lib/train/state.h"
#include "tools/account.h"
#include "tools/die.h"
#include "tools/progress.h"
#include "tools/stop.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEIGHTS_BYTES ((size_t)8 << 30) /* of the largest file of weights that is read */
enum {
    FORWARD_ROWS = 256, /* rows that a forward pass without gradients takes at a time */
    STEP_DIGITS = 10    /* in the names of --save-every, as in those of states */
};

struct training_options training = {
    .batch_norm = "part",
    .optimizer = "lars",
    .scaling = "none",
    .rate = 0.3,
    .decay = 1e-4,
    .momentum = 0.9,
    .warmup_epochs = NAN,
    .seed = -1,
};

/* ---- options ---------------------------------------------------------------------------------- */

/* Two names of one file, as far as can be told before it is written. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (a == NULL || b == NULL)
        return false;
    return strcmp(a, b) == 0 ||
           (stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
               first.st_ino == second.st_ino && !S_ISCHR(first.st_mode));
}

/* Files and FIFOs that serve one purpose each, and must be there or writable when they are needed. */
void training_check_files(const char *operand)
{
    const char *const in = operand != NULL ? operand : cli_common.input;
    const struct {
        const char *name, *path;
    } file[] = {{"grad", training.grad}, {"input", in != NULL ? in : "/dev/stdin"},
        {"grad-out", training.grad_out}, {"save", training.save}, {"output", cli_common.output}};
    const int count = (int)(sizeof file / sizeof *file);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (!(i == 1 && j == 4) && same_file(file[i].path, file[j].path)) /* in place is fine */
                die(ERR_MISUSE, "--%s and --%s are both '%s'", file[i].name, file[j].name,
                    file[j].path);
    cli_try("save", training.save);
    if (training.save_every > 0 && strlen(training.save) + STEP_DIGITS + 1 >= PATH_MAX)
        die(ERR_MISUSE, "--save: the name is too long");
    if (training.state != NULL) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof name, "%s-0000000000.safetensors", training.state) >=
            (int)sizeof name)
            die(ERR_MISUSE, "--state: the name is too long");
        cli_try("state", name);
    }
}

void training_check_state(void)
{
    if (training.state == NULL && (training.checkpoint_every > 0 || training.start_step > 0))
        die(ERR_MISUSE, "--%s needs --state",
            training.start_step > 0 ? "start-step" : "checkpoint-every");
}

void training_check(const struct cli_tool *tool, const char *operand)
{
    static const char *const only[] = {"grad", "grad-out", "save", "save-every", "batch-norm",
        "optimizer", "learning-rate", "lr-scaling", "weight-decay", "momentum", "nesterov",
        "warmup-epochs", "memory", "scratch", "state", "checkpoint-every", "start-step"};
    if (training.train && training.grad == NULL)
        die(ERR_MISUSE, "--train needs --grad, a FIFO that brings the gradients");
    for (size_t i = 0; !training.train && i < sizeof only / sizeof *only; i++)
        if (cli_given(tool, only[i]))
            die(ERR_MISUSE, "--%s makes sense only with --train", only[i]);
    training_check_state();
    if (training.save_every > 0 && training.save == NULL)
        die(ERR_MISUSE, "--save-every needs --save");
    if (training.scratch != NULL && strcmp(training.batch_norm, "step") != 0)
        die(ERR_MISUSE, "--scratch makes sense only with --batch-norm step: parts need no file");
    if (training.train)
        training_check_files(operand);
}

/* A file that is written at the end, or now and then: will there be a place for it? */
static void need_folder(const char *option, const char *path)
{
    if (path == NULL)
        return;
    const char *const slash = strrchr(path, '/');
    char *const folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL)
        die(ERR_FAILED, "cannot allocate memory for a file name");
    if (access(folder, W_OK | X_OK) != 0)
        die(ERR_MISUSE, "cannot write --%s '%s': %s", option, path, strerror(errno));
    free(folder);
}

void training_need_folders(void)
{
    need_folder("save", training.save);
    need_folder("state", training.state);
}

void training_defaults(const struct header *header)
{
    if (training.seed < 0)
        training.seed = header->plan.steps > 0 ? header->plan.seed : 0;
    if (training.train && isnan(training.warmup_epochs)) {
        const double tenth = header->plan.epochs / 10.0;
        training.warmup_epochs = tenth < 10 ? tenth : 10;
    }
    if (training.memory == 0)
        training.memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 2;
}

static void name_unused(void *context, const char *name)
{
    (void)context;
    if (cli_common.verbose)
        warn("no use for tensor '%s' of '%s'", name, training.weights);
}

struct training_session training_open(const char *operand)
{
    struct err err = {0};
    struct training_session s = {.scratch = -1};
    account_start();
    if (training.state != NULL)
        stop_defer(); /* without a place to save, a signal just ends the tool */
    training_need_folders();
    if (training.scratch != NULL && (s.scratch = spill_open(training.scratch, &err)) < 0)
        die(ERR_MISUSE, "--scratch: %s", err.text);
    if (training.weights != NULL &&
        safetensors_load(&s.weights, training.weights, WEIGHTS_BYTES, &err) < 0)
        die_err(&err);
    if (training.train && (s.grad = channel_open(training.grad, &err)) == NULL)
        die_err(&err);
    s.parallel = parallel_new(cli_common.threads, &err);
    if (s.parallel == NULL || gemm_init(&err) < 0)
        die_err(&err);
    s.in = cli_open(operand);
    s.out = cli_create(cli_common.output);
    if (training.train) {
        channel_set_notice(s.grad, warn_notice);
        channel_watch(s.grad, channel_fd(s.out));
        s.feed = feed_new(s.in, true, &err);
        s.header = s.feed != NULL ? feed_header(s.feed, &err) : NULL;
    } else {
        s.reader = reader_new(s.in, STREAM_RECORD, &err);
        if (s.reader != NULL && reader_header(s.reader, &s.header, &err) < 1)
            s.header = NULL;
    }
    if (s.header == NULL)
        die_err(&err);
    training_defaults(s.header);
    return s;
}

int training_number(const struct safetensors *doc, const char *name, int high)
{
    const char *const text = safetensors_metadata(doc, name);
    if (text == NULL)
        return 0;
    const bool whole = *text != '\0' && strspn(text, "0123456789") == strlen(text);
    const long number = whole && strlen(text) < 10 ? atol(text) : 0;
    if (number < 1 || number > high)
        die(ERR_INPUT, "'%s': %s is '%.40s'", training.weights, name, text);
    return (int)number;
}

static void ready(struct training_job *job, const struct safetensors *doc)
{
    struct err err = {0};
    struct params *const params = job->model.params;
    if (training.weights != NULL &&
        weights_take(params, doc, training.weights, name_unused, NULL, &err) < 0)
        die_err(&err);
    struct tensor *const tensor = weights_tensors(params, &err);
    if (tensor == NULL)
        die_err(&err);
    safetensors_digest(job->digest, params->count, tensor);
    free(tensor);
    job->arguments = cli_arguments(job->tool);
    job->model.refresh(job->model.self);
}

static int save_to(
    const char *path, const struct training_job *job, const json_t *metadata, struct err *err)
{
    struct tensor *const tensor = weights_tensors(job->model.params, err);
    const int status =
        tensor == NULL ? -1
                       : safetensors_save(path, metadata, job->model.params->count, tensor, err);
    free(tensor);
    return status;
}

static void save(const struct training_job *job)
{
    struct err err = {0};
    if (training.save != NULL && save_to(training.save, job, job->metadata, &err) < 0)
        die_err(&err);
}

/* --save-every: the weights at the end of an epoch, which their metadata name. */
static int save_epoch(void *self, int64_t epoch, int64_t step, struct err *err)
{
    static const char ending[] = ".safetensors";
    const struct training_job *const job = self;
    const size_t length = strlen(training.save), tail = strlen(ending);
    const bool ends = length > tail && strcmp(training.save + length - tail, ending) == 0;
    char path[PATH_MAX], number[2][24];
    const int size =
        snprintf(path, sizeof path, "%.*s-%0*lld%s", (int)(ends ? length - tail : length),
            training.save, STEP_DIGITS, (long long)step, ends ? ending : "");
    if (size >= (int)sizeof path)
        return err_set(err, ERR_FAILED, "the name of the weights after step %lld is too long",
            (long long)step);
    snprintf(number[0], sizeof number[0], "%lld", (long long)epoch);
    snprintf(number[1], sizeof number[1], "%lld", (long long)step);
    json_t *const metadata = json_copy(job->metadata);
    const int status = json_object_set_new(metadata, "epoch", json_string(number[0])) < 0 ||
                               json_object_set_new(metadata, "step", json_string(number[1])) < 0
                           ? err_memory(err, "the weights")
                           : save_to(path, job, metadata, err);
    json_decref(metadata);
    return status;
}

/* ---- headers ---------------------------------------------------------------------------------- */

static struct header *output_header(const struct training_job *job, const struct header *in)
{
    struct err err = {0};
    struct header *const out = header_copy(in, &err);
    const int width = job->model.out_width;
    if (out == NULL || header_set_kind(out, job->kind, &err) < 0)
        die_err(&err);
    header_drop(out, job->input_column);
    if (header_add(out, job->output_column, DTYPE_F32, 1, &width, &err) < 0 ||
        header_provenance(out, job->tool->name, training.seed, job->arguments, job->digest, &err) <
            0)
        die_err(&err);
    return out;
}

static struct header *gradient_header(const struct training_job *job, const struct header *in)
{
    struct err err = {0};
    struct header *const out = header_new("gradients", &err);
    if (out == NULL || header_add(out, "grad", DTYPE_F32, 1, &job->model.in_floats, &err) < 0 ||
        header_set_plan(out, &in->plan, &err) < 0 ||
        header_provenance(out, job->tool->name, training.seed, job->arguments, job->digest, &err) <
            0)
        die_err(&err);
    return out;
}

/* ---- training --------------------------------------------------------------------------------- */

static void tell_account(const struct stage_account *a)
{
    const struct account account = {a->input_wait, a->grad_wait, a->output_wait};
    account_tell(a->steps, a->rows, "rows", &account);
    if (cli_common.verbose)
        warn("%.0f MiB of activations, %lld parts computed twice",
            (double)a->tape_bytes / (1 << 20), (long long)a->repeated);
    if (cli_common.verbose && training.scratch != NULL)
        warn("%.0f MiB of them in the scratch file", (double)a->spilt_bytes / (1 << 20));
}

void training_identify(json_t *arguments, const struct header *in, const char *digest)
{
    json_t *const dataset = header_get(in, "dataset");
    json_t *const pictures = json_object_get(dataset, "images");
    if (json_object_set_new(arguments, "weights", json_string(digest)) != 0 ||
        (pictures != NULL && json_object_set(arguments, "pictures", pictures) != 0))
        die(ERR_FAILED, "cannot allocate memory for the state");
    json_decref(dataset);
}

static json_t *state_arguments(const struct training_job *job, const struct header *in)
{
    json_t *const arguments = json_deep_copy(job->arguments);
    json_object_del(arguments, "train");
    training_identify(arguments, in, job->digest);
    return arguments;
}

static void train(struct training_session *session, struct training_job *job)
{
    struct err err = {0};
    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error with a clean-up, not a death */
    const struct header *const in = session->header;
    struct header *const out_header = output_header(job, in);
    struct header *const grad_header = training.grad_out != NULL ? gradient_header(job, in) : NULL;
    const struct optimizer_options rule = {
        training.optimizer, training.momentum, training.decay, training.nesterov};
    struct optimizer *const optimizer =
        optimizer_new(&rule, job->model.params, session->parallel, &err);
    if (optimizer == NULL)
        die_err(&err);
    json_t *const arguments = state_arguments(job, in), *const run = header_get(in, "plan");
    const struct state state = {training.state, job->tool->name, arguments, run, job->kernels,
        job->model.params, optimizer};
    if (training.start_step > 0 && state_load(&state, training.start_step, &err) < 0)
        die_err(&err);
    job->model.refresh(job->model.self);
    struct channel *const grad_out =
        training.grad_out != NULL ? cli_create(training.grad_out) : NULL;
    if (grad_out != NULL)
        channel_watch(grad_out, channel_fd(session->in));
    json_object_set(job->metadata, "run", json_object_get(out_header->metadata, "run"));
    const struct stage_saver saver = {training.save_every, save_epoch, job};
    const struct plan *const plan = &in->plan;
    const bool frozen = strcmp(training.batch_norm, "frozen") == 0;
    const struct stage_options options = {job->model, optimizer,
        schedule_make(training.rate, training.scaling, plan->batch, training.warmup_epochs,
            plan->steps_per_epoch, plan->steps),
        session->feed, job->input_column, session->out, out_header, job->output_column,
        cli_common.level, session->grad, grad_out, grad_header, training.memory,
        job->has_batch_norm && !frozen ? 2 : 1,
        job->has_batch_norm && strcmp(training.batch_norm, "step") == 0, session->scratch,
        training.state != NULL ? &state : NULL, training.checkpoint_every, training.start_step,
        &stop_requested, training.save_every > 0 ? &saver : NULL};
    struct stage *const stage = stage_new(&options, &err);
    if (stage == NULL)
        die_err(&err);
    struct stage_account account;
    const int status = stage_run(stage, &account, &err);
    tell_account(&account);
    if (err.status == ERR_STOPPED && !cli_common.verbose)
        err.text[0] = '\0'; /* this is what was asked for */
    if (status < 0)
        die_err(&err);
    save(job);
    const char *const part = grad_out != NULL ? channel_part(grad_out) : NULL;
    if (stage_close(stage, &err) < 0)
        die_err(&err);
    die_keep(part);
    cli_finish(session->out);
    stage_free(stage);
    optimizer_free(optimizer);
    json_decref(arguments);
    json_decref(run);
    header_free(out_header);
    header_free(grad_header);
}

/* ---- forward ---------------------------------------------------------------------------------- */

struct forward {
    struct training_job *job;
    void *tape[STREAM_SIZES]; /* of each size that has come */
    float *out;               /* [capacity, out_width] */
    int capacity;             /* rows */
};

/* out [rows, width] of one record, FORWARD_ROWS rows at a time; a number that is not finite, out of
 * the input or of weights that fit no picture, goes no further. */
static void forward_rows(
    struct forward *f, const struct header *header, const struct record *record, int column)
{
    const struct model *const model = &f->job->model;
    struct err err = {0};
    const int rows = record->rows;
    const size_t row_bytes = record_row_bytes(header, record, column);
    const char *const data = record->field[column].data;
    const int size = model->size(model->self, record_shape(header, record, column), &err);
    if (size < 0)
        die_err(&err);
    if (rows > f->capacity) {
        float *const grown =
            realloc(f->out, (size_t)rows * (size_t)model->out_width * sizeof *grown);
        if (grown == NULL)
            die(ERR_FAILED, "cannot allocate memory for a record of %d rows", rows);
        f->out = grown;
        f->capacity = rows;
    }
    if (f->tape[size] == NULL)
        f->tape[size] = model->tape_new(model->self, size, FORWARD_ROWS, false, NULL, &err);
    if (f->tape[size] == NULL)
        die_err(&err);
    for (int row = 0; row < rows; row += FORWARD_ROWS)
        model->forward(model->self, f->tape[size], f->out + (size_t)row * (size_t)model->out_width,
            data + (size_t)row * row_bytes, rows - row < FORWARD_ROWS ? rows - row : FORWARD_ROWS,
            MODEL_EVAL);
    for (size_t i = 0; i < (size_t)rows * (size_t)model->out_width; i++)
        if (!isfinite(f->out[i]))
            die(ERR_FAILED, "step %lld, row %zu: %s is not finite", (long long)record->step,
                i / (size_t)model->out_width, f->job->output_column);
}

static int64_t forward_stream(struct forward *f, struct reader *reader, const struct header *in,
    struct channel *out, int64_t rows)
{
    struct err err = {0};
    struct header *const header = output_header(f->job, in);
    struct writer *const writer = writer_new(out, cli_common.level, header, &err);
    struct field *const field = calloc((size_t)header->columns, sizeof *field);
    if (writer == NULL || field == NULL) {
        err_memory(&err, "columns");
        die_err(&err);
    }
    const int consumed = header_find(in, f->job->input_column);
    struct record record = {0};
    int got;
    while ((got = reader_record(reader, &record, &err)) == 1) {
        forward_rows(f, in, &record, consumed);
        const struct field features = {.data = f->out};
        for (int i = 0; i < header->columns; i++) {
            const int from = header_find(in, header->column[i].name);
            field[i] = strcmp(header->column[i].name, f->job->output_column) == 0
                           ? features
                           : record.field[from];
        }
        struct record made = record;
        made.field = field;
        made.fields = header->columns;
        if (writer_record(writer, &made, &err) < 0)
            die_err(&err);
        progress_update(rows += record.rows, NULL);
    }
    if (got < 0 || writer_end(writer, &err) < 0)
        die_err(&err);
    writer_free(writer);
    record_free(&record);
    free(field);
    header_free(header);
    return rows;
}

static void run_forward(struct training_session *session, struct training_job *job)
{
    struct forward f = {.job = job};
    struct err err = {0};
    int64_t rows = 0;
    int more;
    const struct header *header = session->header;
    progress_start(0, "rows");
    do {
        rows = forward_stream(&f, session->reader, header, session->out, rows);
    } while ((more = reader_header(session->reader, &header, &err)) == 1);
    if (more < 0)
        die_err(&err);
    const struct account account = {channel_waited(session->in), -1, channel_waited(session->out)};
    account_tell(-1, rows, "rows", &account);
    for (int i = 0; i < STREAM_SIZES; i++)
        job->model.tape_free(f.tape[i]);
    free(f.out);
    cli_finish(session->out);
}

static void close_session(struct training_session *session, struct training_job *job)
{
    if (session->feed == NULL)
        channel_abandon(session->in);
    feed_free(session->feed);
    reader_free(session->reader);
    parallel_free(session->parallel);
    if (session->scratch >= 0)
        close(session->scratch);
    safetensors_free(&session->weights);
    json_decref(job->metadata);
    json_decref(job->arguments);
}

int training_work(struct training_session *session, struct training_job *job)
{
    ready(job, &session->weights);
    if (training.train)
        train(session, job);
    else
        run_forward(session, job);
    close_session(session, job);
    return 0;
}
