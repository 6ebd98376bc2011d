/* stage -- the step loop on a model small enough to be done by hand: out = in . weight^T.
 *
 * Input and gradients are files, whole before the stage starts; so is what it makes. The weights
 * must then be w - rate * sum(grad^T in), with the same bits whatever the memory.
 * SPDX-License-Identifier: MIT */
#include "lib/train/stage.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN = 3, OUT = 2, STEPS = 3, PARTS = 4, ROWS = 9 };

static const int even[PARTS] = {2, 2, 2, 2}, growing[PARTS] = {1, 1, 2, 5};

/* Rows of several sizes are [times,IN]; the first IN numbers count. NULL: all rows are [IN]. */
static const int *times;

/* The parts of a step run together, and what memory does not hold is in this file, if any. */
static bool whole_step;
static int scratch = -1;

static int64_t epoch_steps; /* above 0: steps of an epoch in the plan, far more than are sent */
/* Epochs of the plan; a step that is not sent; who wants to have the weights. */
static int epochs = 1, missing = -1;
static const struct stage_saver *saver;

static char folder[] = "/tmp/simclr-unit-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4][100];
    static int which;
    which = (which + 1) % 4;
    snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
    return path[which];
}

/* ---- the model --------------------------------------------------------------------------------- */

struct toy {
    struct params params;
    int trained, repeated, spills, misread;
};
static const struct toy *learner; /* of the run under way */

struct toy_tape {
    int rows, stride; /* numbers of a row */
    float seen;       /* first number of the input that forward saw */
};

static int toy_which(const void *self, const int *shape, struct err *err)
{
    (void)self;
    if (times == NULL)
        return shape[0] == IN ? 0 : err_set(err, ERR_INPUT, "rows of %d", shape[0]);
    return shape[0] < 3 ? shape[0] - 1 : err_set(err, ERR_INPUT, "rows of %d times", shape[0]);
}

static size_t toy_size(const void *self, int size, int rows, bool training)
{
    (void)self;
    return training ? (size_t)rows * 100 * (size_t)(size + 1) : 1;
}

static void *toy_new(
    void *self, int size, int rows, bool training, const struct spill *spill, struct err *err)
{
    struct toy_tape *const tape = calloc(1, sizeof *tape);
    struct toy *const toy = self;
    (void)training;
    toy->spills += spill != NULL && spill->bytes == (size_t)rows * 100 * (size_t)(size + 1);
    if (tape == NULL)
        err_memory(err, "a tape");
    else
        *tape = (struct toy_tape){.rows = rows, .stride = (size + 1) * IN};
    return tape;
}

static void toy_free(void *tape)
{
    free(tape);
}

static void toy_forward(
    void *self, void *memory, float *out, const void *data, int rows, enum model_mode mode)
{
    struct toy *const toy = self;
    struct toy_tape *const tape = memory;
    const float *const in = data, *const w = toy->params.param[0].value;
    toy->trained += mode == MODEL_TRAIN;
    toy->repeated += mode == MODEL_REPEAT;
    toy->misread += rows > tape->rows;
    tape->seen = in[0];
    for (int r = 0; r < rows; r++) {
        for (int o = 0; o < OUT; o++) {
            out[r * OUT + o] = 0;
            for (int i = 0; i < IN; i++)
                out[r * OUT + o] += w[o * IN + i] * in[r * tape->stride + i];
        }
    }
}

static void toy_backward(
    void *self, void *memory, float *grad_in, const float *grad_out, const void *data, int rows)
{
    struct toy *const toy = self;
    const struct toy_tape *const tape = memory;
    const float *const in = data, *const w = toy->params.param[0].value;
    toy->misread += tape->seen != in[0] || rows > tape->rows; /* another part's forward pass */
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < IN; i++) {
            float sum = 0;
            for (int o = 0; o < OUT; o++) {
                sum += w[o * IN + i] * grad_out[r * OUT + o];
                toy->params.param[0].grad[o * IN + i] +=
                    grad_out[r * OUT + o] * in[r * tape->stride + i];
            }
            if (grad_in != NULL)
                grad_in[r * IN + i] = sum;
        }
    }
}

static void toy_refresh(void *self)
{
    (void)self;
}

static struct model toy_model(struct toy *toy)
{
    static const int64_t shape[2] = {OUT, IN};
    struct err err = {0};
    params_add(&toy->params, "weight", PARAM_KERNEL, 2, shape, &err);
    params_alloc(&toy->params, &err);
    for (int i = 0; i < OUT * IN; i++)
        toy->params.param[0].value[i] = (float)(i + 1);
    return (struct model){toy, &toy->params, IN, OUT, toy_which, toy_size, toy_new, toy_free,
        toy_forward, toy_backward, toy_refresh};
}

