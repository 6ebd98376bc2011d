/* training.h -- what simclr-encode and simclr-project share: the options of a training stage, the
 * way one is put together, and the plain forward pass over a stream. simclr-linprobe takes some of the
 * options.
 * SPDX-License-Identifier: MIT */
#ifndef TRAINING_H
#define TRAINING_H

#include "formats/stream.h"
#include "lib/base/parallel.h"
#include "lib/nn/model.h"
#include "lib/train/feed.h"
#include "tools/cli.h"

#include <jansson.h>
#include <stdbool.h>

struct training_options {
    bool train, nesterov;
    const char *grad, *grad_out;
    const char *weights, *save;
    int64_t save_every;     /* epochs; 0: only at the end */
    const char *batch_norm; /* part | step | frozen */
    const char *optimizer, *scaling;
    double rate, decay, momentum, warmup_epochs; /* warm-up NaN: not given */
    size_t memory;                               /* 0: half of what the machine has */
    const char *scratch;
    const char *state;
    int64_t checkpoint_every, start_step, seed; /* seed below 0: the plan's, else 0 */
};
extern struct training_options training;

#define TRAINING_ROW_OPTIMIZER                                                                     \
    {                                                                                              \
        0, "optimizer", "lars|sgd|adam|adamw", CLI_CHOICE, &training.optimizer, 0, 0, CLI_RESULT,  \
            "update rule", false                                                                   \
    }

/* How the weights are updated, but for the base learning rate. */
#define TRAINING_ROWS_RULE                                                                         \
    {0, "lr-scaling", "none|linear|sqrt", CLI_CHOICE, &training.scaling, 0, 0, CLI_RESULT,         \
        "times 1, batch/256 or the root of batch (in pictures)", false},                           \
        {0, "weight-decay", "X", CLI_REAL, &training.decay, 0, 1e3, CLI_RESULT, "weight decay",    \
            false},                                                                                \
        {0, "momentum", "X", CLI_REAL, &training.momentum, 0, 1, CLI_RESULT, "momentum", false},   \
        {0, "nesterov", NULL, CLI_FLAG, &training.nesterov, 0, 0, CLI_RESULT, "Nesterov momentum", \
            false},                                                                                \
    {                                                                                              \
        0, "warmup-epochs", "X", CLI_REAL, &training.warmup_epochs, 0, 1e6, CLI_RESULT,            \
            "linear warm-up; default: a tenth of the epochs, at most 10", false                    \
    }

#define TRAINING_ROWS_STATE                                                                        \
    {0, "state", "PREFIX", CLI_TEXT, &training.state, 0, 0, CLI_INCIDENTAL,                        \
        "checkpoints are PREFIX-STEP.safetensors", false},                                         \
        {0, "checkpoint-every", "STEPS", CLI_LONG, &training.checkpoint_every, 1, 1e15,            \
            CLI_INCIDENTAL, "write a checkpoint every STEPS steps", false},                        \
    {                                                                                              \
        0, "start-step", "STEP", CLI_LONG, &training.start_step, 0, 1e15, CLI_INCIDENTAL,          \
            "go on from the checkpoint after STEP steps", false                                    \
    }

