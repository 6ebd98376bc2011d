/* simclr-linprobe -- how well a linear classifier tells the classes of frozen features apart; or, in the
 * loop of a training run (loop.h), the classifier that the features are trained for.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/descent.h"
#include "lib/eval/logistic.h"
#include "lib/nn/gemm.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/findings.h"
#include "tools/loop.h"
#include "tools/prediction.h"
#include "tools/progress.h"
#include "tools/sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sets sets = {.fraction = 1};
static struct logistic_options options = {.l2 = NAN, .progress = progress_update};
static struct descent_options descent = {.progress = progress_update};
static const char *solver = "lbfgs";
static double rate = NAN;

static struct cli_option rows[] = {
    {0, "train", "FILE", CLI_TEXT, &sets.train, 0, 0, CLI_INCIDENTAL,
        "stream of labelled training features (file, FIFO, /dev/fd/N; - is standard input)", false},
    {0, "test", "FILE", CLI_TEXT, &sets.test, 0, 0, CLI_INCIDENTAL,
        "stream of labelled test features", false},
    {0, "hold-out", "SHARE", CLI_REAL, &sets.hold_out, 0.001, 0.999, CLI_RESULT,
        "measure on this share of the training rows of each class, learn from the others", false},
    {0, "column", "NAME", CLI_TEXT, &sets.column, 0, 0, CLI_RESULT,
        "column of features, F32 or U8; without it the first there is of h, z, pixels", false},
    {0, "solver", "lbfgs|sgd", CLI_CHOICE, &solver, 0, 0, CLI_RESULT,
        "lbfgs: the minimum, over one view of each picture; sgd: epochs of views as they come",
        false},
    {0, "fraction", "REAL", CLI_REAL, &sets.fraction, 0, 1, CLI_RESULT,
        "share of the training labels to use, class by class, at least one each", false},
    {0, "l2", "REAL", CLI_REAL, &options.l2, 0, 1e6, CLI_RESULT,
        "strength of the penalty; without it chosen on held-out training rows, with sgd 0", false},
    {0, "learning-rate", "REAL", CLI_REAL, &rate, 0, 1e6, CLI_RESULT,
        "default: 0.1 of --solver sgd, times batch/256; 0.3 in the loop", false},
    {'s', "seed", "N", CLI_LONG, &sets.seed, 0, 9e15, CLI_RESULT,
        "seed of the draws: --fraction, --hold-out, rows that choose l2; in the loop that of the "
        "plan",
        false},
    {0, "save", "FILE", CLI_TEXT, &training.save, 0, 0, CLI_INCIDENTAL,
        "write the classifier to FILE (safetensors)", false},
    {0, "weights", "FILE", CLI_TEXT, &training.weights, 0, 0, CLI_INCIDENTAL,
        "use the classifier in FILE; without --test: predict, as a filter", false},
    FINDINGS_ROWS,
    LOOP_ROWS,
    CLI_ROW_INPUT,
    CLI_ROW_OUTPUT,
    CLI_ROW_THREADS,
    CLI_ROW_LEVEL,
    CLI_ROWS_END,
};

static void print_version(FILE *out)
{
    fprintf(out, "BLAS: %s\n", gemm_version());
}

static struct cli_tool tool = {.name = "simclr-linprobe",
    .operands = "[FILE]",
    .operands_max = 1,
    .purpose = "Fit a linear classifier to training features and print its accuracy on test "
               "features;\npredict the classes of a stream with a saved one; or, with --grad-out, "
               "train one together\nwith the encoder that makes the features.",
    .options = rows,
    .version = print_version};

static bool descends(void)
{
    return strcmp(solver, "sgd") == 0;
}

static void check_solver(void)
{
    static const char *const drawn[] = {"fraction", "seed"};
    if (!descends() && cli_given(&tool, "learning-rate"))
        die(ERR_MISUSE, "--learning-rate goes with --solver sgd, or with --grad-out");
    rate = isnan(rate) ? 0.1 : rate;
    for (size_t i = 0; descends() && i < sizeof drawn / sizeof *drawn; i++)
        if (cli_given(&tool, drawn[i]))
            die(ERR_MISUSE, "--%s goes with --solver lbfgs; simclr-images has one of its own",
                drawn[i]);
    if (descends() && sets.hold_out > 0)
        die(ERR_MISUSE, "--hold-out goes with --solver lbfgs: a course holds nothing out");
}

/* Refuse what does not go together; true: this is the filter. */
static bool check_options(const char *operand)
{
    static const char *const fitting[] = {
        "solver", "hold-out", "fraction", "l2", "learning-rate", "seed", "save"};
    const char *const weights = training.weights;
    const bool filter = weights != NULL && sets.test == NULL;
    const bool measures = sets.test != NULL || sets.hold_out > 0;
    loop_refuse(&tool);
    if ((sets.train == NULL) == (weights == NULL))
        die(ERR_MISUSE, "needs either --train FILE or --weights FILE, or --grad-out FILE");
    for (size_t i = 0; weights != NULL && i < sizeof fitting / sizeof *fitting; i++)
        if (cli_given(&tool, fitting[i]))
            die(ERR_MISUSE, "--%s goes with --train, not with --weights", fitting[i]);
    if (weights == NULL && !measures && training.save == NULL)
        die(ERR_MISUSE, "--train needs --test FILE or --hold-out SHARE, or --save FILE, or both");
    check_solver();
    sets_check(&sets);
    if (!filter && (operand != NULL || cli_common.input != NULL || cli_given(&tool, "level")))
        die(ERR_MISUSE, "FILE, --input and --level go with --weights and without --test");
    if (!measures && !filter)
        findings_refuse("needs --test FILE or --hold-out SHARE");
    if (filter && findings.predictions != NULL &&
        (cli_common.output != NULL || cli_given(&tool, "level")))
        die(ERR_MISUSE, "--predictions takes the place of the stream of --output and --level");
    findings_check(filter);
    return filter;
}

