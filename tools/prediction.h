/* prediction.h -- the filter side of simclr-linprobe: a stream goes through, and every row gets the
 * class that a classifier takes it for.
 * SPDX-License-Identifier: MIT */
#ifndef PREDICTION_H
#define PREDICTION_H

#include "lib/base/parallel.h"
#include "lib/eval/classifier.h"
#include "tools/cli.h"

/* Read streams from `in`, write them to `out` with columns `predicted` I64 and `probability` F32.
 * `column`: NULL is the one that the classifier was fitted on. Dies on error. */
void prediction_run(struct channel *out, struct channel *in, const struct classifier *model,
    const char *column, const struct cli_tool *tool, struct parallel *parallel);

/* The same rows as a table of text instead: name, label (-1: unknown), predicted, probability. */
void prediction_table(struct channel *out, struct channel *in, const struct classifier *model,
    const char *column, struct parallel *parallel);

#endif
