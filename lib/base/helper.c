/* helper -- a thread that does one thing at a time beside its owner, and sleeps in between.
 * SPDX-License-Identifier: MIT */
#include "lib/base/helper.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct helper {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;

    /* under the mutex */
    void (*work)(void *); /* NULL: nothing to do */
    void *context;
    bool quit;
};

static void *helper_main(void *argument)
{
    struct helper *const h = argument;
    pthread_mutex_lock(&h->mutex);
    for (;;) {
        while (h->work == NULL && !h->quit)
            pthread_cond_wait(&h->changed, &h->mutex);
        if (h->work == NULL)
            break;
        pthread_mutex_unlock(&h->mutex);
        h->work(h->context); /* nobody changes either before work is NULL again */
        pthread_mutex_lock(&h->mutex);
        h->work = NULL;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

static void release(struct helper *h)
{
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

struct helper *helper_new(struct err *err)
{
    struct helper *const h = calloc(1, sizeof *h);
    if (h == NULL) {
        err_memory(err, "a thread");
        return NULL;
    }
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->changed, NULL);
    sigset_t all, before; /* signals are the main thread's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&h->thread, NULL, helper_main, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        err_set(err, ERR_FAILED, "cannot start a thread");
        release(h);
        return NULL;
    }
    return h;
}

void helper_free(struct helper *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->mutex);
    h->quit = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
    pthread_join(h->thread, NULL);
    release(h);
}

void helper_start(struct helper *h, void (*work)(void *context), void *context)
{
    pthread_mutex_lock(&h->mutex);
    while (h->work != NULL)
        pthread_cond_wait(&h->changed, &h->mutex);
    h->work = work;
    h->context = context;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
}

void helper_wait(struct helper *h)
{
    pthread_mutex_lock(&h->mutex);
    while (h->work != NULL)
        pthread_cond_wait(&h->changed, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
}
