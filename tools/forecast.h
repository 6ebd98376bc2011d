/* forecast.h -- how long a training run will take: one sentence, told once, from its first steps.
 *
 *     about 3.1 s a step, 40 steps an epoch: 2 min 4 s an epoch, 1 h 2 min in all
 *
 * and in a run that goes on behind it: ", 48 min to go". The first step is not timed: it pays for the
 * start of all stages.
 * SPDX-License-Identifier: MIT */
#ifndef FORECAST_H
#define FORECAST_H

#include "formats/channel.h"
#include "formats/stream.h"

#include <stdint.h>

struct forecast {
    struct channel *out; /* NULL: nobody asks, or it has been told */
    int64_t first;       /* the step that timing began after; below 0: not yet */
    double since;        /* when that was */
};

/* Where to tell it; NULL: nowhere. Dies on error. */
struct forecast forecast_open(const char *path);

/* `step` is done. Dies on error. */
void forecast_step(struct forecast *forecast, const struct plan *plan, int64_t step);

/* The run is over; what was not told by now is not. */
void forecast_close(struct forecast *forecast);

#endif
