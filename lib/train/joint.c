/* joint -- the parts of a step as one batch: for batch norm over the whole step.
 * SPDX-License-Identifier: MIT */
#include "lib/train/joint.h"

#include "lib/base/shape.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rows of one size. */
struct batch {
    int rows, room; /* of the step under way; that memory was made for */
    size_t row_bytes;
    char *in;           /* [room] rows */
    float *out;         /* [room, out_width], later its gradient */
    float *dx;          /* [room, in_floats], or NULL */
    void *tape;         /* for room rows */
    size_t bytes;       /* of the tape */
    struct spill spill; /* what the tape is in, if it has no memory of its own */
};

struct piece {
    const char *in;
    struct batch *batch;
    int first, rows; /* in the batch */
};

struct joint {
    struct joint_options o;
    struct batch batch[STREAM_SIZES];
    struct piece *piece; /* [room] the parts */
    int parts, room;
};

struct joint *joint_new(const struct joint_options *options, struct err *err)
{
    struct joint *const j = calloc(1, sizeof *j);
    if (j == NULL)
        err_memory(err, "the parts of a step");
    else
        j->o = *options;
    return j;
}

/* Everything that was made for the rows of one size, but not for how many. */
static void drop(const struct joint *j, struct batch *batch)
{
    j->o.model->tape_free(batch->tape);
    batch->tape = NULL;
    spill_unmap(&batch->spill);
    free(batch->in);
    free(batch->out);
    free(batch->dx);
    batch->in = NULL;
    batch->out = batch->dx = NULL;
}

void joint_free(struct joint *j)
{
    if (j == NULL)
        return;
    for (int i = 0; i < STREAM_SIZES; i++)
        drop(j, &j->batch[i]);
    free(j->piece);
    free(j);
}

/* ---- memory ----------------------------------------------------------------------------------- */

static int too_large(const struct joint *j, size_t bytes, enum err_status status, struct err *err)
{
    const double mib = 1 << 20;
    err_set(err, status,
        "activations of a whole step take %.0f MiB, --memory is %.0f MiB: batch norm over the step "
        "needs all of them",
        ceil((double)bytes / mib), (double)j->o.memory / mib);
    return err_hint(err, "a larger --memory, or --scratch FILE, which takes what is beyond it");
}

int joint_check(const struct joint *j, const struct header *header, int column, struct err *err)
{
    const struct model *const model = j->o.model;
    const struct column *const in = &header->column[column];
    const struct plan *const plan = &header->plan;
    const int64_t rows = (int64_t)plan->batch * (plan->views > 0 ? plan->views : 1);
    size_t least = SIZE_MAX;
    for (int i = 0; i < (in->varies ? header->sizes : 1); i++) {
        const int open[3] = {header->size[i][0], header->size[i][1], in->shape[2]};
        const int size = model->size(model->self, in->varies ? open : in->shape, err);
        if (size < 0)
            return -1;
        const size_t bytes =
            rows > INT_MAX ? SIZE_MAX : model->tape_size(model->self, size, (int)rows, true);
        least = bytes < least ? bytes : least;
    }
    const bool fits = least <= j->o.memory || (j->o.scratch >= 0 && least < SIZE_MAX);
    return fits || (in->varies && header->sizes == 0) ? 0 : too_large(j, least, ERR_MISUSE, err);
}

/* Memory for the rows of one size. Activations are in memory of their own if `own`; otherwise in what
 * `*left` bytes of memory hold, and behind `*at` in the file. */
static int make_batch(const struct joint *j, struct batch *batch, int size, bool own, size_t *left,
    size_t *at, struct err *err)
{
    const struct model *const model = j->o.model;
    const size_t rows = (size_t)batch->room;
    batch->in = malloc(shape_times(rows, batch->row_bytes));
    batch->out = malloc(shape_times(rows, (size_t)model->out_width * sizeof *batch->out));
    if (j->o.send_back)
        batch->dx = malloc(shape_times(rows, (size_t)model->in_floats * sizeof *batch->dx));
    if (batch->in == NULL || batch->out == NULL || (j->o.send_back && batch->dx == NULL))
        return err_memory(err, "the rows of a step");
    if (!own && spill_map(&batch->spill, batch->bytes, *left, j->o.scratch, at, err) < 0)
        return -1;
    *left -= batch->spill.memory < *left ? batch->spill.memory : *left;
    batch->tape =
        model->tape_new(model->self, size, batch->room, true, own ? NULL : &batch->spill, err);
    return batch->tape == NULL ? -1 : 0;
}

/* Everything is made anew when the rows of one size have become more: nothing of it is needed between
 * two steps, and the places in the file follow one another again. */