/* ---- streams ----------------------------------------------------------------------------------- */

/* Number j of row r of a step: small whole numbers, whose sums are exact in any order. */
static float number(int step, int r, int j, bool gradient)
{
    return (float)((step * 7 + r * 5 + j * 3 + gradient) % 9 - 4);
}

struct shape {
    const int *rows; /* [PARTS] */
    int first, steps;
    bool plan, poison;
};

static struct header *make_header(const char *column, int width, bool plan)
{
    struct err err = {0};
    const int64_t each = epoch_steps > 0 ? epoch_steps : STEPS / epochs;
    const struct plan whole = {8, 1, epochs, epoch_steps > 0 ? epochs * each : STEPS, each, 0};
    struct header *const header = header_new("features", &err);
    const int open[] = {STREAM_VARIES, IN};
    const bool varies = times != NULL && strcmp(column, "h") == 0;
    header_add(header, column, DTYPE_F32, varies ? 2 : 1, varies ? open : &width, &err);
    if (plan)
        header_set_plan(header, &whole, &err);
    return header;
}

static void write_stream(const char *name, const struct shape *shape, bool gradient)
{
    const int width = gradient ? OUT : IN;
    struct err err = {0};
    float data[ROWS * IN * 3];
    struct header *const header = make_header(gradient ? "grad" : "h", width, shape->plan);
    struct channel *const out = channel_create(path_of(name), &err);
    struct writer *const writer = writer_new(out, -5, header, &err);
    for (int step = shape->first; step < shape->first + shape->steps; step++) {
        for (int part = 0, first = 0; part < PARTS; first += shape->rows[part++]) {
            const int stride = gradient || times == NULL ? width : times[part] * width;
            for (int i = 0; i < shape->rows[part] * stride; i++)
                data[i] = i % stride < width
                              ? number(step, first + i / stride, i % stride, gradient)
                              : NAN;
            if (gradient && shape->poison && step == 1 && part == 2)
                data[1] = NAN;
            struct field field = {.data = data, .shape = {stride / width, IN}};
            const struct record record = {.step = step,
                .part = part,
                .parts = PARTS,
                .rows = shape->rows[part],
                .field = &field,
                .fields = 1};
            if (step != missing)
                writer_record(writer, &record, &err);
        }
    }
    writer_end(writer, &err);
    writer_free(writer);
    header_free(header);
    channel_finish(out, &err);
}

/* ---- a run ------------------------------------------------------------------------------------- */

struct run {
    struct toy toy;
    struct stage_account account;
    struct err err;
    int status;
};

/* The stage over in and grad, with `memory` bytes for tapes; outputs go to out and back. */
static struct run train(size_t memory, int64_t start, int least_rows)
{
    struct run run = {.status = -1};
    struct err *const err = &run.err;
    struct parallel *const parallel = parallel_new(1, err);
    const struct optimizer_options rule = {"sgd", 0, 0, false};
    struct header *const out_header = make_header("z", OUT, true);
    struct header *const back_header = make_header("grad", IN, true);
    struct model model = toy_model(&run.toy);
    struct optimizer *const optimizer = optimizer_new(&rule, &run.toy.params, parallel, err);
    struct channel *const out = channel_create(path_of("out"), err);
    struct channel *const back = channel_create(path_of("back"), err);
    struct feed *const input = feed_new(channel_open(path_of("in"), err), true, err);
    model.self = &run.toy;
    learner = &run.toy;
    const struct stage_options options = {model, optimizer,
        schedule_make(1, "none", 8, 0, STEPS, STEPS), input, "h", out, out_header, "z", -5,
        channel_open(path_of("grad"), err), back, back_header, memory, least_rows, whole_step,
        scratch, NULL, 0, start, NULL, saver};
    struct stage *const stage = stage_new(&options, err);
    if (stage != NULL && (run.status = stage_run(stage, &run.account, err)) == 0)
        run.status = stage_close(stage, err);
    else
        channel_abandon(back);
    channel_finish(out, &(struct err){0});
    stage_free(stage);
    feed_free(input);
    optimizer_free(optimizer);
    header_free(out_header);
    header_free(back_header);
    parallel_free(parallel);
    return run;
}

