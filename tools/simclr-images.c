/* simclr-images -- data sets on disk become a stream of pictures.
 *
 * What is sent when is arithmetic (course.h): a run can start at any step without state.
 * SPDX-License-Identifier: MIT */
#include "formats/course.h"
#include "formats/dataset.h"
#include "formats/stream.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"
#include "tools/stop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct {
    int batch;
    int64_t epochs, part, start, limit, seed; /* 0: not given */
    bool shuffle, keep, bare;
} options = {.batch = 256};

static struct cli_option table[] = {
    {0, "batch", "N", CLI_INT, &options.batch, 1, 1 << 20, CLI_RESULT, "pictures a step", false},
    {0, "epochs", "N", CLI_LONG, &options.epochs, 1, 1 << 20, CLI_RESULT,
        "make a training run of N passes; otherwise one pass in order", false},
    {0, "shuffle", NULL, CLI_FLAG, &options.shuffle, 0, 0, CLI_RESULT,
        "each epoch in an order of its own", false},
    {'s', "seed", "N", CLI_LONG, &options.seed, 0, 1LL << 53, CLI_RESULT,
        "what the order, and later the views, are drawn from", false},
    {0, "limit", "N", CLI_LONG, &options.limit, 1, 1LL << 53, CLI_RESULT,
        "take only the first N pictures, before any shuffling", false},
    {0, "part", "ROWS", CLI_LONG, &options.part, 1, 1 << 20, CLI_RESULT,
        "cut steps into records of at most ROWS pictures", false},
    {0, "keep-last", NULL, CLI_FLAG, &options.keep, 0, 0, CLI_RESULT,
        "keep the incomplete last batch of an epoch", false},
    {0, "start-step", "K", CLI_LONG, &options.start, 0, 1LL << 53, CLI_INCIDENTAL,
        "begin at step K of the run", false},
    {0, "no-labels", NULL, CLI_FLAG, &options.bare, 0, 0, CLI_RESULT, "leave the labels out",
        false},
    CLI_ROW_OUTPUT, CLI_ROW_LEVEL, CLI_ROWS_END};

static void print_version(FILE *out)
{
    fprintf(out, "zlib: %s\n", zlibVersion());
}

static struct cli_tool tool = {"simclr-images", "SOURCE...", 1, INT_MAX,
    "Send the pictures of folders, CIFAR or IDX files as a stream.", table, print_version};

/* ---- prepare -------------------------------------------------------------------------------- */

static void need_epochs(const char *option)
{
    if (cli_given(&tool, option))
        die(ERR_MISUSE, "--%s needs --epochs", option);
}

/* Without --epochs the steps are the records that one pass falls into. */
static struct course make_course(int64_t images)
{
    struct course course = {.images = images,
        .batch = options.batch,
        .part = (int)options.part,
        .epochs = options.epochs,
        .shuffle = options.shuffle,
        .seed = options.seed};
    if (options.epochs == 0) {
        need_epochs("shuffle");
        need_epochs("keep-last");
        need_epochs("start-step");
        if (options.part > 0 && options.part < course.batch)
            course.batch = (int)options.part;
        course.epochs = 1;
    } else if (images < course.batch) {
        die(ERR_MISUSE, "%lld pictures are fewer than a batch of %d", (long long)images,
            course.batch);
    }
    course_plan(&course, options.keep || options.epochs == 0);
    if (options.start > course.steps)
        die(ERR_MISUSE, "--start-step %lld is beyond the run's %lld steps",
            (long long)options.start, (long long)course.steps);
    return course;
}

static struct header *make_header(
    const struct dataset *set, const struct course *course, struct err *err)
{
    struct header *const header = header_new("images", err);
    json_t *const dataset = dataset_describe(set, !options.bare, err);
    json_t *const arguments = cli_arguments(&tool);
    if (header == NULL || dataset == NULL)
        die_err(err);
    const int shape[] = {set->height, set->width, set->channels};
    const struct plan plan = {.batch = course->batch,
        .epochs = (int)course->epochs,
        .steps = course->steps,
        .steps_per_epoch = course->steps_per_epoch,
        .seed = course->seed};
    if (set->channels > 0)
        header_add(header, "pixels", DTYPE_U8, 3, shape, err);
    else
        header_add(header, "bytes", DTYPE_U8, -1, NULL, err);
    header_add(header, "id", DTYPE_I64, 0, NULL, err);
    if (!options.bare)
        header_add(header, "label", DTYPE_I64, 0, NULL, err);
    if (set->named)
        header_add(header, "name", DTYPE_U8, -1, NULL, err);
    header_set(header, "dataset", dataset, err);
    if (options.epochs > 0)
        header_set_plan(header, &plan, err);
    header_provenance(header, tool.name, options.seed, arguments, NULL, err);
    if (err->status != ERR_NONE)
        die_err(err);
    json_decref(dataset);
    json_decref(arguments);
    return header;
}

