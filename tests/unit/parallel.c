/* parallel -- every block once, whatever the number of threads; threads that wait do not spin.
 * SPDX-License-Identifier: MIT */
#include "lib/base/parallel.h"
#include "tests/unit/tap.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { BLOCKS = 1000 };

struct job {
    atomic_int done[BLOCKS];
    atomic_int wrong;
    int threads;
};

static void work(void *context, int block, int thread)
{
    struct job *job = context;
    atomic_fetch_add(&job->done[block], 1);
    if (thread < 0 || thread >= job->threads)
        atomic_fetch_add(&job->wrong, 1);
}

static int missed(struct parallel *parallel, int blocks, int rounds)
{
    struct job *job = calloc(1, sizeof *job);
    job->threads = parallel_threads(parallel);
    for (int i = 0; i < rounds; i++)
        parallel_run(parallel, blocks, work, job);
    int wrong = job->wrong;
    for (int i = 0; i < BLOCKS; i++)
        wrong += job->done[i] != (i < blocks ? rounds : 0);
    free(job);
    return wrong;
}

int main(void)
{
    struct err err = {0};
    OK(parallel_threads(NULL) == 1 && missed(NULL, 10, 1) == 0, "no pool is one thread");
    for (int threads = 1; threads <= 5; threads += 2) {
        struct parallel *parallel = parallel_new(threads, &err);
        OK(parallel != NULL && parallel_threads(parallel) == threads, "%d threads", threads);
        OK(missed(parallel, BLOCKS, 1) == 0, "each of many blocks once");
        OK(missed(parallel, 2, 1) == 0 && missed(parallel, 0, 1) == 0, "few blocks, and none");
        OK(missed(parallel, 7, 3000) == 0, "many rounds");
        parallel_free(parallel);
    }
    struct parallel *parallel = parallel_new(0, &err);
    OK(parallel_threads(parallel) >= 1, "0 means one for each CPU");
    parallel_free(parallel);

    parallel = parallel_new(8, &err);
    const clock_t before = clock();
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    NEAR((double)(clock() - before) / CLOCKS_PER_SEC, 0, 0.05, "waiting threads sleep");
    parallel_free(parallel);
    parallel_free(NULL);
    return tap_done();
}
