/* stop.h -- a first SIGTERM or SIGINT that only asks, and a second that ends at once.
 *
 * Nobody leaves a training run within a step: the first training stage stops between two steps, and
 * every other stage runs on until its neighbour closes.
 * SPDX-License-Identifier: MIT */
#ifndef STOP_H
#define STOP_H

#include <signal.h>

/* Not zero once a first signal has come. */
extern volatile sig_atomic_t stop_requested;

/* From now on the first signal only sets stop_requested. Files registered with die_unlink() are
 * removed by the second. */
void stop_defer(void);

#endif
