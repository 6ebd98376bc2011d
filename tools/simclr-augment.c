/* simclr-augment -- pictures become views: the augmentations of SimCLR, or the test-time crop.
 *
 * Draws are keyed by (seed, epoch, id, view, operation), so a view does not depend on the batch,
 * the order or the threads it is made in (augment.h).
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"
#include "formats/png.h"
#include "formats/stream.h"
#include "lib/base/helper.h"
#include "lib/base/parallel.h"
#include "lib/image/views.h"
#include "tools/account.h"
#include "tools/bad.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"
#include "tools/recipe.h"
#include "tools/stop.h"

#include <stdlib.h>

static struct {
    int64_t size, part, seed; /* below their range: not given */
    bool truncated, whole;
} options = {.seed = -1};

#define REAL(name, word, variable, low, high, help)                                                \
    {                                                                                              \
        0, name, word, CLI_REAL, &recipe.variable, low, high, CLI_RESULT, help, false              \
    }
#define STRENGTH(color)   augment.strength[AUGMENT_##color]
#define CHANCE(operation) augment.chance[AUGMENT_##operation]

static struct cli_option table[] = {CLI_ROW_INPUT, CLI_ROW_OUTPUT,
    {0, "size", "N", CLI_LONG, &options.size, 1, 4096, CLI_RESULT,
        "side of a view; default: the pictures', if all alike and square, else 224", false},
    {0, "views", "V[+S]", CLI_TEXT, &recipe.views, 0, 0, CLI_RESULT,
        "views a picture; S: and so many of a small size", false},
    {0, "small-size", "N", CLI_LONG, &recipe.small_size, 1, 4096, CLI_RESULT,
        "side of a small view; default: half of --size", false},
    REAL("small-area-min", "X", small.range.area_min, 0, 1, "least share of the picture in one"),
    REAL("small-area-max", "X", small.range.area_max, 1e-6, 1, "its largest"),
    {0, "recipe", RECIPE_NAMES, CLI_CHOICE, &recipe.name, 0, 0, CLI_RESULT,
        "how a view is made; other defaults are those of simclr", false},
    {0, "asymmetric", "NAME[,NAME]...", CLI_TEXT, &recipe.asymmetric, 0, 0, CLI_RESULT,
        "operations (crop, flip, ...) that only view 0 gets", false},
    {0, "part", "ROWS", CLI_LONG, &options.part, 1, 1 << 30, CLI_RESULT,
        "cut steps into records of at most ROWS rows of one view", false},
    {'s', "seed", "N", CLI_LONG, &options.seed, 0, 1LL << 53, CLI_RESULT,
        "what the views are drawn from; default: the plan's, else 0", false},
    REAL("crop", "P", CHANCE(CROP), 0, 1, "probability of a random crop"),
    REAL("crop-area-min", "X", augment.range.area_min, 0, 1, "its least share of the picture"),
    REAL("crop-area-max", "X", augment.range.area_max, 1e-6, 1, "its largest share"),
    REAL("crop-aspect-min", "X", augment.range.aspect_min, 0.01, 100, "its least width / height"),
    REAL("crop-aspect-max", "X", augment.range.aspect_max, 0.01, 100, "its largest"),
    REAL("crop-covered", "X", augment.range.covered, 0, 1, "a share below is drawn again"),
    REAL("flip", "P", CHANCE(FLIP), 0, 1, "probability of exchanging left and right"),
    REAL("vflip", "P", CHANCE(VFLIP), 0, 1, "probability of exchanging top and bottom"),
    REAL("rotate", "P", CHANCE(ROTATE), 0, 1, "probability of a rotation"),
    REAL("rotate-degrees", "D", augment.degrees, 0, 180,
        "by up to D, either way; 0: by 90, 180 or 270"),
    REAL("jitter", "P", CHANCE(JITTER), 0, 1, "probability of colour jitter"),
    REAL("strength", "S", strength, 0, 1.25, "of the jitter; default: 1, up to 32 pixels 0.5"),
    REAL("brightness", "X", STRENGTH(BRIGHTNESS), 0, 100, "default: 0.8 S"),
    REAL("contrast", "X", STRENGTH(CONTRAST), 0, 1, "default: 0.8 S"),
    REAL("saturation", "X", STRENGTH(SATURATION), 0, 1, "default: 0.8 S"),
    REAL("hue", "X", STRENGTH(HUE), 0, 0.5, "default: 0.2 S"),
    REAL("grey", "P", CHANCE(GREY), 0, 1, "probability of taking the colour away"),
    REAL("blur", "P", CHANCE(BLUR), 0, 1, "probability of blur; default: 0.5, up to 32 pixels 0"),
    REAL("blur-sigma-min", "PX", augment.sigma_min, 0.001, 1000, "its least deviation"),
    REAL("blur-sigma-max", "PX", augment.sigma_max, 0.001, 1000, "its largest"),
    REAL("solarise", "P", CHANCE(SOLARISE), 0, 1, "probability of inverting what is bright"),
    REAL("solarise-threshold", "BYTE", augment.threshold, 0, 256, "where bright begins"),
    REAL("equalise", "P", CHANCE(EQUALISE), 0, 1, "probability of evening the histograms"),
    REAL("sobel", "P", CHANCE(SOBEL), 0, 1, "probability of showing edges only"),
    REAL("noise", "P", CHANCE(NOISE), 0, 1, "probability of Gaussian noise"),
    REAL("noise-sigma-min", "X", augment.noise_min, 0, 10, "its least deviation; white is 1"),
    REAL("noise-sigma-max", "X", augment.noise_max, 0, 10, "its largest"),
    REAL("cutout", "P", CHANCE(CUTOUT), 0, 1, "probability of blotting out a square"),
    REAL("cutout-area-min", "X", augment.hole_min, 0, 1, "its least share of the view"),
    REAL("cutout-area-max", "X", augment.hole_max, 0, 1, "its largest"),
    REAL("cutout-value", "X", augment.filling, 0, 1, "what is put there, 0 black to 1 white"),
    REAL("central", "X", augment.share, 0.01, 1,
        "with eval: share of the shorter side; default: 0.875, up to 32 pixels 1"),
    {0, "accept-truncated", NULL, CLI_FLAG, &options.truncated, 0, 0, CLI_RESULT,
        "take JPEG files that are cut short, the missing part grey", false},
    {0, "decode-all", NULL, CLI_FLAG, &options.whole, 0, 0, CLI_RESULT,
        "decode all of each picture at full size, not only what its views show", false},
    BAD_ROWS, CLI_ROW_THREADS, CLI_ROW_LEVEL, CLI_ROW_ACCOUNT, CLI_ROWS_END};

