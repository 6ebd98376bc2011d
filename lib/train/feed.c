/* feed -- a thread that reads a stream ahead of whoever consumes it.
 * SPDX-License-Identifier: MIT */
#include "lib/train/feed.h"

#include "lib/train/parcel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct item {
    struct record record; /* first: a record handed out is its item */
    struct parcel parcel;
    struct item *next;
};

enum { LOOSE = 4 }; /* buffers that wait for a record to be read or unfolded into */

struct feed {
    struct channel *channel;
    struct reader *reader;
    const struct header *header;
    bool one_ahead;
    pthread_t thread;
    int wake[2]; /* written to when the thread shall leave */
    pthread_mutex_t mutex;
    pthread_cond_t changed;

    /* under the mutex */
    struct item *first, *last; /* read and not yet taken */
    struct item *spare;        /* returned, to be filled again */
    struct item *taken;        /* handed out */
    struct {
        void *buffer;
        size_t room;
    } loose[LOOSE];
    int64_t newest, consumed; /* step of the newest record read, and of the newest one taken */
    bool complete;            /* the newest record was the last part of its step */
    bool end, cut, more, quit;
    struct err err;

    struct parcel_press *press;  /* the thread's own */
    struct parcel_press *opener; /* the consumer's own, */
    double waited;               /* and this */
};

/* A buffer that a folded record has given up; and one for a record that has none. */
static void give_buffer(struct feed *feed, void *buffer, size_t room)
{
    pthread_mutex_lock(&feed->mutex);
    for (int i = 0; i < LOOSE && buffer != NULL; i++)
        if (feed->loose[i].buffer == NULL) {
            feed->loose[i].buffer = buffer;
            feed->loose[i].room = room;
            buffer = NULL;
        }
    pthread_mutex_unlock(&feed->mutex);
    free(buffer);
}

static void *take_buffer(struct feed *feed, size_t *room)
{
    void *buffer = NULL;
    pthread_mutex_lock(&feed->mutex);
    for (int i = 0; i < LOOSE && buffer == NULL; i++) {
        buffer = feed->loose[i].buffer;
        *room = buffer != NULL ? feed->loose[i].room : 0;
        feed->loose[i].buffer = NULL;
    }
    pthread_mutex_unlock(&feed->mutex);
    return buffer;
}

static void free_items(struct item *item)
{
    while (item != NULL) {
        struct item *const next = item->next;
        record_free(&item->record);
        parcel_free(&item->parcel);
        free(item);
        item = next;
    }
}

static void publish(struct feed *feed, struct item *item)
{
    item->next = NULL;
    if (feed->last == NULL)
        feed->first = item;
    else
        feed->last->next = item;
    feed->last = item;
    feed->newest = item->record.step;
    feed->complete = item->record.part == item->record.parts - 1;
    pthread_cond_broadcast(&feed->changed);
}

/* An item to read into, once there is room ahead; NULL when the feed is being freed. */
static struct item *wait_for_room(struct feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    while (!feed->quit && feed->one_ahead && feed->complete && feed->newest > feed->consumed &&
           feed->first != NULL)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    struct item *item = feed->spare;
    if (item != NULL)
        feed->spare = item->next;
    const bool quit = feed->quit;
    pthread_mutex_unlock(&feed->mutex);
    if (quit) {
        if (item != NULL)
            item->next = NULL;
        free_items(item);
        return NULL;
    }
    return item != NULL ? item : calloc(1, sizeof *item);
}

/* As reader_record(); a part that will have to wait is folded. */
static int read_item(struct feed *feed, struct item *item, struct err *err)
{
    if (item->record.buffer == NULL)
        item->record.buffer = take_buffer(feed, &item->record.capacity);
    const int got = reader_record(feed->reader, &item->record, err);
    item->parcel.size = 0;
    item->parcel.base = NULL;
    if (got < 1 || !feed->one_ahead || item->record.parts == 1)
        return got;
    if (parcel_make(&item->parcel, feed->press, &item->record, err) < 0)
        return -1;
    feed_fold(feed, &item->record);
    return 1;
}

static void read_records(struct feed *feed, struct err *err)
{
    const struct header *header;
    int got = reader_header(feed->reader, &header, err);
    if (got == 1) {
        pthread_mutex_lock(&feed->mutex);
        feed->header = header;
        pthread_cond_broadcast(&feed->changed);
        pthread_mutex_unlock(&feed->mutex);
    }
    while (got == 1) {
        struct item *const item = wait_for_room(feed);
        if (item == NULL)
            break;
        got = read_item(feed, item, err);
        pthread_mutex_lock(&feed->mutex);
        if (got == 1) {
            publish(feed, item);
        } else {
            item->next = feed->spare;
            feed->spare = item;
            feed->end = got == 0;
            pthread_cond_broadcast(&feed->changed);
        }
        pthread_mutex_unlock(&feed->mutex);
    }
}

static void *feed_main(void *argument)
{
    struct feed *const feed = argument;
    struct err err = {0};
    read_records(feed, &err);
    pthread_mutex_lock(&feed->mutex);
    const bool end = feed->end;
    if (!end) {
        err_set(&err, ERR_FAILED, "cannot allocate memory for a record");
        feed->err = err;
        feed->cut = reader_cut(feed->reader);
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->mutex);
    if (end) { /* nobody waits for this: has another stream been put behind? */
        const bool more = reader_more(feed->reader, &err) > 0;
        pthread_mutex_lock(&feed->mutex);
        feed->more = more;
        pthread_mutex_unlock(&feed->mutex);
    }
    return NULL;
}

