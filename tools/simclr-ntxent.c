/* simclr-ntxent -- the contrastive loss of a stream of projections, and its gradient.
 *
 *     z f32 [M,P], id --NT-Xent--> one line a step on stdout, grad f32 [M,P] to --grad-out
 *
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "lib/nn/gemm.h"
#include "lib/objective/fusedavx2.h"
#include "lib/objective/gather.h"
#include "lib/objective/ntxent.h"
#include "tools/account.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/forecast.h"
#include "tools/progress.h"
#include "tools/stop.h"

#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STUCK_STEPS = 5 }; /* in a row with the loss at the baseline */

static double temperature = 0.5;
static const char *grad_out, *forecast;
static int64_t checkpoint_every;

static struct cli_option options[] = {
    CLI_ROW_INPUT,
    {0, "temperature", "T", CLI_REAL, &temperature, 1e-6, 1e6, CLI_RESULT,
        "what similarities are divided by", false},
    {0, "grad-out", "FILE", CLI_TEXT, &grad_out, 0, 0, CLI_INCIDENTAL,
        "FIFO or file for the gradient of z", false},
    {0, "checkpoint-every", "STEPS", CLI_LONG, &checkpoint_every, 1, 1e15, CLI_INCIDENTAL,
        "sync the log, if it is a file, every STEPS steps and at the end", false},
    {0, "forecast", "FILE", CLI_TEXT, &forecast, 0, 0, CLI_INCIDENTAL,
        "FILE or /dev/fd/N for a line that says how long the run will take", false},
    CLI_ROW_THREADS,
    CLI_ROW_ACCOUNT,
    CLI_ROWS_END,
};

static void print_kernels(FILE *out)
{
    const struct fused *const fused = fusedavx2_kernels();
    fprintf(out, "loss: %s\n", fused != NULL ? fused->name : "portable");
    fprintf(out, "dense: %s\n", gemm_version());
}

static struct cli_tool tool = {"simclr-ntxent", "[FILE]", 0, 1,
    "Print the contrastive loss (NT-Xent) of projections, one line a step; send its gradient back.",
    options, print_kernels};

struct session {
    struct channel *in, *grad, *log;
    struct reader *reader;
    struct parallel *parallel;
    struct ntxent *ntxent;
    struct gather gather;
    struct forecast forecast;
    struct writer *writer; /* of gradients; NULL without */
    int64_t steps, rows;   /* done */
    int stuck;             /* steps in a row that the loss has been at the baseline; -1: said so */
    bool watched;          /* standard output is a terminal: no progress line among the lines */
};

static void tell(const struct session *s)
{
    const struct account account = {channel_waited(s->in), -1,
        channel_waited(s->log) + (s->grad != NULL ? channel_waited(s->grad) : 0)};
    account_tell(s->steps, s->rows, "rows", &account);
}

/* After a signal a neighbour that leaves is the stop that was asked for. */
static _Noreturn void leave(const struct session *s, const struct err *err)
{
    struct err stopped = {.status = ERR_STOPPED};
    const bool left = err->status == ERR_READER_GONE || reader_cut(s->reader);
    if (stop_requested == 0 || !left)
        die_err(err);
    struct err failed = {0};
    if (checkpoint_every > 0 && channel_sync(s->log, &failed) < 0)
        stopped = failed;
    tell(s);
    die_err(&stopped);
}

/* A checkpoint that outlives a power failure needs the lines of the steps before it: they come first. */
static void sync_log(const struct session *s)
{
    struct err err = {0};
    if (channel_sync(s->log, &err) < 0)
        leave(s, &err);
}

/* An error that names the step. */
static _Noreturn void refuse(const struct session *s, const struct err *err)
{
    die(err->status, "step %lld: %s", (long long)s->gather.step, err->text);
}

/* ---- the log ------------------------------------------------------------------------------------ */

static void write_log(const struct session *s, const char *text, int length)
{
    struct err err = {0};
    if (channel_write(s->log, text, (size_t)length, &err) < 0)
        leave(s, &err);
}

static void begin_log(struct session *s)
{
    static const char head[] = "step\tepoch\tloss\tbaseline\tfloor\taccuracy\tentropy\talignment\t"
                               "uniformity\tstd\n";
    struct stat status;
    const bool known = fstat(STDOUT_FILENO, &status) == 0;
    if (!known || !S_ISREG(status.st_mode) || status.st_size == 0) /* else: a run that goes on */
        write_log(s, head, sizeof head - 1);
}

static void log_step(const struct session *s, const struct ntxent_result *r)
{
    char line[400];
    const int length =
        snprintf(line, sizeof line, "%lld\t%lld\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\n",
            (long long)s->gather.step, (long long)s->gather.epoch, r->loss, r->baseline, r->floor,
            r->accuracy, r->entropy, r->alignment, r->uniformity, r->std);
    write_log(s, line, length);
}