static void print_version(FILE *out)
{
    fprintf(out, "%s\n%s\n", png_version(), jpeg_version());
}

static struct cli_tool tool = {"simclr-augment", "[FILE]", 0, 1,
    "Turn pictures into the views that SimCLR trains on, or into test-time crops.", table,
    print_version};

/* ---- prepare -------------------------------------------------------------------------------- */

/* Defaults that depend on the stream. The options hold them afterwards: they go into `run`. */
static void set_defaults(const struct header *header)
{
    if (options.size == 0)
        options.size = views_size(header) > 0 ? views_size(header) : 224;
    recipe_settle(&tool, (int)options.size);
    if (!cli_given(&tool, "seed"))
        options.seed = header->plan.steps > 0 ? header->plan.seed : 0;
}

static struct views *prepare(
    const struct header *header, const char *source, struct parallel *parallel, struct err *err)
{
    set_defaults(header);
    const struct views_options v = {recipe.augment, recipe.large, (int)options.part, options.seed,
        {(size_t)bad_options.max_pixels, options.truncated}, options.whole, recipe.more,
        recipe.small};
    struct views *const views = views_new(header, &v, parallel, source, err);
    json_t *const arguments = cli_arguments(&tool);
    if (views == NULL ||
        header_provenance(views_header(views), tool.name, options.seed, arguments, NULL, err) < 0)
        die_err(err);
    json_decref(arguments);
    return views;
}

/* ---- work ----------------------------------------------------------------------------------- */

static void tell_left_out(
    const struct views_made *made, const struct header *header, const struct record *record)
{
    const int id = header_find(header, "id"), name = header_find(header, "name");
    const bool named = name >= 0 && header->column[name].ragged;
    for (int row = 0; row < record->rows; row++) {
        const struct err *const reason = views_reason(made, row);
        const void *text = "";
        if (reason != NULL) {
            const size_t length = named ? record_row(header, record, name, row, &text) : 0;
            bad_picture(((int64_t *)record->field[id].data)[row], text, length, reason->text);
        }
    }
}

/* While the views of one record are made, a helper reads the next and another writes the last. */
enum { RECORDS = 3 };