/* Weights after these steps, by hand. */
static void by_hand(float w[OUT * IN], int rows, int first, int end)
{
    const struct schedule schedule = schedule_make(1, "none", 8, 0, STEPS, STEPS);
    for (int i = 0; i < OUT * IN; i++)
        w[i] = (float)(i + 1);
    for (int step = first; step < end; step++) {
        for (int i = 0; i < OUT * IN && step != missing; i++) {
            double sum = 0;
            for (int r = 0; r < rows; r++)
                sum += number(step, r, i / IN, true) * number(step, r, i % IN, false);
            w[i] = (float)(w[i] - schedule_rate(&schedule, step) * sum);
        }
    }
}

/* Does the stream on disk hold, for step 0, the gradients of the input that the first weights give? */
static bool gradients_fit(int rows)
{
    struct err err = {0};
    struct record record = {0};
    const struct header *header;
    struct channel *const in = channel_open(path_of("back"), &err);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    bool good = reader_header(reader, &header, &err) == 1;
    for (int row = 0; good && row < rows;) {
        good = reader_record(reader, &record, &err) == 1 && record.step == 0;
        for (int r = 0; good && r < record.rows; r++, row++)
            for (int i = 0; i < IN; i++) {
                float wanted = 0;
                for (int o = 0; o < OUT; o++)
                    wanted += (float)(o * IN + i + 1) * number(0, row, o, true);
                good = good && ((float *)record.field[0].data)[r * IN + i] == wanted;
            }
    }
    while (good && reader_record(reader, &record, &err) == 1)
        ;
    record_free(&record);
    reader_free(reader);
    channel_abandon(in);
    return good && err.status == ERR_NONE;
}

static void test_parts(const char *name, const int *rows)
{
    int sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += rows[i];
    const struct shape shape = {rows, 0, STEPS, true, false};
    write_stream("in", &shape, false);
    write_stream("grad", &shape, true);
    float first[OUT * IN], wanted[OUT * IN];
    by_hand(wanted, sum, 0, STEPS);
    int alone = 0;    /* parts that are the only ones of their size */
    size_t least = 0; /* a tape of each size, for the largest part of it */
    for (int size = 1; size < 3; size++) {
        int most = 0, count = 0;
        for (int i = 0; i < PARTS; i++) {
            if ((times == NULL ? 1 : times[i]) != size)
                continue;
            most = rows[i] > most ? rows[i] : most;
            count++;
        }
        alone += count == 1;
        least += (size_t)most * 100 * (size_t)size;
    }
    for (size_t memory = 1; memory < 2500; memory += memory < 1000 ? 111 : 500) {
        struct run run = train(memory, 0, 1);
        const float *const w = run.toy.params.param[0].value;
        OK(run.status == 0 && run.toy.misread == 0, "%s parts in %zu bytes %s", name, memory,
            run.err.text);
        OK(run.toy.trained == STEPS * PARTS && run.toy.repeated == run.account.repeated &&
                run.account.steps == STEPS && run.account.rows == STEPS * sum,
            "%s: each part is trained once, %d times again", name, run.toy.repeated);
        if (memory == 1) {
            memcpy(first, w, sizeof first);
            OK(run.toy.repeated == STEPS * (PARTS - alone),
                "with one tape of a size every other part twice");
            for (int i = 0; i < OUT * IN; i++)
                NEAR(w[i], wanted[i], 1e-4, "weight %d is that of the whole batch", i);
        }
        OK(memcmp(first, w, sizeof first) == 0, "the same bits as with one tape");
        OK(gradients_fit(sum), "and the gradients of the input");
        if (memory > 2100)
            OK(run.toy.repeated <= (rows == even ? 0 : PARTS - 1), "with a tape for each none is");
        OK(run.account.tape_bytes <= (memory < least ? least : memory), "in %zu bytes of tapes",
            run.account.tape_bytes);
        params_free(&run.toy.params);
    }
}