static void look_stuck(struct session *s, const struct ntxent_result *r, const struct plan *plan)
{
    if (s->stuck < 0 || cli_common.quiet || s->gather.step < plan->steps / 10)
        return;
    s->stuck = fabs(r->loss - r->baseline) <= 0.01 * r->baseline ? s->stuck + 1 : 0;
    if (plan->steps == 0 || s->stuck < STUCK_STEPS)
        return;
    s->stuck = -1;
    warn("step %lld: loss stays at ln(rows-1): the encoder is not learning",
        (long long)s->gather.step);
    warn("hint: try another learning rate; a std near 0 means that all embeddings are the same");
}

/* ---- streams ------------------------------------------------------------------------------------ */

static struct header *gradient_header(const struct header *in, int p)
{
    struct err err = {0};
    json_t *const arguments = cli_arguments(&tool);
    struct header *const out = header_new("gradients", &err);
    if (out == NULL || header_add(out, "grad", DTYPE_F32, 1, &p, &err) < 0 ||
        (in->plan.steps > 0 && header_set_plan(out, &in->plan, &err) < 0) ||
        header_provenance(out, tool.name, in->plan.seed, arguments, NULL, &err) < 0)
        die_err(&err);
    json_decref(arguments);
    return out;
}

static void one_step(struct session *s, const struct plan *plan)
{
    struct err err = {0};
    struct ntxent_result r;
    struct gather *const g = &s->gather;
    const int64_t *const view = g->view_column >= 0 ? g->view : NULL;
    if (ntxent_forward(s->ntxent, &r, g->z, g->id, view, g->rows, &err) < 0)
        refuse(s, &err);
    if (s->writer != NULL)
        ntxent_backward(s->ntxent, g->grad);
    log_step(s, &r); /* before the last gradient leaves: who has that may count on the line */
    if (checkpoint_every > 0 && (g->step + 1) % checkpoint_every == 0)
        sync_log(s);
    if (s->writer != NULL && gather_send(g, s->writer, &err) < 0)
        leave(s, &err);
    s->steps++;
    s->rows += g->rows;
    look_stuck(s, &r, plan);
    char note[40];
    snprintf(note, sizeof note, "loss %.4f", r.loss);
    forecast_step(&s->forecast, plan, g->step);
    if (!s->watched)
        progress_update(plan->steps > 0 ? g->step + 1 : s->steps, note);
}

static void one_stream(struct session *s, const struct header *in)
{
    struct err err = {0};
    int got;
    if (gather_columns(&s->gather, in, channel_name(s->in), &err) < 0)
        die_err(&err);
    if (s->ntxent == NULL) {
        if (in->plan.steps > 0)
            stop_defer();
        progress_start(in->plan.steps, "steps");
        s->ntxent = ntxent_new(s->gather.p, temperature, false, s->parallel, &err);
        if (s->ntxent == NULL || (ntxent_dense(s->ntxent) && gemm_init(&err) < 0))
            die_err(&err);
        begin_log(s);
    }
    struct header *const out = gradient_header(in, s->gather.p);
    if (s->grad != NULL && (s->writer = writer_new(s->grad, cli_common.level, out, &err)) == NULL)
        leave(s, &err);
    while ((got = gather_step(&s->gather, s->reader, &err)) == 1)
        one_step(s, &in->plan);
    if (got == 0 && checkpoint_every > 0)
        sync_log(s);
    if (got < 0 || (s->writer != NULL && writer_end(s->writer, &err) < 0))
        leave(s, &err);
    writer_free(s->writer);
    s->writer = NULL;
    header_free(out);
}

static struct session prepare(const char *operand)
{
    struct err err = {0};
    struct session s = {.watched = isatty(STDOUT_FILENO)};
    gemm_settle();
    s.parallel = parallel_new(cli_common.threads, &err);
    if (s.parallel == NULL)
        die_err(&err);
    s.in = cli_open(operand);
    s.log = channel_create(NULL, &err);
    s.reader = s.log != NULL ? reader_new(s.in, STREAM_RECORD, &err) : NULL;
    if (s.reader == NULL)
        die_err(&err);
    s.forecast = forecast_open(forecast);
    if (grad_out != NULL) {
        s.grad = cli_create(grad_out);
        channel_watch(s.grad, channel_fd(s.in));
    }
    return s;
}

int main(int argc, char **argv)
{
    /* arguments */
    const int first = cli_parse(&tool, argc, argv);
    if (grad_out != NULL) { /* one stage of a training run */
        signal(SIGPIPE, SIG_IGN);
        stop_defer();
    }

    /* prepare */
    account_start();
    struct session s = prepare(first < argc ? argv[first] : NULL);

    /* work */
    struct err err = {0};
    const struct header *header;
    int more;
    while ((more = reader_header(s.reader, &header, &err)) == 1)
        one_stream(&s, header);
    if (more < 0)
        leave(&s, &err);

    /* finish */
    tell(&s);
    forecast_close(&s.forecast);
    if (s.grad != NULL)
        cli_finish(s.grad);
    cli_finish(s.log);
    gather_free(&s.gather);
    ntxent_free(s.ntxent);
    reader_free(s.reader);
    parallel_free(s.parallel);
    channel_abandon(s.in);
    return 0;
}
