/* simclr-images -- data sets on disk become a stream of pictures.
 *
 * What is sent when is arithmetic (course.h): a run can start at any step without state.
 * SPDX-License-Identifier: MIT */
#include "formats/course.h"
#include "formats/dataset.h"
#include "formats/jpeg.h"
#include "formats/png.h"
#include "formats/selection.h"
#include "formats/stream.h"
#include "tools/account.h"
#include "tools/bad.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"
#include "tools/sender.h"
#include "tools/stop.h"

#include <limits.h>
#include <math.h>
#include <zlib.h>

static struct {
    int batch;
    int64_t epochs, part, start, limit, per_class, seed; /* 0: not given */
    double fraction;                                     /* NaN: not given */
    struct cli_share shard;
    bool shuffle, keep, bare;
} options = {.batch = 256, .fraction = NAN};

static struct cli_option table[] = {
    {0, "batch", "N", CLI_INT, &options.batch, 1, 1 << 20, CLI_RESULT, "pictures a step", false},
    {0, "epochs", "N", CLI_LONG, &options.epochs, 1, 1 << 20, CLI_RESULT,
        "make a training run of N passes; otherwise one pass in order", false},
    {0, "shuffle", NULL, CLI_FLAG, &options.shuffle, 0, 0, CLI_RESULT,
        "each epoch in an order of its own", false},
    {'s', "seed", "N", CLI_LONG, &options.seed, 0, 1LL << 53, CLI_RESULT,
        "what choice and order, and later the views, are drawn from", false},
    {0, "limit", "N", CLI_LONG, &options.limit, 1, 1LL << 53, CLI_RESULT,
        "take only the first N pictures, before any shuffling", false},
    {0, "fraction", "F", CLI_REAL, &options.fraction, 1e-9, 1, CLI_RESULT,
        "of those, take this share of each class, at least one picture", false},
    {0, "per-class", "N", CLI_LONG, &options.per_class, 1, 1LL << 53, CLI_RESULT,
        "of those, take N pictures of each class, or all it has", false},
    {0, "shard", "I/K", CLI_SHARE, &options.shard, 1, 1LL << 53, CLI_RESULT,
        "of those, take the pictures whose ids are I modulo K", false},
    {0, "part", "ROWS", CLI_LONG, &options.part, 1, 1 << 20, CLI_RESULT,
        "cut steps into records of at most ROWS pictures", false},
    {0, "keep-last", NULL, CLI_FLAG, &options.keep, 0, 0, CLI_RESULT,
        "keep the incomplete last batch of an epoch", false},
    {0, "start-step", "K", CLI_LONG, &options.start, 0, 1LL << 53, CLI_INCIDENTAL,
        "begin at step K of the run", false},
    {0, "no-labels", NULL, CLI_FLAG, &options.bare, 0, 0, CLI_RESULT, "leave the labels out",
        false},
    BAD_ROWS, CLI_ROW_OUTPUT, CLI_ROW_LEVEL, CLI_ROW_ACCOUNT, CLI_ROWS_END};

static void print_version(FILE *out)
{
    fprintf(out, "zlib: %s\n%s\n%s\n", zlibVersion(), png_version(), jpeg_version());
}

static struct cli_tool tool = {"simclr-images", "SOURCE...", 1, INT_MAX,
    "Send the pictures of folders, lists, archives or arrays as a stream.", table, print_version};

/* ---- prepare -------------------------------------------------------------------------------- */

static void need_epochs(const char *option)
{
    if (cli_given(&tool, option))
        die(ERR_MISUSE, "--%s needs --epochs", option);
}

static void check_options(void)
{
    if (options.per_class > 0 && options.fraction > 0)
        die(ERR_MISUSE, "--fraction and --per-class are both given");
    if (options.epochs > 0)
        return;
    need_epochs("shuffle");
    need_epochs("keep-last");
    need_epochs("start-step");
}

static int label_of(const void *set, int64_t id)
{
    return dataset_label(set, id);
}