/* Forward and backward once for all rows of a size, with the gradients of the whole step. */
static void test_whole_step(const char *name, const int *rows)
{
    int sum = 0, sizes = 0;
    size_t need = 0;
    for (int i = 0; i < PARTS; i++) {
        sum += rows[i];
        need += (size_t)rows[i] * 100 * (size_t)(times == NULL ? 1 : times[i]);
        sizes |= times == NULL ? 1 : times[i];
    }
    sizes = sizes == 3 ? 2 : 1;
    const struct shape shape = {rows, 0, STEPS, true, false};
    write_stream("in", &shape, false);
    write_stream("grad", &shape, true);
    float first[OUT * IN], wanted[OUT * IN];
    by_hand(wanted, sum, 0, STEPS);
    whole_step = true;
    for (int file = 0; file < 2; file++) {
        struct err err = {0};
        scratch = file ? spill_open(path_of("scratch"), &err) : -1;
        struct run run = train(file ? need - 1 : need, 0, 2);
        const float *const w = run.toy.params.param[0].value;
        OK(run.status == 0 && run.toy.misread == 0, "%s parts together %s", name, run.err.text);
        OK(run.toy.trained == STEPS * sizes && run.toy.repeated == 0 &&
                run.account.rows == STEPS * sum && run.account.tape_bytes == need,
            "%s: forward once for each of %d sizes", name, sizes);
        OK(run.toy.spills == (file ? sizes : 0) && (run.account.spilt_bytes > 0) == file,
            "%zu bytes in the file", run.account.spilt_bytes);
        for (int i = 0; i < OUT * IN && !file; i++)
            NEAR(w[i], wanted[i], 1e-4, "weight %d is that of the whole batch", i);
        OK(!file || memcmp(first, w, sizeof first) == 0, "the file does not change a bit");
        OK(gradients_fit(sum), "and the gradients of the input");
        memcpy(first, w, sizeof first);
        params_free(&run.toy.params);
        if (file)
            close(scratch);
    }
    scratch = -1;
    whole_step = false;
}

/* ---- the weights at the end of epochs ---------------------------------------------------------- */

struct album {
    int count, fail; /* fail: at this one */
    int64_t epoch[9], step[9];
    float weight[9][OUT * IN];
};

static int keep(void *self, int64_t epoch, int64_t step, struct err *err)
{
    struct album *const album = self;
    if (album->count == album->fail)
        return err_set(err, ERR_FAILED, "the album is full");
    album->epoch[album->count] = epoch;
    album->step[album->count] = step;
    memcpy(album->weight[album->count++], learner->params.param[0].value, sizeof album->weight[0]);
    return 0;
}

/* A run from step `start` on, with an album that takes the weights every so many epochs. */
static struct run take(struct album *album, int64_t every, int start)
{
    const struct shape shape = {even, start, STEPS - start, true, false};
    const struct stage_saver mine = {every, keep, album};
    write_stream("in", &shape, false);
    write_stream("grad", &shape, true);
    saver = &mine;
    struct run run = train(1000, start, 1);
    saver = NULL;
    return run;
}

/* Epochs are steps here: what is kept is of these steps, and each as the weights are then. */
static void test_epochs(const char *name, int64_t every, int start, const char *steps)
{
    struct album album = {.fail = -1};
    struct run run = take(&album, every, start);
    char got[40] = "";
    double worst = 0;
    for (int i = 0; i < album.count; i++) {
        float wanted[OUT * IN];
        by_hand(wanted, ROWS - 1, start, (int)album.step[i]);
        for (int j = 0; j < OUT * IN; j++)
            worst = fmax(worst, fabs((double)wanted[j] - (double)album.weight[i][j]));
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld:%lld", i > 0 ? " " : "",
            (long long)album.epoch[i], (long long)album.step[i]);
    }
    OK(run.status == 0 && strcmp(got, steps) == 0, "%s: after steps %s %s", name, got,
        run.err.text);
    NEAR(worst, 0, 1e-4, "%s: the weights as they are then", name);
    params_free(&run.toy.params);
}

static void test_saver(void)
{
    epochs = STEPS;
    test_epochs("every epoch", 1, 0, "0:0 1:1 2:2 3:3");
    test_epochs("every second, and the last", 2, 0, "0:0 2:2 3:3");
    test_epochs("more epochs than there are", INT64_MAX, 0, "0:0 3:3");
    test_epochs("going on", 1, 1, "2:2 3:3");
    missing = 1;
    test_epochs("a step that is not sent", 1, 0, "0:0 1:1 2:2 3:3");
    missing = 2;
    test_epochs("the last step is not sent", 1, 0, "0:0 1:1 2:2 3:3");
    missing = -1;
    for (int fail = 0; fail <= STEPS; fail++) {
        struct album album = {.fail = fail};
        struct run run = take(&album, 1, 0);
        OK(run.status == -1 && run.err.status == ERR_FAILED && album.count == fail,
            "no room for number %d: %s", fail, run.err.text);
        params_free(&run.toy.params);
    }
    struct album album = {.fail = 9};
    epochs = 3, epoch_steps = 3000000000000000000;
    struct run run = take(&album, 2, 0);
    OK(run.status == 0 && album.count == 3 && album.step[1] == 2 * epoch_steps &&
            album.step[2] == 3 * epoch_steps,
        "a plan of %lld steps an epoch: kept %d times %s", (long long)epoch_steps, album.count,
        run.err.text);
    params_free(&run.toy.params);
    epochs = 1, epoch_steps = 0;
}

