/* stop.h -- a first SIGTERM or SIGINT that only asks, and a second that ends at once.
 *
 * Nobody leaves a training run within a step: the first training stage stops between two steps, and
 * every other stage runs on until its neighbour closes. simclr-pretrain starts the stages with both
 * signals blocked, so that none is lost, and none kills, before stop_defer() is reached.
 * SPDX-License-Identifier: MIT */
#ifndef STOP_H
#define STOP_H

#include <signal.h>

/* Not zero once a first signal has come. */
extern volatile sig_atomic_t stop_requested;

/* From now on the first signal only sets stop_requested; the second removes the files registered
 * with die_unlink() and ends the tool. To be called first thing where this may be a training run. */
void stop_defer(void);

/* It is no training run after all: signals have their default action again, and one that has come
 * in the meantime takes effect. */
void stop_restore(void);

#endif
