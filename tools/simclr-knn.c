/* simclr-knn -- nearest neighbours: how well they tell classes apart, who they are, who has none.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/knn.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/listing.h"
#include "tools/progress.h"
#include "tools/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sets sets = {.fraction = 1};
static struct knn_options options = {.neighbors = 200, .temperature = 0.1};
static struct listing listing = {.threshold = 0.95, .outliers = 20};
static const char *query;
static bool leaks;

static struct cli_option rows[] = {
    {0, "train", "FILE", CLI_TEXT, &sets.train, 0, 0, CLI_INCIDENTAL,
        "stream of labelled training features (file, FIFO, /dev/fd/N; - is standard input)", false},
    {0, "test", "FILE", CLI_TEXT, &sets.test, 0, 0, CLI_INCIDENTAL,
        "stream of labelled test features", false},
    {0, "hold-out", "SHARE", CLI_REAL, &sets.hold_out, 0.001, 0.999, CLI_RESULT,
        "measure on this share of the training rows of each class, learn from the others", false},
    {0, "column", "NAME", CLI_TEXT, &sets.column, 0, 0, CLI_RESULT,
        "column of features, F32 or U8; without it the first there is of h, z, pixels", false},
    {0, "neighbors", "K", CLI_INT, &options.neighbors, 1, 1e6, CLI_RESULT,
        "neighbours that vote; without --train list the K nearest of each row (outliers: 10, "
        "leaks: "
        "1)",
        false},
    {0, "query", "FILE", CLI_TEXT, &query, 0, 0, CLI_INCIDENTAL,
        "list the nearest of these rows instead", false},
    {0, "duplicates", "T", CLI_REAL, &listing.threshold, 0.01, 1, CLI_RESULT,
        "list groups of rows with a cosine of at least T", false},
    {0, "outliers", "N", CLI_INT, &listing.outliers, 1, 1e9, CLI_RESULT,
        "list the N rows farthest from their neighbours", false},
    {0, "leaks", NULL, CLI_FLAG, &leaks, 0, 0, CLI_RESULT,
        "list test rows that have a copy among the training rows (--duplicates says from where on)",
        false},
    {'0', "null", NULL, CLI_FLAG, &listing.null, 0, 0, CLI_INCIDENTAL,
        "lists without a header, a zero byte behind each field, and names as they are", false},
    {0, "temperature", "REAL", CLI_REAL, &options.temperature, 1e-4, 1e6, CLI_RESULT,
        "a vote weighs exp(cosine / REAL)", false},
    {0, "fraction", "REAL", CLI_REAL, &sets.fraction, 0, 1, CLI_RESULT,
        "share of the training labels to use, class by class, at least one each", false},
    {'s', "seed", "N", CLI_LONG, &sets.seed, 0, 9e15, CLI_RESULT,
        "seed of the draws: --fraction, --hold-out", false},
    CLI_ROW_INPUT,
    CLI_ROW_OUTPUT,
    CLI_ROW_THREADS,
    CLI_ROWS_END,
};

static void print_version(FILE *out)
{
    fprintf(out, "BLAS: %s\n", gemm_version());
}

static struct cli_tool tool = {.name = "simclr-knn",
    .operands = "[FILE]",
    .operands_max = 1,
    .purpose = "Classify test features by the vote of the most similar training features and print "
               "the accuracy; or list nearest rows, copies, or outliers.",
    .options = rows,
    .version = print_version};

static void progress(int64_t done)
{
    progress_update(done, NULL);
}

static void print_result(const int *rank, const struct features *train, const struct features *test)
{
    const struct tally tally = tally_count(rank, test->rows);
    double low[2], high[2];
    char text[600];
    tally_wilson(&low[0], &high[0], tally.top1, tally.rows);
    tally_wilson(&low[1], &high[1], tally.top5, tally.rows);
    snprintf(text, sizeof text,
        "train\ttest\tclasses\tfeatures\tneighbors\ttemperature\ttop1\ttop5\ttop1_low\ttop1_high\t"
        "top5_low\ttop5_high\n%d\t%d\t%d\t%d\t%d\t%g\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n",
        train->rows, test->rows, features_count(train), train->width, options.neighbors,
        options.temperature, tally_percent(tally.top1, tally.rows),
        tally_percent(tally.top5, tally.rows), low[0], high[0], low[1], high[1]);
    sets_print(text);
}

/* ---- the vote --------------------------------------------------------------------------------- */

