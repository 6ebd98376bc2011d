/* reader -- over live pipes: a record is handed out when it is there, memory follows what comes.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 1000, ROWS = 700 }; /* 2.8 MB, more than a window at the usual level */

static float *numbers;

static struct channel *end_of_pipe(int fd, bool writing)
{
    char path[32];
    struct err err = {0};
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    struct channel *c = writing ? channel_create(path, &err) : channel_open(path, &err);
    close(fd); /* the channel has its own */
    return c;
}

static struct header *make_header(void)
{
    struct err err = {0};
    const int width[] = {WIDTH};
    struct header *h = header_new("features", &err);
    header_add(h, "h", DTYPE_F32, 1, width, &err);
    return h;
}

struct sender {
    pthread_t thread;
    struct channel *out;
    int level, records;
    bool end;
    pthread_barrier_t *received; /* wait here after each record: it must arrive by itself */
    struct err err;
};

static void *sender_main(void *argument)
{
    struct sender *s = argument;
    struct header *h = make_header();
    struct writer *w = writer_new(s->out, s->level, h, &s->err);
    for (int i = 0; i < s->records; i++) {
        struct field field = {.data = numbers};
        const struct record record = {
            .step = i, .parts = 1, .rows = i % 2 ? 1 : ROWS, .field = &field, .fields = 1};
        if (writer_record(w, &record, &s->err) < 0)
            break;
        if (s->received != NULL)
            pthread_barrier_wait(s->received);
    }
    if (s->end)
        writer_end(w, &s->err);
    writer_free(w);
    header_free(h);
    struct err closing = {0};
    channel_finish(s->out, &closing);
    return NULL;
}

static void test_live(int level)
{
    struct err err = {0};
    int ends[2], good = 0;
    pthread_barrier_t received;
    if (pipe(ends) != 0)
        return;
    pthread_barrier_init(&received, NULL, 2);
    struct sender sender = {.out = end_of_pipe(ends[1], true),
        .level = level,
        .records = 4,
        .end = true,
        .received = &received};
    struct channel *in = end_of_pipe(ends[0], false);
    pthread_create(&sender.thread, NULL, sender_main, &sender);
    struct reader *reader = reader_new(in, STREAM_RECORD, &err);
    const struct header *h;
    struct record record = {0};
    OK(reader_header(reader, &h, &err) == 1, "level %d: a header over a pipe", level);
    for (int i = 0; i < 4; i++) {
        good +=
            reader_record(reader, &record, &err) == 1 && record.step == i &&
            memcmp(record.field[0].data, numbers, (size_t)record.rows * WIDTH * sizeof(float)) == 0;
        pthread_barrier_wait(&received);
    }
    OK(good == 4, "each record is handed out before the next is sent %s", err.text);
    OK(reader_record(reader, &record, &err) == 0 && reader_more(reader, &err) == 0 &&
            reader_header(reader, &h, &err) == 0 && !reader_cut(reader),
        "then the end");
    pthread_join(sender.thread, NULL);
    OK(sender.err.status == ERR_NONE, "the sender is content %s", sender.err.text);
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
    pthread_barrier_destroy(&received);
}

static void test_cut_and_limit(void)
{
    struct err err = {0};
    int ends[2];
    const struct header *h;
    struct record record = {0};
    for (int turn = 0; turn < 2; turn++) { /* cut behind a record; beyond the limit */
        if (pipe(ends) != 0)
            return;
        struct sender sender = {.out = end_of_pipe(ends[1], true), .level = 1, .records = 1};
        struct channel *in = end_of_pipe(ends[0], false);
        pthread_create(&sender.thread, NULL, sender_main, &sender);
        struct reader *reader = reader_new(in, turn ? 1 << 20 : STREAM_RECORD, &err);
        OK(reader_header(reader, &h, &err) == 1, "a header");
        if (turn == 0)
            OK(reader_record(reader, &record, &err) == 1 && !reader_cut(reader), "and a record");
        OK(reader_record(reader, &record, &err) == -1 && err.status == ERR_INPUT &&
                reader_cut(reader) == (turn == 0),
            "%s", err.text);
        struct err again = {0};
        OK(reader_record(reader, &record, &again) == -1 && strcmp(err.text, again.text) == 0,
            "nobody reads on behind an error");
        err = (struct err){0};
        reader_free(reader);
        channel_abandon(in);
        pthread_join(sender.thread, NULL);
    }
    record_free(&record);
}

/* A frame that claims 1 GiB, of which 100 kB come: only about that much is allocated. */
static void test_claim(void)
{
    struct err err = {0};
    char path[] = "/tmp/simclr-unit-XXXXXX";
    const int fd = mkstemp(path);
    struct channel *out = channel_create(path, &err);
    struct header *h = make_header();
    struct writer *w = writer_new(out, 1, h, &err);
    /* single segment off, 8-byte size, checksum; window 1 MiB; 1 GiB; one raw block of 100 kB */
    static char frame[14 + 3 + 100000] = "\x28\xb5\x2f\xfd\xc4\x50\0\0\0\x40\0\0\0\0";
    const unsigned block = 100000u << 3;
    frame[14] = (char)block, frame[15] = (char)(block >> 8), frame[16] = (char)(block >> 16);
    OK(channel_write(out, frame, sizeof frame, &err) == 0 && channel_finish(out, &err) == 0,
        "(a claim of 1 GiB)");
    writer_free(w);
    header_free(h);
    struct channel *in = channel_open(path, &err);
    struct reader *reader = reader_new(in, STREAM_RECORD, &err);
    const struct header *header;
    struct record record = {0};
    OK(reader_header(reader, &header, &err) == 1 && reader_record(reader, &record, &err) == -1 &&
            reader_cut(reader),
        "it is cut short: %s", err.text);
    OK(record.capacity <= 256 << 10, "and has cost %zu bytes", record.capacity);
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
    close(fd);
    unlink(path);
}

/* A vector of three records, of 2, 2 and 1 rows of [1,3], [4,3] and [2,3]. */
static void test_varying(void)
{
    struct err err = {0};
    static const int extents[] = {1, 4, 2};
    struct channel *in = channel_open("formats/vectors/good/varying.stream", &err);
    struct reader *reader = reader_new(in, STREAM_RECORD, &err);
    const struct header *h;
    struct record record = {0};
    int good = 0;
    OK(reader_header(reader, &h, &err) == 1 && h->column[1].varies && h->column[1].shape[1] == 3,
        "a header with an open extent");
    for (int i = 0; i < 3; i++) {
        const void *last;
        good += reader_record(reader, &record, &err) == 1 &&
                record_shape(h, &record, 1)[0] == extents[i] &&
                record_shape(h, &record, 1)[1] == 3 &&
                record_row(h, &record, 1, record.rows - 1, &last) == 3 * (size_t)extents[i] &&
                *(const unsigned char *)last == 3 * extents[i] * (record.rows - 1);
    }
    OK(good == 3 && reader_record(reader, &record, &err) == 0, "each record says the rest %s",
        err.text);
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
}

int main(void)
{
    struct rng rng = rng_key(1, 0, 0, 0, "numbers");
    numbers = malloc(ROWS * WIDTH * sizeof *numbers);
    for (int i = 0; i < ROWS * WIDTH; i++)
        numbers[i] = (float)rng_normal(&rng);
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* a deadlock must not hang the tests */
    test_live(STREAM_LEVEL);
    test_live(9);
    test_cut_and_limit();
    test_claim();
    test_varying();
    free(numbers);
    return tap_done();
}
