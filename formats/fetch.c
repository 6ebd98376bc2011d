/* fetch -- read the pictures of one record ahead.
 * SPDX-License-Identifier: MIT */
#include "formats/fetch.h"

#include "formats/bytes.h"
#include "formats/picture.h"
#include "formats/stream.h"
#include "lib/base/helper.h"
#include "lib/base/parallel.h"
#include "lib/base/shape.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one block share a buffer. Buffers above KEEP bytes are not kept for the next record. */
enum { THREADS = 8, BLOCK = 8, BLOCK_BYTES = 1 << 16, KEEP = 1 << 18 };

struct fetch {
    struct dataset *set;
    int64_t max_pixels, shard, shards;
    int room, block;              /* rows at most, and of one block */
    struct fetch_row *row;        /* [room] */
    struct bytes *picture, *name; /* [blocks]; names only of sources that pass by */
    struct parallel *pool;        /* NULL: one thread reads */

    struct helper *helper; /* hands the rows to the pool, or reads what passes by */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool working;
    int rows; /* that were asked for; less when the sources have ended */
    atomic_bool some;
    struct err err; /* what ends the run; of the first row that has one */
    int err_row;

    atomic_size_t size; /* of the pictures at hand */
    atomic_llong read;  /* since the beginning */
};

static int blocks(const struct fetch *f, int rows)
{
    return rows / f->block + (rows % f->block != 0);
}

/* ---- one row --------------------------------------------------------------------------------- */

static void fail(struct fetch *f, int row, const struct err *err)
{
    pthread_mutex_lock(&f->mutex);
    if (f->err.status == ERR_NONE || row < f->err_row) {
        f->err = *err;
        f->err_row = row;
    }
    pthread_mutex_unlock(&f->mutex);
}

static void find_use(struct fetch *f)
{
    if (atomic_exchange(&f->some, true))
        return;
    pthread_mutex_lock(&f->mutex);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
}

static int check(const struct fetch *f, int i, struct err *err)
{
    struct picture p;
    if (f->set->channels > 0)
        return 0;
    if (picture_measure(&p, fetch_picture(f, i), f->row[i].size, err) < 0)
        return -1;
    if (shape_times((size_t)p.height, (size_t)p.width) > (size_t)f->max_pixels)
        return err_set(err, ERR_INPUT, "picture of %d x %d has more than %lld pixels", p.width,
            p.height, (long long)f->max_pixels);
    return 0;
}

/* There are more bytes than a record may have: it fails, and reading on would only fill the memory. */
static bool is_full(struct fetch *f)
{
    return atomic_load(&f->size) > STREAM_RECORD;
}

/* A picture has come to the end of its block's buffer (got 0), or could not be read (-1). */
static void settle(struct fetch *f, int i, int got, struct err *err)
{
    struct fetch_row *const row = &f->row[i];
    struct bytes *const picture = &f->picture[i / f->block];
    row->size = picture->size - row->at;
    atomic_fetch_add(&f->read, (long long)row->size);
    if (got == 0)
        got = check(f, i, err);
    if (got < 0) {
        picture->size = row->at;
        row->size = 0;
    } else if (atomic_fetch_add(&f->size, row->size) + row->size > STREAM_RECORD) {
        err_set(
            err, ERR_FAILED, "the pictures of one record have more than %zu bytes", STREAM_RECORD);
        got = err_hint(err, "cut the steps by --part ROWS");
    }
    if (got == 0) {
        find_use(f);
        return;
    }
    if (err->status == ERR_INPUT && (row->reason = strdup(err->text)) != NULL)
        return;
    if (err->status == ERR_INPUT) {
        *err = (struct err){0};
        err_memory(err, "the reason of a bad picture");
    }
    fail(f, i, err);
}

static void read_block(void *context, int block, int thread)
{
    struct fetch *const f = context;
    struct bytes *const picture = &f->picture[block];
    const int first = block * f->block;
    const int end = f->rows - first < f->block ? f->rows : first + f->block;
    (void)thread;
    for (int i = first; i < end && !is_full(f); i++) {
        struct fetch_row *const row = &f->row[i];
        struct err err = {0};
        row->label = dataset_label(f->set, row->id);
        row->name = dataset_name(f->set, row->id);
        row->at = picture->size;
        settle(f, i, dataset_read(f->set, row->id, picture, &err), &err);
    }
}

/* ---- sources that pass by -------------------------------------------------------------------- */