/* test_in NULL: --hold-out. */
static void vote(struct channel *train_in, struct channel *test_in, struct parallel *parallel)
{
    struct err err = {0};
    struct features train = {0}, test = {0};
    sets_train(&train, &test, train_in, &sets);
    if (test_in != NULL) {
        sets_test_open(&test, test_in, train.column, train.width, train.names, train.source);
        sets_test_read(&test);
    }
    if (options.neighbors > train.rows) {
        if (!cli_common.quiet)
            warn("there are %d training rows: all of them vote, not %d", train.rows,
                options.neighbors);
        options.neighbors = train.rows;
    }

    int *const rank = malloc((size_t)test.rows * sizeof *rank);
    if (rank == NULL)
        die(ERR_FAILED, "cannot allocate memory for the test set");
    progress_start(test.rows, "rows");
    options.progress = progress;
    if (knn_score(rank, NULL, &train, &test, &options, parallel, &err) < 0)
        die_err(&err);
    progress_end(test.rows);

    sets_account(rank, &test, train.names);
    print_result(rank, &train, &test);
    free(rank);
    features_free(&train);
    features_free(&test);
}

/* ---- which of all these ----------------------------------------------------------------------- */

static void refuse(const char *const *names, const char *with)
{
    for (; *names != NULL; names++)
        if (cli_given(&tool, *names))
            die(ERR_MISUSE, "--%s does not go with %s", *names, with);
}

static void check_two(const char *operand)
{
    static const char *const others[] = {"query", "outliers", NULL};
    const bool held = sets.hold_out > 0 && !leaks;
    if (sets.train == NULL || (sets.test == NULL && !held))
        die(ERR_MISUSE, "needs --train FILE and --test FILE%s",
            leaks ? "" : ", or --hold-out SHARE");
    refuse(others, "--train");
    if (operand != NULL || cli_common.input != NULL)
        die(ERR_MISUSE, "'%s' does not go with --train", operand ? operand : cli_common.input);
    if (!leaks && cli_given(&tool, "duplicates"))
        die(ERR_MISUSE, "--duplicates goes with --train only for --leaks");
}

static void check_one(const char *operand)
{
    static const char *const others[] = {"query", "outliers", NULL};
    static const char *const queries[] = {"query", NULL};
    const char *const in = operand ? operand : cli_common.input;
    if (cli_given(&tool, "duplicates"))
        refuse(others, "--duplicates");
    if (cli_given(&tool, "outliers"))
        refuse(queries, "--outliers");
    if (query != NULL && strcmp(query, "-") == 0 && (in == NULL || strcmp(in, "-") == 0))
        die(ERR_MISUSE, "standard input cannot be both --query and the collection");
}

/* Does the command line ask for a list? Dies unless it makes sense. */
static bool check(const char *operand)
{
    static const char *const votes[] = {"temperature", "fraction", "hold-out", "seed", NULL};
    const bool two = leaks || sets.train != NULL || sets.test != NULL;
    const bool chosen = cli_given(&tool, "duplicates") || cli_given(&tool, "outliers");
    if (!two && !chosen && !cli_given(&tool, "neighbors"))
        die(ERR_MISUSE, "needs --train FILE and --test FILE, or --neighbors, --duplicates or "
                        "--outliers");
    if (two)
        check_two(operand);
    else
        check_one(operand);
    if (leaks || !two)
        refuse(votes, "a list");
    else if (listing.null)
        die(ERR_MISUSE, "--null is for lists");
    sets_check(&sets);
    return leaks || !two;
}

static void list(struct channel *test_in, struct channel *in)
{
    listing.column = sets.column;
    listing.neighbors = cli_given(&tool, "neighbors") ? options.neighbors : leaks ? 1 : 10;
    if (leaks)
        listing_leaks(test_in, in, &listing);
    else if (cli_given(&tool, "duplicates"))
        listing_duplicates(in, &listing);
    else if (cli_given(&tool, "outliers"))
        listing_outliers(in, &listing);
    else if (query != NULL)
        listing_queries(test_in, in, &listing);
    else
        listing_neighbours(in, &listing);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    const char *const second = query != NULL ? query : sets.test;
    const bool lists = check(operand);

    struct channel *const in = sets.train != NULL ? sets_open(sets.train) : cli_open(operand);
    struct channel *const test_in = second != NULL ? sets_open(second) : NULL;
    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    if (parallel == NULL || gemm_init(&err) < 0)
        die_err(&err);
    listing.parallel = parallel;
    if (lists)
        list(test_in, in);
    else
        vote(in, test_in, parallel);
    parallel_free(parallel);
    cli_finish(in);
    if (test_in != NULL)
        cli_finish(test_in);
    return 0;
}
