/* simclr-sheet -- a contact sheet: what the pictures or views of a stream look like.
 *
 * The first pictures of the stream, and no more of it than they take; the sheet is in its place
 * before anything else is read.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"
#include "formats/jpegout.h"
#include "formats/png.h"
#include "formats/pngout.h"
#include "formats/stream.h"
#include "lib/image/gallery.h"
#include "lib/image/sheet.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <string.h>
#include <strings.h>

static struct {
    struct gallery_options gallery;
    int gap, quality;
    struct cli_triple background;
    const char *format;
} options = {
    .gallery = {.rows = 8},
    .gap = 4,
    .quality = 90,
    .background = {true, {208, 208, 208}},
};

static struct cli_option table[] = {CLI_ROW_INPUT, CLI_ROW_OUTPUT,
    {0, "rows", "N", CLI_INT, &options.gallery.rows, 1, 1000, CLI_RESULT,
        "rows of the sheet; with several views, one for each picture", false},
    {0, "columns", "N", CLI_INT, &options.gallery.columns, 1, 1000, CLI_RESULT,
        "columns of the sheet; default: all views, or 8 pictures", false},
    {0, "cell", "PX", CLI_INT, &options.gallery.cell, 1, 4096, CLI_RESULT,
        "longer side of a picture on the sheet; default: 96 to 256 as it is, images 160", false},
    {0, "gap", "PX", CLI_INT, &options.gap, 0, 1000, CLI_RESULT, "between pictures and around",
        false},
    {0, "names", NULL, CLI_FLAG, &options.gallery.names, 0, 0, CLI_RESULT,
        "names underneath; ids, if there are none", false},
    {0, "labels", NULL, CLI_FLAG, &options.gallery.labels, 0, 0, CLI_RESULT,
        "classes underneath, by name if they have names", false},
    {0, "background", "R,G,B", CLI_TRIPLE, &options.background, 0, 255, CLI_RESULT,
        "colour of the paper; default: 208,208,208", false},
    {0, "format", "png|jpeg", CLI_CHOICE, &options.format, 0, 0, CLI_RESULT,
        "of the sheet; default: what --output ends in, else png", false},
    {0, "quality", "Q", CLI_INT, &options.quality, 1, 100, CLI_RESULT, "of a JPEG", false},
    CLI_ROWS_END};

static void print_version(FILE *out)
{
    fprintf(out, "%s\n%s\n", png_version(), jpeg_version());
}

static struct cli_tool tool = {"simclr-sheet", "[FILE]", 0, 1,
    "Draw a contact sheet of a stream of images or views.", table, print_version};

/* ---- prepare -------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
    const size_t a = strlen(path), b = strlen(end);
    return a >= b && strcasecmp(path + a - b, end) == 0;
}

/* The format, from --format or the name of the file. */
static void choose_format(void)
{
    const char *const path = cli_common.output;
    if (options.format == NULL && (path == NULL || strcmp(path, "-") == 0 || ends_in(path, ".png")))
        options.format = "png";
    else if (options.format == NULL && (ends_in(path, ".jpg") || ends_in(path, ".jpeg")))
        options.format = "jpeg";
    if (options.format == NULL) {
        struct err err = {0};
        err_set(&err, ERR_MISUSE, "'%s' ends in neither .png nor .jpg", path);
        err_hint(&err, "say --format png or --format jpeg");
        die_err(&err);
    }
    if (cli_given(&tool, "quality") && strcmp(options.format, "png") == 0)
        die(ERR_MISUSE, "--quality has no meaning for a PNG");
}

/* Who forgets -o would have his sheet read as the stream. */
static void check_operand(const char *operand)
{
    struct err err = {0};
    if (operand == NULL || cli_given(&tool, "output") ||
        !(ends_in(operand, ".png") || ends_in(operand, ".jpg") || ends_in(operand, ".jpeg")))
        return;
    err_set(&err, ERR_MISUSE, "'%s' is read, not written", operand);
    err_hint(&err, "say -o '%s' to write the sheet there", operand);
    die_err(&err);
}

static void tell(const char *picture, const char *reason)
{
    if (!cli_common.quiet)
        warn("cannot show %s: %s", picture, reason);
}

/* ---- work ----------------------------------------------------------------------------------- */

/* Read until the gallery is full or the input has ended. True when it is full. */
static bool collect(
    struct gallery *gallery, struct reader *reader, const char *source, struct err *err)
{
    const struct header *header;
    struct record record = {0};
    int more, wanted = 1;
    while (wanted == 1 && (more = reader_header(reader, &header, err)) == 1) {
        if (gallery_header(gallery, header, source, err) < 0)
            break;
        while (wanted == 1 && reader_record(reader, &record, err) == 1) {
            wanted = gallery_record(gallery, header, &record, err);
            progress_update(gallery->cells, NULL);
        }
        if (err->status != ERR_NONE)
            break;
    }
    if (err->status != ERR_NONE)
        die_err(err);
    record_free(&record);
    gallery_finish(gallery);
    if (gallery->cells == 0)
        die(ERR_INPUT, "'%s' has no pictures", source);
    return wanted == 0;
}

static void write_sheet(struct channel *out, const struct gallery *gallery, struct err *err)
{
    struct picture sheet;
    struct sheet_style style = {
        .cell = options.gallery.cell, .gap = options.gap, .rows = !gallery->single};
    for (int i = 0; i < 3; i++)
        style.background[i] = (unsigned char)(options.background.value[i] + 0.5);
    if (gallery->encoded && style.cell == 0)
        style.cell = GALLERY_SIDE;
    if (sheet_draw(&sheet, gallery->cell, gallery->cells, &style, err) < 0 ||
        (strcmp(options.format, "png") == 0 ? pngout_write(out, &sheet, err)
                                            : jpegout_write(out, &sheet, options.quality, err)) < 0)
        die_err(err);
    if (cli_common.verbose)
        warn("%d x %d pixels", sheet.width, sheet.height);
    picture_free(&sheet);
}

/* Whoever writes the stream may be about to end it: wait for that, or for one record more, so that
 * he is not told that nobody reads. What is wrong with it no longer matters. */
static void let_end(struct reader *reader)
{
    struct record record = {0};
    struct err ignored = {0};
    reader_record(reader, &record, &ignored);
    record_free(&record);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct gallery gallery;
    const int operand = cli_parse(&tool, argc, argv);

    choose_format();
    check_operand(operand < argc ? argv[operand] : NULL);
    options.gallery.notice = tell;
    struct channel *const in = cli_open(operand < argc ? argv[operand] : NULL);
    struct channel *const out = cli_create(cli_common.output);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    if (reader == NULL)
        die_err(&err);

    gallery_init(&gallery, &options.gallery);
    progress_start(0, "pictures");
    const bool full = collect(&gallery, reader, channel_name(in), &err);
    progress_end(gallery.cells);
    write_sheet(out, &gallery, &err);
    cli_finish(out);

    if (full)
        let_end(reader);
    gallery_free(&gallery);
    reader_free(reader);
    channel_finish(in, &err);
    return 0;
}
