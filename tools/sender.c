/* sender -- the pictures of a course, read ahead and sent step by step.
 * SPDX-License-Identifier: MIT */
#include "tools/sender.h"

#include "formats/batch.h"
#include "formats/fetch.h"
#include "tools/bad.h"
#include "tools/progress.h"

#include <stdlib.h>
#include <string.h>

struct sender {
    const struct selection *selection;
    const struct course *course;
    bool passing;
    struct fetch *fetch;
    struct batch batch;
    struct writer *writer;
    int64_t tried, sent;
    double waited;
};

struct sender *sender_new(struct dataset *set, const struct selection *selection,
    const struct course *course, const struct header *header, struct err *err)
{
    struct sender *const s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_memory(err, "pictures");
        return NULL;
    }
    *s = (struct sender){.selection = selection, .course = course, .passing = set->count < 0};
    const bool fewer = !s->passing && selection->count < course->part;
    const int rows = !fewer ? course->part : selection->count > 0 ? (int)selection->count : 1;
    const int parts = (course->batch + course->part - 1) / course->part; /* see send_step() */
    if (batch_open(&s->batch, header, rows + parts, err) == 0) {
        s->fetch =
            fetch_new(set, rows, bad_options.max_pixels, selection->shard, selection->shards, err);
        if (s->fetch != NULL)
            return s;
        batch_close(&s->batch);
    }
    free(s);
    return NULL;
}

void sender_free(struct sender *s)
{
    if (s == NULL)
        return;
    fetch_free(s->fetch);
    batch_close(&s->batch);
    free(s);
}

/* ---- one part -------------------------------------------------------------------------------- */

/* Begin to read part `part` of step `step`, or the step after it if it has no such part. */
static void start_part(struct sender *s, int64_t step, int part, int parts)
{
    if (part == parts) {
        part = 0;
        step++;
    }
    if (step == s->course->steps)
        return;
    const struct course_part p = course_part(s->course, step, part);
    for (int i = 0; i < p.rows; i++)
        fetch_row(s->fetch, i)->id = selection_id(s->selection, course_id(s->course, &p, i));
    fetch_start(s->fetch, p.rows);
}

/* Add to the batch what has been read. Returns the rows that were tried, or -1. */
static int take(struct sender *s, struct err *err)
{
    const double start = progress_seconds();
    const int rows = fetch_wait(s->fetch, err);
    s->waited += progress_seconds() - start;
    for (int i = 0; i < rows; i++) {
        const struct fetch_row *const row = fetch_row(s->fetch, i);
        if (row->reason != NULL)
            bad_picture(row->id, row->name, strlen(row->name), row->reason);
        else if (batch_add(&s->batch, row->id, row->label, row->name, fetch_picture(s->fetch, i),
                     row->size, err) < 0)
            return -1;
    }
    s->tried += rows > 0 ? rows : 0;
    return rows;
}

/* Send the batch as parts record->part .. end-1. */
static int send_parts(struct sender *s, struct record *record, int end, struct err *err)
{
    const int64_t rows = s->batch.rows, first = record->part, pieces = end - first;
    if (rows < pieces) {
        err_set(err, ERR_INPUT, "step %lld has too few pictures that can be read for its %d parts",
            (long long)record->step, record->parts);
        return err_hint(err, "--part with more ROWS makes fewer parts");
    }
    for (; record->part < end; record->part++) {
        const int64_t piece = record->part - first;
        const int64_t size = (piece + 1) * rows / pieces - piece * rows / pieces;
        batch_piece(&s->batch, (int)size, record);
        if (writer_record(s->writer, record, err) < 0)
            return -1;
    }
    s->sent += rows;
    batch_clear(&s->batch);
    progress_update(s->tried, NULL);
    return 0;
}

static bool next_has_some(struct sender *s)
{
    const double start = progress_seconds();
    const bool some = fetch_some(s->fetch);
    s->waited += progress_seconds() - start;
    return some;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* While a part is written the next one is being read, be it of this step or of the next. A part is
 * held back while there are fewer pictures than parts to be sent, and while the part after it has
 * lost all of its own. */
static int send_step(struct sender *s, int64_t step, struct err *err)
{
    struct record record = {.step = step, .epoch = step / s->course->steps_per_epoch, .parts = 1};
    record.parts = course_part(s->course, step, 0).parts;
    batch_clear(&s->batch);
    for (int next = 0; next < record.parts;) {
        do {
            if (take(s, err) < 0)
                return -1;
            start_part(s, step, ++next, record.parts);
        } while (next < record.parts && (s->batch.rows < next - record.part || !next_has_some(s)));
        if (s->batch.rows > 0 && send_parts(s, &record, next, err) < 0)
            return -1;
    }
    return 0;
}

static int nothing_sent(const struct sender *s, struct err *err)
{
    return err_set(err, ERR_INPUT, "none of %lld pictures can be read", (long long)s->tried);
}

static int run_course(struct sender *s, int64_t start, struct err *err)
{
    const int64_t length = s->course->steps_per_epoch;
    if (start == s->course->steps)
        return 0;
    int64_t before = start % length == 0 ? s->sent : -1; /* -1: the epoch was begun elsewhere */
    start_part(s, start, 0, 1);
    for (int64_t step = start; step < s->course->steps; step++) {
        if (send_step(s, step, err) < 0)
            return -1;
        if ((step + 1) % length != 0)
            continue;
        if (s->sent == before && s->course->epochs > 1)
            return err_set(
                err, ERR_INPUT, "no picture of epoch %lld can be read", (long long)(step / length));
        if (s->sent == before)
            return nothing_sent(s, err);
        before = s->sent;
    }
    return 0;
}

/* Sources that pass by: the end is where they end. */
static int run_passing(struct sender *s, struct err *err)
{
    int rows;
    struct record record = {.parts = 1};
    fetch_start(s->fetch, s->course->batch);
    for (;; record.step++) {
        batch_clear(&s->batch);
        rows = take(s, err);
        if (rows <= 0)
            break;
        fetch_start(s->fetch, s->course->batch);
        record.part = 0;
        if (s->batch.rows > 0 && send_parts(s, &record, 1, err) < 0)
            return -1;
    }
    return rows == 0 && s->sent == 0 && s->tried > 0 ? nothing_sent(s, err) : rows;
}

int sender_run(struct sender *s, struct writer *writer, int64_t start, struct err *err)
{
    s->writer = writer;
    return s->passing ? run_passing(s, err) : run_course(s, start, err);
}

int64_t sender_tried(const struct sender *s)
{
    return s->tried;
}

int64_t sender_sent(const struct sender *s)
{
    return s->sent;
}

double sender_waited(const struct sender *s)
{
    return s->waited;
}

int64_t sender_bytes(const struct sender *s)
{
    return fetch_bytes(s->fetch);
}
