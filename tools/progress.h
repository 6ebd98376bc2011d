/* progress.h -- a progress line with rate and remaining time, and the closing account.
 *
 * The line is drawn only if stderr is a terminal and stdout is no pipe (in a pipeline only the last
 * tool draws), at most six times a second. The account is printed under --verbose.
 * SPDX-License-Identifier: MIT */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* `total` things (0: unknown) named `unit` ("pictures", "steps"). */
void progress_start(int64_t total, const char *unit);

/* `done` of them so far; `note` (may be NULL) stands behind: "loss 4.31". */
void progress_update(int64_t done, const char *note);

/* Clear the line: an account of its own follows (account.h). */
void progress_clear(void);

/* Clear the line; under --verbose: "simclr-x: 60000 rows, 12.3 s, 4878 rows/s". */
void progress_end(int64_t done);

/* Seconds on the monotonic clock. */
double progress_seconds(void);

#endif
