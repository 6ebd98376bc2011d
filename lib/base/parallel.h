/* parallel.h -- a pool of threads that share fixed blocks of work and sleep in between.
 *
 * Work is cut into blocks by its shape, never by the number of threads; whichever thread is free
 * takes the next block. What a block computes must not depend on who computes it, and sums over
 * blocks are made in block order by the caller: then the bits do not depend on the thread count.
 * Waiting threads sleep in the kernel: the stages of a pipeline share the same cores.
 * SPDX-License-Identifier: MIT */
#ifndef PARALLEL_H
#define PARALLEL_H

#include "lib/base/err.h"

struct parallel;

/* `threads` threads, the caller counted; 0 means one for each CPU this process may use.
 * Errors: ERR_FAILED when a thread cannot be started. */
struct parallel *parallel_new(int threads, struct err *err);
void parallel_free(struct parallel *parallel); /* NULL is fine */

/* Threads of the pool, the caller counted; 1 for NULL. */
int parallel_threads(const struct parallel *parallel);

/* work(context, block, thread) for every block in 0 .. blocks-1; returns when all are done.
 * thread is in 0 .. parallel_threads()-1 and serves to pick scratch memory. NULL runs serially.
 * Called from one thread at a time, never from inside work(). */
void parallel_run(struct parallel *parallel, int blocks,
    void (*work)(void *context, int block, int thread), void *context);

#endif