static int make_room(struct joint *j, struct err *err)
{
    const struct model *const model = j->o.model;
    size_t total = 0, left = j->o.memory, at = 0;
    bool grown = false;
    for (int i = 0; i < STREAM_SIZES; i++)
        grown = grown || j->batch[i].rows > j->batch[i].room;
    for (int i = 0; grown && i < STREAM_SIZES; i++) {
        struct batch *const batch = &j->batch[i];
        drop(j, batch);
        batch->room = batch->rows > batch->room ? batch->rows : batch->room;
        if (batch->room > 0)
            batch->bytes = model->tape_size(model->self, i, batch->room, true);
        total = shape_plus(total, batch->bytes);
    }
    if (!grown)
        return 0;
    const bool own = total <= j->o.memory;
    if (!own && j->o.scratch < 0)
        return too_large(j, total, ERR_FAILED, err);
    if (!own && ftruncate(j->o.scratch, 0) != 0) /* so that it is zeros again */
        return err_errno(err, "cannot empty the scratch file");
    for (int i = 0; i < STREAM_SIZES; i++)
        if (j->batch[i].room > 0 && make_batch(j, &j->batch[i], i, own, &left, &at, err) < 0)
            return -1;
    return 0;
}

size_t joint_bytes(const struct joint *j)
{
    size_t sum = 0;
    for (int i = 0; i < STREAM_SIZES; i++)
        sum += j->batch[i].bytes;
    return sum;
}

size_t joint_spilt(const struct joint *j)
{
    size_t sum = 0;
    for (int i = 0; i < STREAM_SIZES; i++)
        if (j->batch[i].spill.memory < j->batch[i].spill.bytes)
            sum += j->batch[i].spill.bytes - j->batch[i].spill.memory;
    return sum;
}

/* ---- a step ----------------------------------------------------------------------------------- */

void joint_begin(struct joint *j)
{
    j->parts = 0;
    for (int i = 0; i < STREAM_SIZES; i++)
        j->batch[i].rows = 0;
}

int joint_add(struct joint *j, const void *in, size_t row_bytes, int size, int rows, int64_t step,
    struct err *err)
{
    struct batch *const batch = &j->batch[size];
    if (j->parts == j->room) {
        const int room = j->room == 0 ? 16 : 2 * j->room;
        struct piece *const grown = realloc(j->piece, (size_t)room * sizeof *grown);
        if (grown == NULL)
            return err_memory(err, "the parts of a step");
        j->piece = grown;
        j->room = room;
    }
    if (rows > INT_MAX - batch->rows)
        return err_set(err, ERR_INPUT, "step %lld has more than %d rows of one size",
            (long long)step, INT_MAX);
    j->piece[j->parts++] = (struct piece){in, batch, batch->rows, rows};
    batch->row_bytes = row_bytes;
    batch->rows += rows;
    return 0;
}

int joint_forward(struct joint *j, int64_t step, struct err *err)
{
    const struct model *const model = j->o.model;
    for (int i = 0; i < STREAM_SIZES; i++)
        if (j->batch[i].rows > 0 && j->batch[i].rows < j->o.least_rows)
            return err_set(err, ERR_INPUT,
                "step %lld has %d row of a size: batch norm needs %d for its statistics",
                (long long)step, j->batch[i].rows, j->o.least_rows);
    if (make_room(j, err) < 0)
        return -1;
    for (int i = 0; i < j->parts; i++) {
        const struct piece *const p = &j->piece[i];
        const size_t unit = p->batch->row_bytes;
        memcpy(p->batch->in + (size_t)p->first * unit, p->in, (size_t)p->rows * unit);
    }
    for (int i = 0; i < STREAM_SIZES; i++) {
        struct batch *const b = &j->batch[i];
        if (b->rows > 0)
            model->forward(model->self, b->tape, b->out, b->in, b->rows, MODEL_TRAIN);
    }
    return 0;
}

float *joint_rows(struct joint *j, int part)
{
    const struct piece *const p = &j->piece[part];
    return p->batch->out + (size_t)p->first * (size_t)j->o.model->out_width;
}

/* In the forward pass this was: out = forward(in), for each size. */
void joint_backward(struct joint *j)
{
    const struct model *const model = j->o.model;
    for (int i = 0; i < STREAM_SIZES; i++) {
        struct batch *const b = &j->batch[i];
        if (b->rows > 0)
            model->backward(model->self, b->tape, b->dx, b->out, b->in, b->rows);
    }
}

float *joint_input_gradient(struct joint *j, int part)
{
    const struct piece *const p = &j->piece[part];
    return p->batch->dx + (size_t)p->first * (size_t)j->o.model->in_floats;
}
