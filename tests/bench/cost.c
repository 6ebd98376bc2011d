/* cost -- run a command, and append to a file what it took.
 *
 *     cost FILE COMMAND [ARGUMENT]...
 *
 * One line: seconds by the clock, seconds of processor time (user and system, of all processes that
 * the command waited for), and the largest resident set of any one of them in KiB. The exit status
 * is that of the command.
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* ru_maxrss */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: cost FILE COMMAND [ARGUMENT]...\n");
        return 2;
    }
    const double start = now();
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "cost: cannot run '%s': %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        fprintf(stderr, "cost: cannot start '%s': %s\n", argv[2], strerror(errno));
        return 1;
    }
    const double clock = now() - start;
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    FILE *const file = fopen(argv[1], "a");
    if (file == NULL) {
        fprintf(stderr, "cost: cannot open '%s': %s\n", argv[1], strerror(errno));
        return 1;
    }
    fprintf(file, "%.3f %.3f %ld\n", clock, seconds(usage.ru_utime) + seconds(usage.ru_stime),
        usage.ru_maxrss);
    if (fclose(file) != 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