#define TRAINING_ROWS                                                                              \
    {0, "train", NULL, CLI_FLAG, &training.train, 0, 0, CLI_RESULT,                                \
        "train: send outputs on, read their gradients from --grad", false},                        \
        {0, "grad", "FILE", CLI_TEXT, &training.grad, 0, 0, CLI_INCIDENTAL,                        \
            "FIFO with the gradients of what was written", false},                                 \
        {0, "weights", "FILE", CLI_TEXT, &training.weights, 0, 0, CLI_INCIDENTAL,                  \
            "begin with the weights in FILE (safetensors)", false},                                \
        {0, "save", "FILE", CLI_TEXT, &training.save, 0, 0, CLI_INCIDENTAL,                        \
            "write the trained weights to FILE (safetensors)", false},                             \
        {0, "save-every", "EPOCHS", CLI_LONG, &training.save_every, 1, 1e15, CLI_INCIDENTAL,       \
            "save also every EPOCHS epochs: --save x.safetensors as x-STEP.safetensors", false},   \
        {0, "batch-norm", "part|step|frozen", CLI_CHOICE, &training.batch_norm, 0, 0, CLI_RESULT,  \
            "statistics of each part, of the step, or the running ones", false},                   \
        TRAINING_ROW_OPTIMIZER,                                                                    \
        {0, "learning-rate", "RATE", CLI_REAL, &training.rate, 0, 1e6, CLI_RESULT,                 \
            "base learning rate", false},                                                          \
        TRAINING_ROWS_RULE,                                                                        \
        {0, "memory", "SIZE", CLI_SIZE, &training.memory, 1, 1e18, CLI_INCIDENTAL,                 \
            "for the activations of several parts; default: half of the machine's", false},        \
        {0, "scratch", "FILE", CLI_TEXT, &training.scratch, 0, 0, CLI_INCIDENTAL,                  \
            "with --batch-norm step: activations beyond --memory go to FILE", false},              \
        TRAINING_ROWS_STATE,                                                                       \
    {                                                                                              \
        's', "seed", "N", CLI_LONG, &training.seed, 0, 9e15, CLI_RESULT,                           \
            "seed of fresh weights; default: the plan's, else 0", false                            \
    }

#define TRAINING_ROW_GRAD_OUT                                                                      \
    {                                                                                              \
        0, "grad-out", "FILE", CLI_TEXT, &training.grad_out, 0, 0, CLI_INCIDENTAL,                 \
            "FIFO for the gradients of what was read", false                                       \
    }

/* Refuse combinations that make no sense, and files that could not be written in the end, before
 * anything is opened. */
void training_check(const struct cli_tool *tool, const char *operand);

/* Pieces of training_check() and training_open() for a stage that is put together in another way: that
 * every file serves one purpose, and will have a place to be written to; that checkpoints have a name;
 * the seed and the warm-up where no option gave them. */
void training_check_state(void);
void training_check_files(const char *operand);
void training_need_folders(void);
void training_defaults(const struct header *header);

/* Put into the arguments of a state what must be the same beside the options when it is taken up: the
 * digest of the weights it all began with, and how many pictures the source has, if that is known. */
void training_identify(json_t *arguments, const struct header *in, const char *digest);

/* Everything a tool has opened, once the header of its input is there. */
struct training_session {
    struct safetensors weights; /* --weights; empty without */
    struct parallel *parallel;
    struct channel *grad; /* --grad; NULL without --train */
    int scratch;          /* --scratch, which has no name any more; -1 without */
    struct channel *in, *out;
    struct feed *feed;     /* with --train */
    struct reader *reader; /* without */
    const struct header *header;
};

/* Open what the options and the operand name (gradients first, so that whoever sends them never
 * waits), read the header, and put the defaults in place that depend on it: seed, warm-up, memory.
 * Dies on error. */
struct training_session training_open(const char *operand);

/* The whole number 1 .. high that the metadata of --weights have under `name`; 0 when they have none.
 * Dies (status 3) of anything else. */
int training_number(const struct safetensors *doc, const char *name, int high);

/* A model in the hands of a tool. */
struct training_job {
    struct cli_tool *tool;
    struct model model;
    const char *kind;                         /* of the output: "features" */
    const char *input_column, *output_column; /* "pixels", "h" */
    const char *kernels;                      /* what computes: goes into states */
    bool has_batch_norm;
    json_t *metadata;  /* of --save, but for `run`: strings */
    json_t *arguments; /* for the provenance: made by training_work() */
    char digest[65];   /* of the weights at the start: likewise */
};

/* Load the weights if any, then train until END and write --save, or just run forward over the
 * stream and those that follow it, and free both. Returns 0; dies on error and when stopped. */
int training_work(struct training_session *session, struct training_job *job);

#endif