static void test_sizes(void)
{
    static const int mixed[PARTS] = {1, 2, 1, 2}, last[PARTS] = {1, 1, 2, 1};
    times = mixed;
    test_parts("even, of two sizes,", even);
    test_parts("growing, of two sizes,", growing);
    test_whole_step("even, of two sizes,", even);
    test_whole_step("growing, of two sizes,", growing);
    times = last;
    test_parts("even, one of another size,", even);
    test_parts("growing, one of another size,", growing);
    times = NULL;
}

static void refused(
    const char *what, enum err_status status, const char *words, int64_t start, int least_rows)
{
    struct run run = train(1000, start, least_rows);
    OK(run.status == -1 && run.err.status == status && strstr(run.err.text, words) != NULL,
        "%s: %s", what, run.err.text);
    params_free(&run.toy.params);
}

/* The plan speaks of 8 rows, so that some steps are known not to fit before anything is written. */
static void test_no_room(void)
{
    const struct shape shape = {growing, 0, STEPS, true, false};
    struct err err = {0};
    write_stream("in", &shape, false);
    write_stream("grad", &shape, true);
    whole_step = true;
    for (int known = 0; known < 2; known++) {
        struct run run = train(known ? 799 : 800, 0, 1);
        OK(run.status == -1 && run.err.status == (known ? ERR_MISUSE : ERR_FAILED) &&
                strstr(run.err.text, "--memory") && strstr(run.err.hint, "--scratch"),
            "%s", run.err.text);
        struct channel *const in = channel_open(path_of("out"), &err);
        struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
        const struct header *header;
        struct err none = {0};
        OK((reader_header(reader, &header, &none) == 1) == !known, "the output has %s header",
            known ? "no" : "a");
        reader_free(reader);
        channel_abandon(in);
        params_free(&run.toy.params);
    }
    whole_step = false;
}

static void test_refusals(void)
{
    const struct shape good = {even, 0, STEPS, true, false}, bare = {even, 0, STEPS, false, false},
                       poison = {even, 0, STEPS, true, true},
                       late = {even, 1, STEPS - 1, true, false},
                       other = {growing, 0, STEPS, true, false},
                       few = {even, 0, STEPS - 1, true, false};
    write_stream("in", &bare, false);
    write_stream("grad", &good, true);
    refused("no plan", ERR_INPUT, "no plan", 0, 1);
    write_stream("in", &good, false);
    refused("another start", ERR_INPUT, "step 0 comes where step 1 is due", 1, 1);
    write_stream("in", &late, false);
    refused("a gap", ERR_INPUT, "step 1 comes where step 0 is due", 0, 1);
    write_stream("in", &good, false);
    write_stream("grad", &late, true);
    refused("another step", ERR_INPUT, "gradient of step 1, part 0 of 4", 0, 1);
    write_stream("grad", &other, true);
    refused("other rows", ERR_INPUT, "1 rows came for step 0, part 0 of 4, 2 rows", 0, 1);
    write_stream("grad", &few, true);
    refused("gradients that end", ERR_INPUT, "end before step 2", 0, 1);
    write_stream("grad", &poison, true);
    refused("NaN", ERR_FAILED, "step 1, part 2 holds", 0, 1);
    write_stream("in", &other, false);
    write_stream("grad", &other, true);
    refused("a part of one row", ERR_INPUT, "step 0, part 0 has 1 row", 0, 2);
    whole_step = true;
    write_stream("in", &good, false);
    write_stream("grad", &poison, true);
    refused("NaN", ERR_FAILED, "step 1, part 2 holds", 0, 2);
    write_stream("grad", &other, true);
    refused("other rows", ERR_INPUT, "1 rows came for step 0, part 0 of 4, 2 rows", 0, 2);
    whole_step = false;
    write_stream("in", &few, false);
    write_stream("grad", &good, true);
    refused("gradients that go on", ERR_INPUT, "after the last step", 0, 1);
    static const int strange[PARTS] = {1, 2, 3, 1};
    times = strange;
    write_stream("in", &good, false);
    refused("a size that the model has not", ERR_INPUT, "rows of 3 times", 0, 1);
    times = NULL;
}

int main(void)
{
    static const char *const left[] = {"in", "grad", "out", "back"};
    if (mkdtemp(folder) == NULL)
        return 1;
    test_parts("even", even);
    test_parts("growing", growing);
    test_sizes();
    test_whole_step("even", even);
    test_whole_step("growing", growing);
    test_no_room();
    test_refusals();
    test_saver();
    for (int i = 0; i < 4; i++)
        unlink(path_of(left[i]));
    OK(rmdir(folder) == 0, "nothing else is left behind");
    return tap_done();
}
