/* parallel -- a pool of threads that share fixed blocks of work and sleep in between.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity */
#include "lib/base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct worker {
    struct parallel *parallel;
    pthread_t thread;
    int number;
};

struct parallel {
    int threads;
    struct worker *worker; /* [threads]; the caller is number 0 and has no thread */
    pthread_mutex_t mutex;
    pthread_cond_t start, done;
    void (*work)(void *, int, int);
    void *context;
    int blocks;
    atomic_int next;     /* the next block to be taken */
    int busy;            /* workers still at this round */
    unsigned generation; /* counts rounds, so that a late worker does not miss one */
    bool quit;
};

static void take_blocks(struct parallel *p, int thread)
{
    for (int block; (block = atomic_fetch_add(&p->next, 1)) < p->blocks;)
        p->work(p->context, block, thread);
}

static void *worker_main(void *argument)
{
    const struct worker *self = argument;
    struct parallel *p = self->parallel;
    unsigned seen = 0;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (p->generation == seen && !p->quit)
            pthread_cond_wait(&p->start, &p->mutex);
        if (p->quit)
            break;
        seen = p->generation;
        pthread_mutex_unlock(&p->mutex);
        take_blocks(p, self->number);
        pthread_mutex_lock(&p->mutex);
        if (--p->busy == 0)
            pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

static int cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

struct parallel *parallel_new(int threads, struct err *err)
{
    if (threads == 0)
        threads = cpus();
    struct parallel *p = calloc(1, sizeof *p);
    struct worker *worker = calloc((size_t)threads, sizeof *worker);
    if (p == NULL || worker == NULL) {
        free(p);
        free(worker);
        err_memory(err, "threads");
        return NULL;
    }
    p->worker = worker;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);

    sigset_t all, before; /* signals are the main thread's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (p->threads = 1; p->threads < threads; p->threads++) {
        struct worker *w = &worker[p->threads];
        *w = (struct worker){.parallel = p, .number = p->threads};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (p->threads < threads) {
        err_set(err, ERR_FAILED, "cannot start thread %d of %d", p->threads + 1, threads);
        parallel_free(p);
        return NULL;
    }
    return p;
}

void parallel_free(struct parallel *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->quit = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 1; i < p->threads; i++)
        pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->start);
    pthread_mutex_destroy(&p->mutex);
    free(p->worker);
    free(p);
}

int parallel_threads(const struct parallel *p)
{
    return p == NULL ? 1 : p->threads;
}

void parallel_run(struct parallel *p, int blocks,
    void (*work)(void *context, int block, int thread), void *context)
{
    if (p == NULL || p->threads == 1 || blocks <= 1) {
        for (int block = 0; block < blocks; block++)
            work(context, block, 0);
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->work = work;
    p->context = context;
    p->blocks = blocks;
    atomic_store(&p->next, 0);
    p->busy = p->threads - 1;
    p->generation++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->mutex);

    take_blocks(p, 0);

    pthread_mutex_lock(&p->mutex);
    while (p->busy > 0)
        pthread_cond_wait(&p->done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}
