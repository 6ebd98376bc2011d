/* feed -- records in order, read ahead as far as allowed; ends, cuts, stops, and leaving early.
 * SPDX-License-Identifier: MIT */
#include "lib/train/feed.h"

#include "tests/unit/tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 65536 }; /* a record of 256 KiB fits no pipe */

/* Somebody who writes a stream into a pipe, step by step. */
struct sender {
    pthread_t thread;
    int fd, steps, parts;
    bool end, twice;
    bool even; /* rows of one number */
    pthread_mutex_t mutex;
    int sent; /* records that have gone out whole */
};

static void wait_ms(int ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static int sent(struct sender *s)
{
    pthread_mutex_lock(&s->mutex);
    const int count = s->sent;
    pthread_mutex_unlock(&s->mutex);
    return count;
}

/* The row of part p of step s begins with s + p/8. */
static void send_stream(struct sender *s, struct channel *out)
{
    struct err err = {0};
    static const int width = WIDTH;
    float *const row = malloc(WIDTH * sizeof *row);
    struct header *const header = header_new("features", &err);
    header_add(header, "h", DTYPE_F32, 1, &width, &err);
    struct writer *const writer = writer_new(out, -5, header, &err);
    for (int i = 0; i < s->steps * s->parts && err.status == ERR_NONE; i++) {
        row[0] = (float)(i / s->parts) + (float)(i % s->parts) / 8;
        for (int j = 1; j < WIDTH; j++) /* of no pattern that could be compressed away */
            row[j] = s->even ? row[0] : (float)((unsigned)(i * WIDTH + j) * 2654435761U) * 1e-9f;
        struct field field = {.data = row};
        const struct record record = {.step = i / s->parts,
            .part = i % s->parts,
            .parts = s->parts,
            .rows = 1,
            .field = &field,
            .fields = 1};
        if (writer_record(writer, &record, &err) < 0)
            break;
        pthread_mutex_lock(&s->mutex);
        s->sent++;
        pthread_mutex_unlock(&s->mutex);
    }
    if (s->end)
        writer_end(writer, &err);
    writer_free(writer);
    header_free(header);
    free(row);
}

static void *sender_main(void *argument)
{
    struct sender *const s = argument;
    struct err err = {0};
    char path[40];
    snprintf(path, sizeof path, "/dev/fd/%d", s->fd);
    struct channel *const out = channel_create(path, &err);
    close(s->fd);
    send_stream(s, out);
    if (s->twice)
        send_stream(s, out);
    channel_finish(out, &err);
    return NULL;
}

/* A channel that a sender writes to. */
static struct channel *start(struct sender *s)
{
    int ends[2];
    struct err err = {0};
    char path[40];
    if (pipe(ends) != 0)
        exit(1);
    s->fd = ends[1];
    pthread_mutex_init(&s->mutex, NULL);
    pthread_create(&s->thread, NULL, sender_main, s);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct channel *const in = channel_open(path, &err);
    close(ends[0]);
    return in;
}

static bool holds(const struct record *r, int step, int part)
{
    float first;
    memcpy(&first, r->field[0].data, sizeof first);
    return r->step == step && r->part == part && first == (float)step + (float)part / 8;
}

/* Records of a step of two parts, folded and looked at again; those that shrink give their memory
 * up. */
static void test_order(bool even)
{
    struct err err = {0};
    struct sender s = {.steps = 4, .parts = 2, .end = true, .even = even};
    struct feed *const feed = feed_new(start(&s), true, &err);
    const struct header *const header = feed_header(feed, &err);
    OK(header != NULL && strcmp(header->kind, "features") == 0, "the header comes first");
    bool good = true;
    for (int step = 0; step < 4 && good; step++) {
        struct record *one, *two;
        good = feed_next(feed, &one, NULL, &err) == 1 && feed_next(feed, &two, NULL, &err) == 1 &&
               holds(one, step, 0) && holds(two, step, 1);
        feed_fold(feed, one);
        feed_fold(feed, two);
        good = good && (one->buffer == NULL) == even && (two->buffer == NULL) == even &&
               feed_unfold(feed, two, &err) == 0 && holds(two, step, 1) &&
               (!even || feed_unfold(feed, one, &err) == 0) && holds(one, step, 0);
        feed_return(feed, two);
        feed_return(feed, one);
    }
    OK(good, "records%s in order, those of a step at the same time", even ? " that fold" : "");
    struct record *none;
    OK(feed_next(feed, &none, NULL, &err) == 0 && feed_next(feed, &none, NULL, &err) == 0,
        "END is END, as often as one asks");
    pthread_join(s.thread, NULL);
    wait_ms(50);
    OK(!feed_cut(feed) && !feed_more(feed), "nothing was cut and nothing follows");
    feed_free(feed);
}

/* Records that have gone out when there should be `count`: those, or more a moment later. */
/* All parts of a step in use at a time, more than buffers are put by for, folded and unfolded. */
static void test_many(void)
{
    enum { MANY = 7 };
    struct err err = {0};
    struct sender s = {.steps = 4, .parts = MANY, .end = true, .even = true};
    struct feed *const feed = feed_new(start(&s), true, &err);
    bool good = feed_header(feed, &err) != NULL;
    for (int step = 0; step < 4 && good; step++) {
        struct record *part[MANY];
        for (int i = 0; i < MANY && good; i++)
            good = feed_next(feed, &part[i], NULL, &err) == 1;
        for (int round = 0; round < 2 && good; round++) {
            for (int i = 0; i < MANY; i++)
                good = good && holds(part[i], step, i);
            for (int i = 0; i < MANY && good; i++)
                feed_fold(feed, part[i]);
            for (int i = 0; i < MANY && good; i++)
                good = feed_unfold(feed, part[i], &err) == 0;
        }
        for (int i = 0; i < MANY && good; i++)
            feed_return(feed, part[i]);
    }
    OK(good, "%d parts are whole at the same time %s", MANY, err.text);
    feed_free(feed);
    pthread_join(s.thread, NULL);
}

static int settled(struct sender *s, int count)
{
    for (int i = 0; i < 500 && sent(s) < count; i++)
        wait_ms(10);
    wait_ms(100);
    return sent(s);
}

static void test_ahead(void)
{
    struct err err = {0};
    struct record *record;
    struct sender bounded = {.steps = 8, .parts = 2, .end = true};
    struct feed *feed = feed_new(start(&bounded), true, &err);
    feed_next(feed, &record, NULL, &err);
    /* Step 1 is read to its end, and step 2 fills the pipe. */
    OK(settled(&bounded, 4) == 4, "one step ahead and no further: %d records", sent(&bounded));
    feed_return(feed, record);
    feed_next(feed, &record, NULL, &err);
    feed_return(feed, record);
    feed_next(feed, &record, NULL, &err); /* of step 1 */
    OK(settled(&bounded, 6) == 6, "and one more when the next begins: %d records", sent(&bounded));
    feed_free(feed); /* with a record not returned, and a sender in the middle of one */
    pthread_join(bounded.thread, NULL);
    OK(sent(&bounded) < 16, "a feed that is freed lets its sender go");

    struct sender free_running = {.steps = 8, .parts = 2, .end = true};
    feed = feed_new(start(&free_running), false, &err);
    pthread_join(free_running.thread, NULL);
    OK(sent(&free_running) == 16, "without that bound everything is taken, wanted or not");
    feed_free(feed);
}

static void test_ends(void)
{
    struct err err = {0};
    struct record *record;
    struct sender cut = {.steps = 1, .parts = 1};
    struct feed *feed = feed_new(start(&cut), true, &err);
    OK(feed_next(feed, &record, NULL, &err) == 1, "what came before a cut is handed out");
    feed_return(feed, record);
    OK(feed_next(feed, &record, NULL, &err) == -1 && err.status == ERR_INPUT && feed_cut(feed),
        "then the cut is an error, and known as one");
    pthread_join(cut.thread, NULL);
    feed_free(feed);

    err = (struct err){0};
    struct sender twice = {.steps = 1, .parts = 1, .end = true, .twice = true};
    feed = feed_new(start(&twice), true, &err);
    feed_next(feed, &record, NULL, &err);
    OK(feed_next(feed, &record, NULL, &err) == 0, "END of the first of two streams is END");
    for (int i = 0; i < 100 && !feed_more(feed); i++)
        wait_ms(10);
    OK(feed_more(feed), "that another follows is known");
    feed_free(feed);
    pthread_join(twice.thread, NULL);
}

static void test_stop(void)
{
    int ends[2];
    char path[40];
    struct err err = {0};
    struct record *record;
    if (pipe(ends) != 0)
        return;
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct feed *const feed = feed_new(channel_open(path, &err), true, &err);
    static volatile sig_atomic_t stop = 1;
    OK(feed_next(feed, &record, &stop, &err) == -1 && err.status == ERR_STOPPED,
        "a stop flag ends the wait for a record");
    OK(!feed_cut(feed) && feed_waited(feed) < 1, "which is no cut, and took no time");
    feed_free(feed); /* its thread is waiting for a header */
    OK(true, "a feed that waits can be freed");
    close(ends[0]);
    close(ends[1]);
}

static void test_damage(void)
{
    int ends[2];
    char path[40];
    struct err err = {0};
    if (pipe(ends) != 0 || write(ends[1], "no stream", 9) != 9)
        return;
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct feed *const feed = feed_new(channel_open(path, &err), true, &err);
    close(ends[0]);
    OK(feed_header(feed, &err) == NULL && err.status == ERR_INPUT, "no header, no header");
    OK(!feed_cut(feed), "damage is no cut");
    feed_free(feed);
    feed_free(NULL);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_order(false);
    test_order(true);
    test_many();
    test_ahead();
    test_ends();
    test_stop();
    test_damage();
    return tap_done();
}
