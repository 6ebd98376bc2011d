/* progress -- a progress line with rate and remaining time, and the closing account.
 * SPDX-License-Identifier: MIT */
#include "tools/progress.h"

#include "tools/cli.h"
#include "tools/die.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool drawing, drawn;
    int64_t total, first;
    const char *unit;
    double start, last;
} line;

double progress_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(int64_t total, const char *unit)
{
    struct stat out;
    const bool pipe = fstat(STDOUT_FILENO, &out) == 0 && S_ISFIFO(out.st_mode);
    line.drawing = isatty(STDERR_FILENO) && !pipe && !cli_common.quiet;
    line.total = total;
    line.first = -1;
    line.unit = unit;
    line.start = line.last = progress_seconds();
}

void progress_update(int64_t done, const char *note)
{
    const double now = progress_seconds();
    if (line.first < 0)
        line.first = done; /* a resumed run does not start at nothing */
    if (!line.drawing || now - line.last < 1.0 / 6)
        return;
    line.last = now;
    line.drawn = true;
    const double rate = (double)(done - line.first) / (now - line.start);
    char text[200];
    int n = snprintf(text, sizeof text, "\r\033[K%lld", (long long)done);
    if (line.total > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, "/%lld", (long long)line.total);
    n += snprintf(text + n, sizeof text - (size_t)n, " %s  %.3g/s", line.unit, rate);
    if (line.total > 0 && rate > 0) {
        const int64_t left = (int64_t)((double)(line.total - done) / rate + 0.5);
        n += snprintf(text + n, sizeof text - (size_t)n, "  ETA %lld:%02d", (long long)(left / 60),
            (int)(left % 60));
    }
    if (note != NULL && n < (int)sizeof text)
        n += snprintf(text + n, sizeof text - (size_t)n, "  %s", note);
    if (n > (int)sizeof text - 1)
        n = (int)sizeof text - 1;
    if (write(STDERR_FILENO, text, (size_t)n) < 0)
        line.drawing = false;
}

void progress_clear(void)
{
    if (line.drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
        line.drawing = false;
    line.drawn = line.drawing = false;
}

void progress_end(int64_t done)
{
    const double seconds = progress_seconds() - line.start;
    progress_clear();
    if (cli_common.verbose)
        warn("%lld %s, %.1f s, %.1f %s/s", (long long)done, line.unit, seconds,
            seconds > 0 ? (double)done / seconds : 0.0, line.unit);
}
