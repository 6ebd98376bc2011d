/* schedule -- linear warm-up, then cosine to zero over the rest of the run.
 * SPDX-License-Identifier: MIT */
#include "lib/train/schedule.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

struct schedule schedule_make(double rate, const char *scaling, int batch, double warmup_epochs,
    int64_t steps_per_epoch, int64_t steps)
{
    struct schedule out = {.peak = rate, .steps = steps};
    if (strcmp(scaling, "linear") == 0)
        out.peak *= batch / 256.0;
    else if (strcmp(scaling, "sqrt") == 0)
        out.peak *= sqrt(batch);
    /* A double counts exactly up to 2^53; no run is that long. */
    out.warmup = (int64_t)fmin(round(warmup_epochs * (double)steps_per_epoch), 0x1p53);
    return out;
}

double schedule_rate(const struct schedule *schedule, int64_t step)
{
    if (step < schedule->warmup)
        return schedule->peak * ((double)step / (double)schedule->warmup);
    if (step >= schedule->steps)
        return 0;
    const double done =
        (double)(step - schedule->warmup) / (double)(schedule->steps - schedule->warmup);
    return schedule->peak / 2 * (1 + cos(PI * done));
}
