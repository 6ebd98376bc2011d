/* sets.h -- the training and the test set of simclr-linprobe and simclr-knn.
 * SPDX-License-Identifier: MIT */
#ifndef SETS_H
#define SETS_H

#include "formats/channel.h"
#include "lib/eval/features.h"

#include <stdint.h>

struct sets {
    const char *train, *test; /* files; NULL: not given */
    const char *column;       /* of features; NULL: the usual ones */
    double fraction;          /* of the training labels */
    double hold_out;          /* share of the training rows to measure on; 0: not given */
    int64_t seed;
};

/* Standard input is not both; what --output names can be written. */
void sets_check(const struct sets *sets);

/* A channel to read; refuses a terminal. Dies on error. */
struct channel *sets_open(const char *path);

/* Read all of a training set, note the rows without a label, move those of --hold-out to `held`, keep a
 * share of the others. Closes the channel. `held` may be NULL if nothing is to be held out. Dies on
 * error. */
void sets_train(
    struct features *out, struct features *held, struct channel *channel, const struct sets *sets);

/* Open a training set that is read as it comes; and note the rows without a label when that is done. */
void sets_train_open(struct features *out, struct channel *channel, const struct sets *sets);
void sets_unlabelled(const struct features *features);

/* Open a test set and hold its header against what it is to test: the same column, width and class
 * names as the training set or the classifier, called `source` in messages. Then, when everything
 * has been chosen, read it. */
void sets_test_open(struct features *out, struct channel *channel, const char *column, int width,
    const json_t *names, const char *source);
void sets_test_read(struct features *out);

/* A table of results: to --output, or to standard output. Dies on error. */
void sets_print(const char *text);

/* A text to a file; NULL is standard output. Dies on error. */
void sets_write(const char *path, const char *text);

/* Under --verbose: the table of classes on stderr. And always: a note on rows of classes that the
 * classifier does not know. */
void sets_account(const int *rank, const struct features *test, const json_t *names);

#endif
