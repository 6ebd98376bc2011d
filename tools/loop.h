/* loop.h -- simclr-linprobe as the last stage of a training run: the loss of a classifier, and the
 * gradient that trains whoever made the features.
 *
 *     h f32 [N,D], label --linear--> logits --softmax cross entropy--> a line a step on stdout,
 *                                                                grad f32 [N,D] to --grad-out
 *
 * SPDX-License-Identifier: MIT */
#ifndef LOOP_H
#define LOOP_H

#include "tools/cli.h"
#include "tools/training.h"

struct loop_options {
    int classes; /* 0: the header says */
    bool zero;
    const char *forecast;
    const char *column; /* of features; NULL: h, else z. Set by the tool, as are the next two: */
    double rate;        /* NaN: that of a training stage */
    int64_t seed;       /* below 0: the plan's */
};
extern struct loop_options loop;

#define LOOP_ROWS                                                                                  \
    {0, "grad-out", "FILE", CLI_TEXT, &training.grad_out, 0, 0, CLI_INCIDENTAL,                    \
        "train in the loop: FIFO for the gradients of what was read", false},                      \
        TRAINING_ROW_OPTIMIZER, TRAINING_ROWS_RULE,                                                \
        {0, "classes", "N", CLI_INT, &loop.classes, 2, 100000, CLI_RESULT,                         \
            "classes; default: what the stream says", false},                                      \
        {0, "zero-init", NULL, CLI_FLAG, &loop.zero, 0, 0, CLI_RESULT, "begin with weights of 0",  \
            false},                                                                                \
        TRAINING_ROWS_STATE,                                                                       \
    {                                                                                              \
        0, "forecast", "FILE", CLI_TEXT, &loop.forecast, 0, 0, CLI_INCIDENTAL,                     \
            "FILE or /dev/fd/N for a line that says how long the run will take", false             \
    }

/* Without --grad-out: dies if one of the others above is given. */
void loop_refuse(const struct cli_tool *tool);

/* Refuse options and combinations that make no sense in the loop, before anything is opened. */
void loop_check(const struct cli_tool *tool, const char *operand);

/* cli_arguments() less what this side of the tool does not look at. A new reference. */
json_t *loop_arguments(const struct cli_tool *tool, bool in_loop);

/* Train until END, write training.save. `settle` is called when the header has been read: training.seed and
 * training.rate are what they are, and the variables of the option table should be too. Dies on error
 * and when stopped. */
void loop_run(struct cli_tool *tool, const char *operand, void (*settle)(void));

#endif
