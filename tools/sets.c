/* sets -- the training and the test set of simclr-linprobe and simclr-knn.
 * SPDX-License-Identifier: MIT */
#include "tools/sets.h"

#include "lib/eval/holdout.h"
#include "lib/eval/tally.h"
#include "tools/cli.h"
#include "tools/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sets_check(const struct sets *sets)
{
    if (sets->hold_out > 0 && sets->test != NULL)
        die(ERR_MISUSE, "--hold-out and --test: one set to measure on, not two");
    if (sets->hold_out > 0 && sets->train == NULL)
        die(ERR_MISUSE, "--hold-out needs --train FILE");
    if (sets->train != NULL && sets->test != NULL && strcmp(sets->train, "-") == 0 &&
        strcmp(sets->test, "-") == 0)
        die(ERR_MISUSE, "standard input cannot be both --train and --test");
    if (cli_common.output != NULL && strcmp(cli_common.output, "-") != 0)
        cli_try("output", cli_common.output); /* opened when all is done */
}

struct channel *sets_open(const char *path)
{
    struct err err = {0};
    struct channel *const channel = channel_open(path, &err);
    if (channel == NULL)
        die_err(&err);
    if (channel_terminal(channel))
        die(ERR_MISUSE, "'%s' is a terminal", channel_name(channel));
    channel_set_notice(channel, warn_notice);
    return channel;
}

void sets_unlabelled(const struct features *f)
{
    if (f->unlabelled > 0 && !cli_common.quiet)
        warn("leaves out %lld rows of '%s' without a label", (long long)f->unlabelled, f->source);
}

void sets_train_open(struct features *out, struct channel *channel, const struct sets *sets)
{
    struct err err = {0};
    if (features_open(out, channel, sets->column, &err) < 0)
        die_err(&err);
}

void sets_train(
    struct features *out, struct features *held, struct channel *channel, const struct sets *sets)
{
    struct err err = {0};
    sets_train_open(out, channel, sets);
    if (features_read(out, true, &err) < 0)
        die_err(&err);
    sets_unlabelled(out);
    if (sets->hold_out > 0 && holdout_take(held, out, sets->hold_out, sets->seed, &err) < 0)
        die_err(&err);
    if (sets->fraction < 1 && features_thin(out, sets->fraction, sets->seed, &err) < 0)
        die_err(&err);
}

void sets_test_open(struct features *out, struct channel *channel, const char *column, int width,
    const json_t *names, const char *source)
{
    struct err err = {0};
    if (features_open(out, channel, column, &err) < 0 ||
        features_match(out, width, names, source, &err) < 0)
        die_err(&err);
}

void sets_test_read(struct features *out)
{
    struct err err = {0};
    if (features_read(out, false, &err) < 0)
        die_err(&err);
    sets_unlabelled(out);
}

void sets_print(const char *text)
{
    sets_write(cli_common.output, text);
}

void sets_write(const char *path, const char *text)
{
    struct err err = {0};
    struct channel *const out = channel_create(path, &err);
    if (out == NULL)
        die_err(&err);
    die_unlink(channel_part(out));
    if (channel_write(out, text, strlen(text), &err) < 0)
        die_err(&err);
    cli_finish(out);
}

void sets_account(const int *rank, const struct features *test, const json_t *names)
{
    struct err err = {0};
    const struct tally tally = tally_count(rank, test->rows);
    if (tally.unknown > 0 && !cli_common.quiet)
        warn("%d test rows are of classes without a training row: they count as wrong",
            tally.unknown);
    if (!cli_common.verbose)
        return;
    char *const table =
        tally_classes(rank, test->label, test->rows, test->names ? test->names : names, &err);
    if (table == NULL)
        die_err(&err);
    if (write(STDERR_FILENO, table, strlen(table)) < 0)
        warn("cannot write the table of classes");
    free(table);
}
