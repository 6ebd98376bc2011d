/* simclr-knn -- how well nearest neighbours tell the classes of features apart.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/knn.h"
#include "lib/eval/tally.h"
#include "lib/nn/gemm.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"
#include "tools/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sets sets = {.fraction = 1};
static struct knn_options options = {.neighbors = 200, .temperature = 0.1};

static struct cli_option rows[] = {
    {0, "train", "FILE", CLI_TEXT, &sets.train, 0, 0, CLI_INCIDENTAL,
        "stream of labelled training features (file, FIFO, /dev/fd/N; - is standard input)", false},
    {0, "test", "FILE", CLI_TEXT, &sets.test, 0, 0, CLI_INCIDENTAL,
        "stream of labelled test features", false},
    {0, "column", "NAME", CLI_TEXT, &sets.column, 0, 0, CLI_RESULT,
        "column of features, F32 or U8; without it the first there is of h, z, pixels", false},
    {0, "neighbors", "N", CLI_INT, &options.neighbors, 1, 1e6, CLI_RESULT, "neighbours that vote",
        false},
    {0, "temperature", "REAL", CLI_REAL, &options.temperature, 1e-4, 1e6, CLI_RESULT,
        "a vote weighs exp(cosine / REAL)", false},
    {0, "fraction", "REAL", CLI_REAL, &sets.fraction, 0, 1, CLI_RESULT,
        "share of the training labels to use, class by class, at least one each", false},
    {'s', "seed", "N", CLI_LONG, &sets.seed, 0, 9e15, CLI_RESULT, "seed of the draw for --fraction",
        false},
    CLI_ROW_OUTPUT,
    CLI_ROW_THREADS,
    CLI_ROWS_END,
};

static void print_version(FILE *out)
{
    fprintf(out, "BLAS: %s\n", gemm_version());
}

static struct cli_tool tool = {.name = "simclr-knn",
    .operands = "",
    .purpose = "Classify test features by the vote of the most similar training features; print "
               "the accuracy.",
    .options = rows,
    .version = print_version};

static void progress(int64_t done)
{
    progress_update(done, NULL);
}

static void print_result(const int *rank, const struct features *train, const struct features *test)
{
    const struct tally tally = tally_count(rank, test->rows);
    char text[400];
    snprintf(text, sizeof text,
        "train\ttest\tclasses\tfeatures\tneighbors\ttemperature\ttop1\ttop5\n"
        "%d\t%d\t%d\t%d\t%d\t%g\t%.2f\t%.2f\n",
        train->rows, test->rows, features_count(train), train->width, options.neighbors,
        options.temperature, tally_percent(tally.top1, tally.rows),
        tally_percent(tally.top5, tally.rows));
    sets_print(text);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct features train = {0}, test = {0};
    cli_parse(&tool, argc, argv);
    if (sets.train == NULL || sets.test == NULL)
        die(ERR_MISUSE, "needs --train FILE and --test FILE");
    sets_check(&sets);

    struct channel *const train_in = sets_open(sets.train), *const test_in = sets_open(sets.test);
    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    if (parallel == NULL || gemm_init(&err) < 0)
        die_err(&err);
    sets_train(&train, train_in, &sets);
    sets_test_open(&test, test_in, train.column, train.width, train.names, train.source);
    sets_test_read(&test);
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
    parallel_free(parallel);
    cli_finish(train_in);
    cli_finish(test_in);
    return 0;
}
