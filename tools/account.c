/* account -- what a stage says of itself at the end under --verbose.
 * SPDX-License-Identifier: MIT */
#include "tools/account.h"

#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static double begun;

void account_start(void)
{
    begun = progress_seconds();
}

/* Largest resident memory so far, in KiB. Linux counts ru_maxrss from before the exec, when the process
 * was still a copy of whoever started it; VmHWM is the program's own. */
static long peak_memory(const struct rusage *usage)
{
    char line[200];
    long peak = -1;
    FILE *const status = fopen("/proc/self/status", "r");
    while (status != NULL && peak < 0 && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &peak) != 1)
            peak = -1;
    if (status != NULL)
        fclose(status);
    return peak >= 0 ? peak : usage->ru_maxrss;
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* One write: the stages of a pipeline share the file. That it fails is no reason to lose a run. */
static void append(int64_t steps, int64_t rows, double seconds, double cpu, long peak,
    const struct account *account)
{
    char gradients[40] = "-", some[40] = "-";
    FILE *const file = fopen(cli_common.account, "a");
    if (account->gradients >= 0)
        snprintf(gradients, sizeof gradients, "%.3f", account->gradients);
    if (steps >= 0)
        snprintf(some, sizeof some, "%lld", (long long)steps);
    if (file != NULL)
        fprintf(file, "%s\t%s\t%lld\t%.3f\t%.3f\t%s\t%.3f\t%.3f\t%ld\n", cli_common.name, some,
            (long long)rows, seconds, account->input, gradients, account->reader, cpu, peak);
    if ((file == NULL || fclose(file) != 0) && !cli_common.quiet)
        warn("cannot write '%s': %s", cli_common.account, strerror(errno));
}

void account_tell(int64_t steps, int64_t rows, const char *unit, const struct account *account)
{
    char some[40] = "", gradients[40] = "";
    struct rusage usage;
    progress_clear();
    if ((!cli_common.verbose && cli_common.account == NULL) || getrusage(RUSAGE_SELF, &usage) < 0)
        return;
    const double seconds = progress_seconds() - begun;
    const long peak = peak_memory(&usage);
    if (cli_common.account != NULL)
        append(steps, rows, seconds, cpu_seconds(&usage), peak, account);
    if (!cli_common.verbose)
        return;
    const double waited =
        account->input + account->reader + (account->gradients > 0 ? account->gradients : 0);
    if (steps >= 0)
        snprintf(some, sizeof some, "%lld steps, ", (long long)steps);
    if (account->gradients >= 0)
        snprintf(gradients, sizeof gradients, " %.1f s for gradients,", account->gradients);
    warn("%s%lld %s, %.1f s, %.1f %s/s, peak memory %.0f MiB", some, (long long)rows, unit, seconds,
        seconds > 0 ? (double)rows / seconds : 0.0, unit, (double)peak / 1024);
    warn("waited %.1f s for input,%s %.1f s for its reader; computed %.1f s, %.1f s of CPU",
        account->input, gradients, account->reader, seconds > waited ? seconds - waited : 0.0,
        cpu_seconds(&usage));
}