/* ---- work ----------------------------------------------------------------------------------- */

/* The columns of one record, with room for as many rows as a part has. */
struct batch {
    struct bytes picture, name;
    int64_t *id, *label, *picture_offset, *name_offset; /* one allocation, at id */
    struct field field[4];
};

static void make_batch(struct batch *batch, const struct dataset *set, int rows)
{
    const size_t stride = (size_t)rows + 1;
    int64_t *const room = calloc(stride, 4 * sizeof *room);
    if (room == NULL)
        die(ERR_FAILED, "cannot allocate memory for %d rows", rows);
    *batch = (struct batch){.id = room,
        .label = room + stride,
        .picture_offset = room + 2 * stride,
        .name_offset = room + 3 * stride};
    int column = 0;
    batch->field[column++].offsets = set->channels > 0 ? NULL : batch->picture_offset;
    batch->field[column++].data = batch->id;
    if (!options.bare)
        batch->field[column++].data = batch->label;
    batch->field[column].offsets = batch->name_offset; /* ignored unless the set is named */
}

static int add_row(
    struct batch *batch, const struct dataset *set, int64_t id, int row, struct err *err)
{
    const char *const name = dataset_name(set, id);
    const size_t length = strlen(name);
    unsigned char *const room = bytes_room(&batch->name, length, err);
    if (room == NULL || dataset_read(set, id, &batch->picture, err) < 0)
        return -1;
    memcpy(room, name, length);
    batch->name.size += length;
    if (batch->picture.size + batch->name.size > STREAM_RECORD - (STREAM_RECORD >> 5)) {
        err_set(err, ERR_FAILED, "%d pictures are too large for one record", row + 1);
        return err_hint(err, "cut the steps by --part ROWS");
    }
    batch->id[row] = id;
    batch->label[row] = dataset_label(set, id);
    batch->picture_offset[row + 1] = (int64_t)batch->picture.size;
    batch->name_offset[row + 1] = (int64_t)batch->name.size;
    return 0;
}

/* Returns the rows sent, or -1. */
static int send_step(struct writer *writer, struct batch *batch, const struct dataset *set,
    const struct course *course, int64_t step, struct err *err)
{
    int sent = 0;
    struct record record = {.step = step, .field = batch->field, .fields = 4, .parts = 1};
    for (; record.part < record.parts; record.part++) {
        const struct course_part part = course_part(course, step, record.part);
        record.epoch = part.epoch;
        record.parts = part.parts;
        record.rows = part.rows;
        batch->picture.size = batch->name.size = 0;
        for (int i = 0; i < part.rows; i++)
            if (add_row(batch, set, course_id(course, &part, i), i, err) < 0)
                return -1;
        batch->field[0].data = batch->picture.data;
        batch->field[options.bare ? 2 : 3].data = batch->name.data;
        if (writer_record(writer, &record, err) < 0)
            return -1;
        sent += part.rows;
    }
    return sent;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct dataset set;
    struct batch batch;
    const int operand = cli_parse(&tool, argc, argv);

    if (dataset_open(&set, argv + operand, argc - operand, DATASET_AGAIN, options.limit, &err) < 0)
        die_err(&err);
    const struct course course = make_course(set.count);
    struct header *const header = make_header(&set, &course, &err);
    make_batch(&batch, &set, course.part < set.count ? course.part : (int)set.count);
    struct channel *const out = cli_create(cli_common.output);
    if (options.epochs > 0)
        stop_defer();
    if (cli_common.verbose)
        warn("%lld pictures, %d classes; %lld other files left out", (long long)set.count,
            set.classes.count, (long long)set.ignored);

    int64_t done = 0;
    progress_start((course.steps - options.start) * course.batch, "pictures");
    struct writer *const writer = writer_new(out, cli_common.level, header, &err);
    for (int64_t step = options.start; writer != NULL && step < course.steps; step++) {
        const int rows = send_step(writer, &batch, &set, &course, step, &err);
        if (rows < 0)
            break;
        progress_update(done += rows, NULL);
    }
    if (err.status != ERR_NONE || writer_end(writer, &err) < 0)
        die_err(&err);

    progress_end(done);
    writer_free(writer);
    cli_finish(out);
    header_free(header);
    free(batch.id);
    bytes_free(&batch.picture);
    bytes_free(&batch.name);
    dataset_close(&set);
    return 0;
}
