/* state.h -- checkpoints: everything a training stage needs to go on as if nothing had happened.
 *
 * A state is the safetensors file PREFIX-STEP.safetensors (STEP: updates done, ten digits) with the
 * parameters and the optimiser slots; its metadata holds `state` (the version, "1"), `step`, `tool`,
 * `arguments` (JSON: the options that determine the result), `plan`, `kernels` (what computed it)
 * and `digest` of the tensors. The last two are kept. It is written as FILE.part, synced and
 * renamed.
 * SPDX-License-Identifier: MIT */
#ifndef STATE_H
#define STATE_H

#include "lib/base/err.h"
#include "lib/nn/param.h"
#include "lib/train/optimizer.h"

#include <jansson.h>
#include <stdint.h>

struct state {
    const char *prefix; /* --state */
    const char *tool;
    const json_t *arguments; /* what must be the same on resume, */
    const json_t *plan;      /* the run, */
    const char *kernels;     /* and the kernels: any difference is refused, and named */
    struct params *params;
    struct optimizer *optimizer;
};

/* Write the state after `step` updates, and remove the older ones but the last. Those of later steps
 * are left alone. Errors: ERR_FAILED; ERR_MISUSE for a name or step that is too long. */
int state_save(const struct state *state, int64_t step, struct err *err);

/* Fill params and slots from the state after `step` updates; on failure they are as before. The
 * caller calls model.refresh(). Errors: ERR_MISUSE no such file, or it
 * belongs to another run (names the key and both values); ERR_INPUT damaged. */
int state_load(const struct state *state, int64_t step, struct err *err);

#endif