/* What is left when there is no thread. */
static void discard(struct feed *feed)
{
    for (int i = 0; i < LOOSE; i++)
        free(feed->loose[i].buffer);
    parcel_press_free(feed->press);
    parcel_press_free(feed->opener);
    reader_free(feed->reader);
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

struct feed *feed_new(struct channel *channel, bool one_ahead, struct err *err)
{
    struct feed *const feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        err_memory(err, "a stream");
        return NULL;
    }
    feed->channel = channel;
    feed->one_ahead = one_ahead;
    feed->newest = feed->consumed = -1;
    feed->reader = reader_new(channel, STREAM_RECORD, err);
    pthread_mutex_init(&feed->mutex, NULL);
    pthread_cond_init(&feed->changed, NULL);
    feed->press = parcel_press_new(err);
    feed->opener = parcel_press_new(err);
    if (feed->reader == NULL || feed->press == NULL || feed->opener == NULL ||
        pipe(feed->wake) != 0) {
        err_errno(err, "cannot make a pipe");
        discard(feed);
        return NULL;
    }
    channel_interrupt(channel, feed->wake[0]);
    sigset_t all, before; /* signals are the main thread's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&feed->thread, NULL, feed_main, feed);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        err_set(err, ERR_FAILED, "cannot start a thread that reads '%s'", channel_name(channel));
        close(feed->wake[0]);
        close(feed->wake[1]);
        discard(feed);
        return NULL;
    }
    return feed;
}

void feed_free(struct feed *feed)
{
    if (feed == NULL)
        return;
    pthread_mutex_lock(&feed->mutex);
    feed->quit = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->mutex);
    while (write(feed->wake[1], "", 1) < 0 && errno == EINTR)
        ;
    pthread_join(feed->thread, NULL);
    close(feed->wake[0]);
    close(feed->wake[1]);
    free_items(feed->first);
    free_items(feed->spare);
    free_items(feed->taken);
    struct channel *const channel = feed->channel;
    discard(feed);
    channel_abandon(channel);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const struct header *feed_header(struct feed *feed, struct err *err)
{
    const double start = seconds();
    pthread_mutex_lock(&feed->mutex);
    while (feed->header == NULL && feed->err.status == ERR_NONE && !feed->end)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    const struct header *const header = feed->header;
    if (header == NULL && err->status == ERR_NONE)
        *err = feed->err;
    pthread_mutex_unlock(&feed->mutex);
    feed->waited += seconds() - start;
    return header;
}

/* Sleep until something changes, or 50 ms, so that a stop flag set by a signal is seen. */
static void wait_a_little(struct feed *feed)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50 * 1000 * 1000;
    if (until.tv_nsec >= 1000 * 1000 * 1000) {
        until.tv_nsec -= 1000 * 1000 * 1000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&feed->changed, &feed->mutex, &until);
}

int feed_next(
    struct feed *feed, struct record **out, const volatile sig_atomic_t *stop, struct err *err)
{
    const double start = seconds();
    int got = 1;
    pthread_mutex_lock(&feed->mutex);
    while (feed->first == NULL && !feed->end && feed->err.status == ERR_NONE &&
           (stop == NULL || *stop == 0))
        wait_a_little(feed);
    struct item *const item = feed->first;
    if (stop != NULL && *stop != 0) {
        got = err_set(err, ERR_STOPPED, "stopped by a signal");
    } else if (item != NULL) {
        feed->first = item->next;
        if (feed->first == NULL)
            feed->last = NULL;
        item->next = feed->taken;
        feed->taken = item;
        feed->consumed = item->record.step;
        pthread_cond_broadcast(&feed->changed);
        *out = &item->record;
    } else if (feed->end) {
        got = 0;
    } else {
        if (err->status == ERR_NONE)
            *err = feed->err;
        got = -1;
    }
    pthread_mutex_unlock(&feed->mutex);
    feed->waited += seconds() - start;
    return got == 1 ? feed_unfold(feed, *out, err) < 0 ? -1 : 1 : got;
}

void feed_fold(struct feed *feed, struct record *record)
{
    struct item *const item = (struct item *)record;
    const size_t room = record->capacity;
    give_buffer(feed, parcel_fold(&item->parcel, record), room);
}

int feed_unfold(struct feed *feed, struct record *record, struct err *err)
{
    struct item *const item = (struct item *)record;
    if (item->parcel.base == NULL)
        return 0;
    size_t room = 0;
    void *const buffer = take_buffer(feed, &room);
    return parcel_unfold(&item->parcel, feed->opener, record, buffer, room, err);
}

void feed_return(struct feed *feed, struct record *record)
{
    struct item *const item = (struct item *)record;
    pthread_mutex_lock(&feed->mutex);
    for (struct item **link = &feed->taken; *link != NULL; link = &(*link)->next) {
        if (*link == item) {
            *link = item->next;
            break;
        }
    }
    item->next = feed->spare;
    feed->spare = item;
    pthread_mutex_unlock(&feed->mutex);
}

bool feed_cut(struct feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    const bool cut = feed->cut;
    pthread_mutex_unlock(&feed->mutex);
    return cut;
}

bool feed_more(struct feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    const bool more = feed->more;
    pthread_mutex_unlock(&feed->mutex);
    return more;
}

double feed_waited(const struct feed *feed)
{
    return feed->waited;
}