/* What passes by is chosen from while it does: a shard, or all. */
static struct selection make_selection(const struct dataset *set, struct err *err)
{
    struct selection out;
    const struct selection_rules rules = {
        .fraction = options.fraction > 0 ? options.fraction : 0, /* false for NaN */
        .per_class = options.per_class,
        .seed = options.seed,
        .shard = options.shard.index,
        .shards = options.shard.count};
    if (selection_make(&out, &rules, set->count < 0 ? 0 : set->count, label_of, set, err) < 0)
        die_err(err);
    return out;
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
        if (options.part > 0 && options.part < course.batch)
            course.batch = (int)options.part;
        course.epochs = 1;
    } else if (images < course.batch) {
        struct err err = {0};
        err_set(&err, ERR_MISUSE, "%lld pictures are fewer than a batch of %d", (long long)images,
            course.batch);
        err_hint(&err, "give more pictures, or a smaller --batch");
        die_err(&err);
    }
    course_plan(&course, options.keep || options.epochs == 0);
    if (options.start > course.steps)
        die(ERR_MISUSE, "--start-step %lld is beyond the run's %lld steps",
            (long long)options.start, (long long)course.steps);
    return course;
}

/* What the header says of the data set, with the pictures and the shard that this stream has. */
static json_t *describe(
    const struct dataset *set, const struct selection *selection, struct err *err)
{
    json_t *const out = dataset_describe(set, !options.bare, err);
    json_t *const shard =
        json_pack("[I,I]", (json_int_t)selection->shard, (json_int_t)selection->shards);
    if (out == NULL)
        die_err(err);
    if (json_object_set_new(out, "shard", shard) < 0 ||
        (set->count >= 0 && json_object_set_new(out, "images", json_integer(selection->count)) < 0))
        die(ERR_FAILED, "cannot allocate memory for a header");
    return out;
}

static struct header *make_header(const struct dataset *set, const struct selection *selection,
    const struct course *course, struct err *err)
{
    struct header *const header = header_new("images", err);
    json_t *const dataset = describe(set, selection, err);
    json_t *const arguments = cli_arguments(&tool);
    if (header == NULL)
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

/* What a user of archives in folders would look for later, and in vain. */
static void tell_classes(const struct dataset *set)
{
    const char *const source = options.bare || cli_common.quiet ? NULL : dataset_unclassed(set);
    if (source != NULL)
        warn("'%s' was sent while it arrived: its folders are no classes (with --fraction 1 they "
             "are)",
            source);
}

static void tell(const struct dataset *set, int64_t pictures, int64_t chosen)
{
    if (!cli_common.verbose)
        return;
    warn("%lld pictures, %d classes; %lld other files left out", (long long)pictures,
        set->classes.count, (long long)set->ignored);
    if (chosen < pictures)
        warn("%lld of these pictures are chosen", (long long)chosen);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct dataset set;
    const int operand = cli_parse(&tool, argc, argv);

    check_options();
    if (options.epochs > 0)
        stop_defer();
    account_start();
    const double begun = progress_seconds();
    const bool once = options.epochs == 0 && options.per_class == 0 && isnan(options.fraction);
    if (dataset_open(&set, argv + operand, argc - operand, once ? DATASET_ONCE : DATASET_AGAIN,
            options.limit, &err) < 0)
        die_err(&err);
    struct account account = {.input = progress_seconds() - begun, .gradients = -1};
    struct selection selection = make_selection(&set, &err);
    const struct course course = make_course(selection.count);
    struct header *const header = make_header(&set, &selection, &course, &err);
    struct channel *const out = cli_create(cli_common.output);
    bad_open(out);
    if (set.count >= 0)
        tell(&set, set.count, selection.count);

    const int64_t steps = course.steps - options.start;
    progress_start(options.epochs > 0 ? steps * course.batch : selection.count, "pictures");
    struct sender *const sender = sender_new(&set, &selection, &course, header, &err);
    struct writer *const writer =
        sender == NULL ? NULL : writer_new(out, cli_common.level, header, &err);
    if (writer == NULL || sender_run(sender, writer, options.start, &err) < 0 ||
        writer_end(writer, &err) < 0)
        die_err(&err);

    account.input += sender_waited(sender);
    account.reader = channel_waited(out);
    account_tell(-1, sender_sent(sender), "pictures", &account);
    if (set.count < 0) {
        tell(&set, sender_tried(sender), sender_tried(sender));
        tell_classes(&set);
    }
    if (cli_common.verbose)
        warn("%.1f MB read", 1e-6 * (double)sender_bytes(sender));
    bad_finish(sender_tried(sender));
    writer_free(writer);
    cli_finish(out);
    sender_free(sender);
    header_free(header);
    selection_free(&selection);
    dataset_close(&set);
    return 0;
}
