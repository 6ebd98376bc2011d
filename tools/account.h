/* account.h -- what a stage says of itself at the end, under --verbose or in the file of --account:
 * where its time went, and how much memory it had.
 *
 *     simclr-encode: 120 steps, 30720 rows, 41.2 s, 745.6 rows/s, peak memory 512 MiB
 *     simclr-encode: waited 0.4 s for input, 3.1 s for gradients, 0.0 s for its reader; computed
 *                    37.7 s, 70.1 s of CPU                              (one line)
 *
 * The words are the same in all tools; what a tool does not wait for is left out. Waiting is that of
 * the thread which does the work: a read or a write that goes on beside it costs nothing. What it did
 * not wait it computed, or was kept from it by others who had the CPU: the seconds of CPU, of all
 * threads, tell.
 *
 * The file gets a line for each run: tool, steps, rows, seconds, waited for input, for gradients, for
 * its reader, seconds of CPU, peak memory in KiB; `-` is what a tool does not have.
 * SPDX-License-Identifier: MIT */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdint.h>

/* Seconds waited. */
struct account {
    double input;
    double gradients; /* below 0: the tool takes none */
    double reader;    /* until the output was taken */
};

/* From here on the seconds count. */
void account_start(void);

/* Clear the progress line, tell under --verbose, and write to the file of --account. `steps` below 0: none. `unit` is what the rows are
 * called: "rows", "pictures". */
void account_tell(int64_t steps, int64_t rows, const char *unit, const struct account *account);

#endif