struct input {
    struct reader *reader;
    struct record *record;
    int got;
    struct err err;
};

static void read_one(void *context)
{
    struct input *const in = context;
    in->got = reader_record(in->reader, in->record, &in->err);
}

struct output {
    struct writer *writer;
    struct views_made *made;
    int records;
};

static void write_all(void *context)
{
    const struct output *const out = context;
    struct err err = {0};
    for (int i = 0; i < out->records; i++) {
        const struct record *const part = views_record(out->made, i, &err);
        if (part == NULL || writer_record(out->writer, part, &err) < 0)
            die_err(&err);
    }
}

struct tally {
    int64_t pictures;
    struct account account;
};

static void wait_for(struct helper *helper, double *waited)
{
    const double start = progress_seconds();
    helper_wait(helper);
    *waited += progress_seconds() - start;
}

static void augment_records(struct tally *tally, struct input *in, struct output *out,
    struct record record[RECORDS], struct views *views, const struct header *header)
{
    struct err err = {0};
    struct helper *const reading = helper_new(&err), *const writing = helper_new(&err);
    struct views_made *made[] = {views_made_new(views, &err), views_made_new(views, &err)};
    if (err.status != ERR_NONE)
        die_err(&err);
    in->record = &record[0];
    helper_start(reading, read_one, in);
    for (int k = 0; wait_for(reading, &tally->account.input), in->got == 1; k++) {
        const struct record *const now = in->record;
        in->record = &record[(k + 1) % RECORDS];
        helper_start(reading, read_one, in);
        const int records = views_make(views, made[k % 2], now, &err);
        tell_left_out(made[k % 2], header, now);
        wait_for(writing, &tally->account.reader);
        if (records < 0)
            die_err(&err);
        *out = (struct output){out->writer, made[k % 2], records};
        helper_start(writing, write_all, out);
        progress_update(tally->pictures += now->rows, NULL);
    }
    wait_for(writing, &tally->account.reader);
    helper_free(writing);
    helper_free(reading);
    views_made_free(made[0]);
    views_made_free(made[1]);
}

/* One stream, from header to END. */
static void augment_stream(struct tally *tally, struct reader *reader, const struct header *header,
    struct views *views, struct channel *channel, struct err *err)
{
    struct record record[RECORDS] = {{0}};
    struct input in = {.reader = reader};
    struct output out = {.writer = writer_new(channel, cli_common.level, views_header(views), err)};
    if (out.writer == NULL)
        die_err(err);
    augment_records(tally, &in, &out, record, views, header);
    if (in.got < 0)
        die_err(&in.err);
    if (writer_end(out.writer, err) < 0)
        die_err(err);
    writer_free(out.writer);
    for (int i = 0; i < RECORDS; i++)
        record_free(&record[i]);
}

static int next_header(
    struct reader *reader, const struct header **header, struct tally *tally, struct err *err)
{
    const double start = progress_seconds();
    const int more = reader_header(reader, header, err);
    tally->account.input += progress_seconds() - start;
    return more;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    const struct header *header;
    struct tally tally = {.account.gradients = -1};

    recipe_start(&tool);
    const int operand = cli_parse(&tool, argc, argv);
    recipe_check(&tool, (int)options.size);
    stop_defer();
    account_start();
    struct channel *const in = cli_open(operand < argc ? argv[operand] : NULL);
    struct channel *const out = cli_create(cli_common.output);
    bad_open(out);
    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    if (parallel == NULL || reader == NULL)
        die_err(&err);

    int more;
    while ((more = next_header(reader, &header, &tally, &err)) == 1) {
        bad_stream();
        struct views *const views = prepare(header, channel_name(in), parallel, &err);
        if (header->plan.steps == 0)
            stop_restore();
        const struct plan *const plan = &header->plan; /* of whatever size it claims to be */
        const bool countable = plan->steps > 0 && plan->batch <= INT64_MAX / plan->steps;
        progress_start(countable ? plan->steps * plan->batch : 0, "pictures");
        augment_stream(&tally, reader, header, views, out, &err);
        views_free(views);
    }
    if (more < 0)
        die_err(&err);

    account_tell(-1, tally.pictures, "pictures", &tally.account);
    bad_finish(tally.pictures);
    reader_free(reader);
    channel_finish(in, &err);
    cli_finish(out);
    parallel_free(parallel);
    return 0;
}
