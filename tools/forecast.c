/* forecast -- how long a training run will take: one sentence, told once, from its first steps.
 * SPDX-License-Identifier: MIT */
#include "tools/forecast.h"

#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <stdbool.h>
#include <stdio.h>

/* It is told after so many steps and seconds, or half of the run; or after so many seconds. */
enum { STEPS = 3, SECONDS = 1, PATIENCE = 10 };

struct forecast forecast_open(const char *path)
{
    return (struct forecast){.out = path != NULL ? cli_create(path) : NULL, .first = -1};
}

/* As people say it: two digits, or two units. */
static void write_duration(char text[32], double seconds)
{
    const long long s = (long long)(seconds + 0.5), min = (s + 30) / 60, h = (s + 1800) / 3600;
    if (seconds < 0.00095)
        snprintf(text, 32, "1 ms");
    else if (seconds < 0.0995)
        snprintf(text, 32, "%.0f ms", 1000 * seconds);
    else if (seconds < 0.995)
        snprintf(text, 32, "%.2f s", seconds);
    else if (seconds < 9.95)
        snprintf(text, 32, "%.1f s", seconds);
    else if (s < 60)
        snprintf(text, 32, "%lld s", s);
    else if (s < 600)
        snprintf(text, 32, "%lld min %lld s", s / 60, s % 60);
    else if (min < 60)
        snprintf(text, 32, "%lld min", min);
    else if (h < 48)
        snprintf(text, 32, "%lld h %lld min", min / 60, min % 60);
    else
        snprintf(text, 32, "%lld d %lld h", h / 24, h % 24);
}

static void tell(struct forecast *f, const struct plan *plan, int64_t step, double a_step)
{
    struct err err = {0};
    char one[32], epoch[32], all[32], left[32], rest[48] = "", text[200];
    write_duration(one, a_step);
    write_duration(epoch, a_step * (double)plan->steps_per_epoch);
    write_duration(all, a_step * (double)plan->steps);
    write_duration(left, a_step * (double)(plan->steps - 1 - step));
    if (f->first > 0) /* a run that goes on */
        snprintf(rest, sizeof rest, ", %s to go", left);
    const int length = snprintf(text, sizeof text,
        "about %s a step, %lld step%s an epoch: %s an epoch, %s in all%s\n", one,
        (long long)plan->steps_per_epoch, plan->steps_per_epoch == 1 ? "" : "s", epoch, all, rest);
    if (channel_write(f->out, text, (size_t)length, &err) < 0)
        die_err(&err);
    cli_finish(f->out);
    f->out = NULL;
}

void forecast_step(struct forecast *f, const struct plan *plan, int64_t step)
{
    if (f->out == NULL || plan->steps == 0)
        return;
    const double now = progress_seconds();
    if (f->first < 0) {
        f->first = step;
        f->since = now;
        return;
    }
    const int64_t timed = step - f->first, all = plan->steps - 1 - f->first;
    const double seconds = now - f->since;
    const bool enough = timed >= STEPS && (seconds >= SECONDS || timed >= all - timed);
    if (enough || seconds >= PATIENCE)
        tell(f, plan, step, seconds / (double)timed);
}

void forecast_close(struct forecast *f)
{
    if (f->out == NULL)
        return;
    die_keep(channel_part(f->out));
    channel_abandon(f->out);
    f->out = NULL;
}
