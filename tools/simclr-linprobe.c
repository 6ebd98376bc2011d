/* simclr-linprobe -- how well a linear classifier tells the classes of frozen features apart.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/logistic.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/prediction.h"
#include "tools/progress.h"
#include "tools/sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct sets sets = {.fraction = 1};
static struct logistic_options options = {.l2 = NAN, .progress = progress_update};
static const char *save, *weights;

static struct cli_option rows[] = {
    {0, "train", "FILE", CLI_TEXT, &sets.train, 0, 0, CLI_INCIDENTAL,
        "stream of labelled training features (file, FIFO, /dev/fd/N; - is standard input)", false},
    {0, "test", "FILE", CLI_TEXT, &sets.test, 0, 0, CLI_INCIDENTAL,
        "stream of labelled test features", false},
    {0, "column", "NAME", CLI_TEXT, &sets.column, 0, 0, CLI_RESULT,
        "column of features, F32 or U8; without it the first there is of h, z, pixels", false},
    {0, "fraction", "REAL", CLI_REAL, &sets.fraction, 0, 1, CLI_RESULT,
        "share of the training labels to use, class by class, at least one each", false},
    {0, "l2", "REAL", CLI_REAL, &options.l2, 0, 1e6, CLI_RESULT,
        "strength of the penalty; without it chosen on held-out training rows", false},
    {'s', "seed", "N", CLI_LONG, &sets.seed, 0, 9e15, CLI_RESULT,
        "seed of the draws: --fraction, and rows to hold out", false},
    {0, "save", "FILE", CLI_TEXT, &save, 0, 0, CLI_INCIDENTAL,
        "write the classifier to FILE (safetensors)", false},
    {0, "weights", "FILE", CLI_TEXT, &weights, 0, 0, CLI_INCIDENTAL,
        "use the classifier in FILE; without --test: predict, as a filter", false},
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
               "features; or\npredict the classes of a stream with a saved one.",
    .options = rows,
    .version = print_version};

/* Refuse what does not go together; true: this is the filter. */
static bool check_options(const char *operand)
{
    static const char *const fitting[] = {"fraction", "l2", "seed", "save"};
    const bool filter = weights != NULL && sets.test == NULL;
    if ((sets.train == NULL) == (weights == NULL))
        die(ERR_MISUSE, "needs either --train FILE or --weights FILE");
    for (size_t i = 0; weights != NULL && i < sizeof fitting / sizeof *fitting; i++)
        if (cli_given(&tool, fitting[i]))
            die(ERR_MISUSE, "--%s goes with --train, not with --weights", fitting[i]);
    if (weights == NULL && sets.test == NULL && save == NULL)
        die(ERR_MISUSE, "--train needs --test FILE, or --save FILE, or both");
    sets_check(&sets);
    if (!filter && (operand != NULL || cli_common.input != NULL || cli_given(&tool, "level")))
        die(ERR_MISUSE, "FILE, --input and --level go with --weights and without --test");
    return filter;
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
    struct err err = {0};
    json_t *const arguments = cli_arguments(&tool);
    struct header *const header = header_new("features", &err);
    if (header == NULL || (train->run != NULL && header_set(header, "run", train->run, &err) < 0) ||
        header_provenance(header, tool.name, sets.seed, arguments, NULL, &err) < 0)
        die_err(&err);
    json_t *const run = header_get(header, "run");
    if (classifier_save(model, save, run, &err) < 0)
        die_err(&err);
    json_decref(run);
    json_decref(arguments);
    header_free(header);
}

static void score(const struct classifier *model, const struct features *test, const char *train,
    const char *l2, struct parallel *parallel)
{
    struct err err = {0};
    char text[400];
    int *const rank = malloc((size_t)test->rows * sizeof *rank);
    if (rank == NULL)
        die(ERR_FAILED, "cannot allocate memory for the test set");
    if (classifier_score(rank, NULL, NULL, model, test, parallel, &err) < 0)
        die_err(&err);
    sets_account(rank, test, model->names);
    const struct tally tally = tally_count(rank, test->rows);
    snprintf(text, sizeof text,
        "train\ttest\tclasses\tfeatures\tl2\ttop1\ttop5\n%s\t%d\t%d\t%d\t%s\t%.2f\t%.2f\n", train,
        test->rows, model->classes, model->width, l2, tally_percent(tally.top1, tally.rows),
        tally_percent(tally.top5, tally.rows));
    sets_print(text);
    free(rank);
}

/* --train: fit, save, and with --test score. The rows of the test set are read last. */
static void probe(struct classifier *model, struct parallel *parallel)
{
    struct err err = {0};
    struct features train = {0}, test = {0};
    struct logistic_report report;
    char count[16], l2[32];
    struct channel *const in = sets_open(sets.train);
    struct channel *const test_in = sets.test != NULL ? sets_open(sets.test) : NULL;
    sets_train(&train, in, &sets);
    if (test_in != NULL)
        sets_test_open(&test, test_in, train.column, train.width, train.names, train.source);
    options.seed = sets.seed;
    progress_start(0, "evaluations");
    if (logistic_fit(model, &report, &train, &options, parallel, &err) < 0)
        die_err(&err);
    progress_end(report.evaluations);
    say_how(&report);
    if (save != NULL)
        save_classifier(model, &train);
    snprintf(count, sizeof count, "%d", train.rows);
    snprintf(l2, sizeof l2, "%.4g", report.l2);
    if (test_in != NULL) {
        sets_test_read(&test);
        score(model, &test, count, l2, parallel);
        features_free(&test);
        cli_finish(test_in);
    }
    features_free(&train);
    cli_finish(in);
}

/* --weights and --test. */
static void check(const struct classifier *model, struct parallel *parallel)
{
    struct features test = {0};
    struct channel *const in = sets_open(sets.test);
    const char *const column = sets.column != NULL ? sets.column : model->column;
    sets_test_open(&test, in, column, model->width, model->names, weights);
    sets_test_read(&test);
    score(model, &test, "-", "-", parallel);
    features_free(&test);
    cli_finish(in);
}

/* --weights alone: a filter. */
static void filter(const struct classifier *model, const char *operand, struct parallel *parallel)
{
    struct channel *const in = cli_open(operand), *const out = cli_create(cli_common.output);
    prediction_run(out, in, model, sets.column, &tool, parallel);
    cli_finish(out);
    cli_finish(in);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct classifier model = {0};
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    const bool filtering = check_options(operand);
    cli_try("save", save);

    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    if (parallel == NULL || gemm_init(&err) < 0 ||
        (weights != NULL && classifier_load(&model, weights, &err) < 0))
        die_err(&err);

    if (filtering)
        filter(&model, operand, parallel);
    else if (weights != NULL)
        check(&model, parallel);
    else
        probe(&model, parallel);

    classifier_free(&model);
    parallel_free(parallel);
    return 0;
}