/* The next picture of this shard into row i: 1, or 0 at the end, or -1. */
static int read_next(struct fetch *f, int i, struct err *err)
{
    struct fetch_row *const row = &f->row[i];
    struct bytes *const picture = &f->picture[i / f->block], *const name = &f->name[i / f->block];
    struct dataset_row next;
    int got;
    row->at = picture->size;
    do {
        *err = (struct err){0};
        picture->size = row->at;
        got = dataset_next(f->set, &next, picture, err);
    } while (got > 0 && next.id % f->shards != f->shard);
    if (got <= 0)
        return got;
    const size_t length = strlen(next.name) + 1;
    unsigned char *const room = bytes_room(name, length, err);
    if (room == NULL)
        return -1;
    memcpy(room, next.name, length);
    row->text = name->size;
    name->size += length;
    row->id = next.id;
    row->label = next.label;
    settle(f, i, got == 1 ? 0 : -1, err);
    return 1;
}

static void read_on(struct fetch *f)
{
    struct err err = {0};
    int i = 0, got = 1;
    while (i < f->rows && !is_full(f) && (got = read_next(f, i, &err)) == 1)
        i++;
    if (got < 0)
        fail(f, i, &err);
    f->rows = i;
    while (i-- > 0) /* their buffers move no more */
        f->row[i].name = (const char *)f->name[i / f->block].data + f->row[i].text;
}

static void read_rows(void *context)
{
    struct fetch *const f = context;
    if (f->set->count < 0)
        read_on(f);
    else
        parallel_run(f->pool, blocks(f, f->rows), read_block, f);
    pthread_mutex_lock(&f->mutex);
    f->working = false;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
}

/* ---- interface ------------------------------------------------------------------------------- */

struct fetch *fetch_new(struct dataset *set, int rows, int64_t max_pixels, int64_t shard,
    int64_t shards, struct err *err)
{
    struct fetch *const f = calloc(1, sizeof *f);
    if (f == NULL) {
        err_memory(err, "pictures");
        return NULL;
    }
    *f = (struct fetch){
        .set = set, .max_pixels = max_pixels, .shard = shard, .shards = shards, .room = rows};
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    const size_t pixels = (size_t)set->height * (size_t)set->width * (size_t)set->channels;
    f->block = pixels == 0 ? BLOCK : pixels < BLOCK_BYTES ? (int)(BLOCK_BYTES / pixels) : 1;
    f->row = calloc((size_t)rows, sizeof *f->row);
    f->picture = calloc((size_t)blocks(f, rows), sizeof *f->picture);
    f->name = calloc((size_t)blocks(f, rows), sizeof *f->name);
    int failed = !f->row || !f->picture || !f->name ? err_memory(err, "pictures") : 0;
    if (!failed && set->count >= 0 && set->channels == 0) {
        f->pool = parallel_new(THREADS, err);
        failed = f->pool == NULL;
    }
    f->helper = failed ? NULL : helper_new(err);
    if (f->helper != NULL)
        return f;
    fetch_free(f);
    return NULL;
}

void fetch_free(struct fetch *f)
{
    if (f == NULL)
        return;
    helper_free(f->helper);
    parallel_free(f->pool);
    for (int i = 0; i < f->room && f->row != NULL; i++)
        free(f->row[i].reason);
    for (int i = 0; i < blocks(f, f->room) && f->picture != NULL && f->name != NULL; i++) {
        bytes_free(&f->picture[i]);
        bytes_free(&f->name[i]);
    }
    free(f->row);
    free(f->picture);
    free(f->name);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

void fetch_start(struct fetch *f, int rows)
{
    for (int i = 0; i < f->rows; i++) {
        free(f->row[i].reason);
        f->row[i].reason = NULL;
    }
    for (int i = 0; i < blocks(f, f->rows); i++) {
        if (f->picture[i].capacity > KEEP)
            bytes_free(&f->picture[i]);
        f->picture[i].size = f->name[i].size = 0;
    }
    f->rows = rows;
    f->working = true;
    atomic_store(&f->some, false);
    atomic_store(&f->size, 0);
    helper_start(f->helper, read_rows, f);
}

bool fetch_some(struct fetch *f)
{
    pthread_mutex_lock(&f->mutex);
    while (f->working && !atomic_load(&f->some))
        pthread_cond_wait(&f->changed, &f->mutex);
    const bool some = atomic_load(&f->some) || f->err.status != ERR_NONE;
    pthread_mutex_unlock(&f->mutex);
    return some;
}

int fetch_wait(struct fetch *f, struct err *err)
{
    pthread_mutex_lock(&f->mutex);
    while (f->working)
        pthread_cond_wait(&f->changed, &f->mutex);
    const int rows = f->err.status == ERR_NONE ? f->rows : -1;
    if (rows < 0 && err->status == ERR_NONE)
        *err = f->err;
    pthread_mutex_unlock(&f->mutex);
    return rows;
}

struct fetch_row *fetch_row(struct fetch *f, int row)
{
    return &f->row[row];
}

const unsigned char *fetch_picture(const struct fetch *f, int row)
{
    return f->picture[row / f->block].data + f->row[row].at;
}

int64_t fetch_bytes(const struct fetch *f)
{
    return atomic_load(&f->read);
}