/* What the option table shows of a run in the loop: the seed and the rate that it has. */
static void settle_loop(void)
{
    sets.seed = training.seed;
    rate = training.rate;
}

static void say_how(const struct logistic_report *report)
{
    if (report->poor && !cli_common.quiet)
        warn("the fit stopped after %d iterations with a gradient of %.1e: not the minimum yet",
            report->iterations, report->gradient);
    if (!cli_common.verbose)
        return;
    for (int i = 0; i < report->tried; i++)
        warn("l2 %.3g: %d of %d held-out rows right, loss %.4f%s", report->grid[i].l2,
            report->grid[i].right, report->held, report->grid[i].loss,
            i == report->choice ? " (chosen)" : "");
    warn("fit at l2 %.4g: objective %.6f, largest gradient %.1e, %d iterations", report->l2,
        report->loss, report->gradient, report->iterations);
}

/* What made the features, and then this tool: the provenance of the classifier. */
static void save_classifier(const struct classifier *model, const struct features *train)
{
    static const char *const other[2][2] = {{"learning-rate", "-"}, {"fraction", "seed"}};
    struct err err = {0};
    json_t *const arguments = loop_arguments(&tool, false);
    for (int i = 0; i < 2; i++) /* what the solver does not look at */
        json_object_del(arguments, other[descends()][i]);
    if (!(sets.hold_out > 0))
        json_object_del(arguments, "hold-out");
    struct header *const header = header_new("features", &err);
    if (header == NULL || (train->run != NULL && header_set(header, "run", train->run, &err) < 0) ||
        header_provenance(header, tool.name, sets.seed, arguments, NULL, &err) < 0)
        die_err(&err);
    json_t *const run = header_get(header, "run");
    if (classifier_save(model, training.save, run, &err) < 0)
        die_err(&err);
    json_decref(run);
    json_decref(arguments);
    header_free(header);
}

/* The minimum over all rows. */
static void fit(
    struct classifier *model, const struct features *train, char l2[32], struct parallel *parallel)
{
    struct err err = {0};
    struct logistic_report report;
    options.seed = sets.seed;
    progress_start(0, "evaluations");
    if (logistic_fit(model, &report, train, &options, parallel, &err) < 0)
        die_err(&err);
    progress_end(report.evaluations);
    say_how(&report);
    snprintf(l2, 32, "%.4g", report.l2);
}

static void say_epoch(const struct descent_epoch *epoch)
{
    if (cli_common.verbose)
        warn("epoch %lld: loss %.4f, %.2f %% right", (long long)epoch->epoch + 1, epoch->loss,
            100.0 * (double)epoch->right / (double)epoch->rows);
}

