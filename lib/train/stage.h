/* stage.h -- the step loop of a training stage: parts in, outputs on, gradients back, update.
 *
 *     input (views) --> forward --> output (h) --> ... the stages after this one ...
 *     gradient to whoever sent the input <-- backward <-- gradient of the output <--
 *
 * One step: forward over its parts in order, each output written as soon as it is there; then the
 * gradient of each part in the same order, backward, weight gradients added up in part order and
 * never divided (they are gradients of the step's mean loss); then one update.
 *
 * Memory: with a tape for every part nothing is computed twice. With fewer, the parts that have
 * none run forward again when their gradient has come (gradient caching, Gao et al. 2021): the same
 * bits, in the memory of fewer parts. Parts whose rows are of different size have tapes of their own
 * size, one for each size at least.
 *
 * With whole_step the parts run together instead, as one batch (joint.h): first all of them come,
 * then all outputs go; first all gradients come, then all of those of the input go.
 * SPDX-License-Identifier: MIT */
#ifndef STAGE_H
#define STAGE_H

#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/nn/model.h"
#include "lib/train/feed.h"
#include "lib/train/optimizer.h"
#include "lib/train/schedule.h"
#include "lib/train/state.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who wants to have the weights as they are before the first step, after every `every` epochs, and after
 * the last: once each, when a run goes on from a state too. `step` counts the steps of those epochs in
 * the plan. It is called before any record of a later step is written, and before the state of this one. */
struct stage_saver {
    int64_t every;                                                         /* 1 .. */
    int (*save)(void *self, int64_t epoch, int64_t step, struct err *err); /* 0, or -1 */
    void *self;
};

/* What a stage is made of; all borrowed. */
struct stage_options {
    struct model model; /* its gradients are zero, as each step leaves them */
    struct optimizer *optimizer;
    struct schedule schedule;
    struct feed *input;       /* its header has been read */
    const char *input_column; /* "pixels", "h" */
    struct channel *output;   /* finished by the stage when END has been written */
    const struct header
        *output_header;        /* the input's columns less input_column, plus output_column */
    const char *output_column; /* "h", "z" */
    int level;                 /* zstd, of both outputs */
    struct channel *grad;      /* gradients of the output; the stage's own, if it fails too */
    struct channel *grad_out; /* where to send gradients of the input; NULL: nobody trains before */
    const struct header *grad_out_header;
    size_t memory;             /* bytes for tapes; one of each size is made in any case */
    int least_rows;            /* of a part, or of a whole step: 2 where there are statistics */
    bool whole_step;           /* batch norm takes its statistics from all parts of a step */
    int scratch;               /* with whole_step: a file for what is beyond memory; -1: none */
    const struct state *state; /* NULL: no checkpoints */
    int64_t checkpoint_every;  /* steps; 0: only when stopped */
    int64_t start_step;        /* updates done before */
    const volatile sig_atomic_t *stop; /* set by the first SIGTERM or SIGINT */
    const struct stage_saver *saver;   /* NULL: nobody */
};

/* What it did. */
struct stage_account {
    int64_t steps, rows;
    int64_t repeated;                          /* parts that ran forward twice */
    double input_wait, grad_wait, output_wait; /* seconds */
    size_t tape_bytes, spilt_bytes;            /* activations; those of them in the scratch file */
};

struct stage;

/* Errors: ERR_INPUT when the input has no plan or not the columns that the model takes; ERR_MISUSE
 * when the steps of the plan have no place in memory. Nothing is written then. */
struct stage *stage_new(const struct stage_options *options, struct err *err);
void stage_free(struct stage *stage); /* NULL is fine */

/* Train until END. 0: everything is done, but for grad_out's END: save the weights, then call
 * stage_close(). -1 with ERR_STOPPED: stopped at a step boundary, the state saved (the first stage,
 * having no grad_out, stops by itself; a later one when its input ends). Otherwise -1: failed.
 * account is filled in every case. */
int stage_run(struct stage *stage, struct stage_account *account, struct err *err);

/* END on grad_out. */
int stage_close(struct stage *stage, struct err *err);

#endif