/* Step by step, as views come; the rows of an epoch. */
static int64_t descend(
    struct classifier *model, struct features *train, char l2[32], struct parallel *parallel)
{
    struct err err = {0};
    struct descent_report report;
    descent.l2 = isnan(options.l2) ? 0 : options.l2;
    descent.epoch = say_epoch;
    descent.rate = rate;
    const int64_t steps = descent_steps(train, &err);
    progress_start(steps, "steps");
    if (steps < 0 || descent_fit(model, &report, train, &descent, parallel, &err) < 0)
        die_err(&err);
    progress_end(report.steps);
    sets_unlabelled(train);
    snprintf(l2, 32, "%.4g", descent.l2);
    return report.last.rows;
}

/* --train: fit, save, and with --test or --hold-out score. The rows of the test set are read last. */
static void probe(struct classifier *model, struct parallel *parallel)
{
    struct roster all = {0}, roster = {0};
    const bool held = sets.hold_out > 0, named = findings.predictions != NULL;
    struct features train = {.roster = named && held ? &all : NULL};
    struct features test = {.roster = named ? &roster : NULL};
    char count[24], l2[32];
    struct channel *const in = sets_open(sets.train);
    struct channel *const test_in = sets.test != NULL ? sets_open(sets.test) : NULL;
    if (descends())
        sets_train_open(&train, in, &sets);
    else
        sets_train(&train, &test, in, &sets);
    if (test_in != NULL)
        sets_test_open(&test, test_in, train.column, train.width, train.names, train.source);
    int64_t used = train.rows;
    if (descends())
        used = descend(model, &train, l2, parallel);
    else
        fit(model, &train, l2, parallel);
    snprintf(count, sizeof count, "%lld", (long long)used);
    if (training.save != NULL)
        save_classifier(model, &train);
    if (test_in != NULL)
        sets_test_read(&test);
    if (test_in != NULL || held)
        findings_measure(model, &test, count, l2, parallel);
    features_free(&test);
    features_free(&train);
    roster_free(&all);
    roster_free(&roster);
    if (test_in != NULL)
        cli_finish(test_in);
    cli_finish(in);
}

/* --weights and --test. */
static void check(const struct classifier *model, struct parallel *parallel)
{
    struct roster roster = {0};
    struct features test = {.roster = findings.predictions ? &roster : NULL};
    struct channel *const in = sets_open(sets.test);
    const char *const column = sets.column != NULL ? sets.column : model->column;
    sets_test_open(&test, in, column, model->width, model->names, training.weights);
    sets_test_read(&test);
    findings_measure(model, &test, "-", "-", parallel);
    features_free(&test);
    roster_free(&roster);
    cli_finish(in);
}

/* --weights alone: a filter. */
static void filter(const struct classifier *model, const char *operand, struct parallel *parallel)
{
    struct err err = {0};
    struct channel *const in = cli_open(operand);
    const bool table = findings.predictions != NULL;
    struct channel *const out =
        table ? channel_create(findings.predictions, &err) : cli_create(cli_common.output);
    if (out == NULL)
        die_err(&err);
    if (table)
        die_unlink(channel_part(out));
    if (table)
        prediction_table(out, in, model, sets.column, parallel);
    else
        prediction_run(out, in, model, sets.column, &tool, parallel);
    cli_finish(out);
    cli_finish(in);
}

/* --grad-out: in the loop of a training run. */
static int close_loop(const char *operand)
{
    loop.column = sets.column;
    loop.rate = rate;
    loop.seed = cli_given(&tool, "seed") ? sets.seed : -1;
    loop_check(&tool, operand);
    loop_run(&tool, operand, settle_loop);
    return 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct classifier model = {0};
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    if (training.grad_out != NULL)
        return close_loop(operand);
    const bool filtering = check_options(operand);
    cli_try("save", training.save);

    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    if (parallel == NULL || gemm_init(&err) < 0 ||
        (training.weights != NULL && classifier_load(&model, training.weights, &err) < 0))
        die_err(&err);

    if (filtering)
        filter(&model, operand, parallel);
    else if (training.weights != NULL)
        check(&model, parallel);
    else
        probe(&model, parallel);

    classifier_free(&model);
    parallel_free(parallel);
    return 0;
}
