/* simclr-convert -- features between a tensor stream and the files of other programs, both ways.
 *
 *     stream, .npy, .npz, CSV or JSON lines --> any other of them
 *
 * SPDX-License-Identifier: MIT */
#include "formats/arraysout.h"
#include "formats/import.h"
#include "formats/textout.h"
#include "lib/eval/features.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static struct {
    const char *to, *column;
    int batch;
    bool ids;
} options = {.batch = 1000};

static struct cli_option table[] = {CLI_ROW_INPUT, CLI_ROW_OUTPUT,
    {0, "to", "stream|npy|npz|csv|jsonl", CLI_CHOICE, &options.to, 0, 0, CLI_INCIDENTAL,
        "format of the output; default: by the ending of its name, else a stream", false},
    {0, "column", "NAME", CLI_TEXT, &options.column, 0, 0, CLI_RESULT,
        "column, array or key of features; without it the first there is of h, z, pixels", false},
    {0, "ids", NULL, CLI_FLAG, &options.ids, 0, 0, CLI_INCIDENTAL,
        "CSV: one more column, the ids, behind those of lightly", false},
    {0, "batch", "N", CLI_INT, &options.batch, 1, 1e6, CLI_RESULT,
        "rows a record of an output stream", false},
    CLI_ROW_LEVEL, CLI_ROWS_END};

static struct cli_tool tool = {"simclr-convert", "[FILE]", 0, 1,
    "Convert features between a tensor stream and .npy, .npz, CSV and JSON lines.", table, NULL};

enum form { STREAM, NPY, NPZ, CSV, JSONL };

/* ---- input ---------------------------------------------------------------------------------- */

struct input {
    struct channel *channel;
    enum import_form form;
    bool stream;
    struct reader *reader; /* of a stream, else */
    struct import import;
    const struct header *header;
    int column, width; /* of the features */
    struct record record;
};

/* The header of a stream of a concatenation, or of the only one. 1; 0: the input has ended. */
static int next_header(struct input *in)
{
    struct err err = {0};
    int got = reader_header(in->reader, &in->header, &err);
    if (got == 1)
        in->column = features_column(
            &in->width, in->header, options.column, channel_name(in->channel), &err);
    if (err.status != ERR_NONE)
        die_err(&err);
    return got;
}

/* What is it? Nothing is taken from it yet. */
static void look(struct input *in)
{
    struct err err = {0};
    char first[16];
    const ssize_t got = channel_peek(in->channel, first, sizeof first, &err);
    if (got < 0)
        die_err(&err);
    in->form = import_form(first, (size_t)got);
    in->stream = in->form == IMPORT_STREAM;
}

static void open_input(struct input *in, const char *path)
{
    struct err err = {0};
    if (in->stream) {
        in->reader = reader_new(in->channel, STREAM_RECORD, &err);
        if (in->reader == NULL)
            die_err(&err);
        next_header(in);
        return;
    }
    if (import_open(&in->import, in->form, path, in->channel, options.column, options.batch, &err) <
        0)
        die_err(&err);
    in->header = in->import.header;
    in->width = (int)(in->header->column[0].row_bytes / dtype_size(in->header->column[0].dtype));
    if (in->import.left_out > 0 && !cli_common.quiet)
        warn("'%s': %d %s neither features nor of one row each: left out",
            channel_name(in->channel), in->import.left_out,
            in->import.left_out == 1 ? "column is" : "columns are");
}

/* 1: in->record is filled; 0: that was all. */
static int next_record(struct input *in)
{
    struct err err = {0};
    int got;
    if (in->stream)
        while ((got = reader_record(in->reader, &in->record, &err)) == 0)
            if (next_header(in) == 0)
                return 0;
    if (!in->stream)
        got = import_next(&in->import, &in->record, &err);
    if (got < 0)
        die_err(&err);
    if (got == 1 && in->header->column[in->column].dtype == DTYPE_F32 &&
        features_finite(in->record.field[in->column].data, in->record.rows, in->width,
            in->record.step, channel_name(in->channel), &err) < 0)
        die_err(&err);
    return got;
}

static void close_input(struct input *in)
{
    if (in->stream)
        record_free(&in->record);
    reader_free(in->reader);
    import_close(&in->import);
    cli_finish(in->channel);
}

/* ---- output --------------------------------------------------------------------------------- */

enum { SIDES = 3 };

struct output {
    enum form form;
    struct channel *channel;
    struct header *header; /* of a stream */
    struct writer *writer;
    struct textout text;
    struct arraysout arrays;
    struct channel *side[SIDES]; /* beside NAME.npy: for arrays 1, 2, ... */
};

static bool ends_in(const char *path, const char *end)
{
    const size_t a = path == NULL ? 0 : strlen(path), b = strlen(end);
    return a >= b && strcasecmp(path + a - b, end) == 0;
}

static enum form choose_form(bool from_stream)
{
    static const char *const names[] = {"stream", "npy", "npz", "csv", "jsonl"};
    static const char *const endings[] = {".stream", ".npy", ".npz", ".csv", ".jsonl", ".ndjson"};
    int form = -1;
    for (int i = 0; i < 5 && options.to != NULL; i++)
        form = strcmp(options.to, names[i]) == 0 ? i : form;
    for (int i = 0; i < 6 && options.to == NULL; i++)
        form = ends_in(cli_common.output, endings[i]) ? i : form;
    form = form == 5 ? JSONL : form;
    if (form < 0 && from_stream) {
        struct err err = {0};
        err_set(&err, ERR_MISUSE, "needs to know what to write");
        err_hint(&err, "say --to npy, npz, csv or jsonl, or -o NAME with such an ending");
        die_err(&err);
    }
    form = form < 0 ? STREAM : form;
    if (form == STREAM && from_stream)
        die(ERR_MISUSE, "input and output are both a tensor stream");
    if (options.ids && form != CSV)
        die(ERR_MISUSE, "--ids is for CSV");
    if (form != STREAM && (cli_given(&tool, "batch") || cli_given(&tool, "level")))
        die(ERR_MISUSE, "--%s is for an output that is a stream",
            cli_given(&tool, "batch") ? "batch" : "level");
    return (enum form)form;
}

/* Text may go to a terminal. */
static struct channel *create(enum form form)
{
    struct err err = {0};
    if (form != CSV && form != JSONL)
        return cli_create(cli_common.output);
    struct channel *const out = channel_create(cli_common.output, &err);
    if (out == NULL)
        die_err(&err);
    die_unlink(channel_part(out));
    return out;
}

/* An older file beside the array would be taken for what belongs to it. */
static void open_sides(struct output *out, const struct header *header)
{
    static const char *const beside[SIDES][2] = {
        {"label", "labels"}, {"id", "ids"}, {"name", "names"}};
    for (int i = 0, next = 0; i < SIDES; i++) {
        char *const path = arrays_beside(cli_common.output, beside[i][1]);
        if (path == NULL)
            die(ERR_FAILED, "cannot allocate memory for a file name");
        if (header_find(header, beside[i][0]) >= 0)
            out->side[next++] = cli_create(path);
        else if (access(path, F_OK) == 0)
            die(ERR_MISUSE, "'%s' is there, but the input has no column '%s': remove it first",
                path, beside[i][0]);
        free(path);
    }
}

static void open_stream(struct output *out, const struct header *header, struct err *err)
{
    json_t *const arguments = cli_arguments(&tool);
    out->header = header_copy(header, err);
    if (out->header == NULL ||
        header_provenance(out->header, tool.name, 0, arguments, NULL, err) < 0)
        die_err(err);
    json_decref(arguments);
    out->writer = writer_new(out->channel, cli_common.level, out->header, err);
}

static void open_output(struct output *out, const struct input *in)
{
    struct err err = {0};
    const bool arrays = out->form == NPY || out->form == NPZ;
    if (out->form == NPY && channel_part(out->channel) != NULL)
        open_sides(out, in->header);
    if (out->form == STREAM)
        open_stream(out, in->header, &err);
    else if (arrays)
        arraysout_open(&out->arrays, in->header, in->column, out->form == NPZ, &err);
    else
        textout_open(&out->text, out->form == CSV ? TEXTOUT_CSV : TEXTOUT_JSONL, options.ids,
            out->channel, in->header, in->column, &err);
    if (err.status != ERR_NONE)
        die_err(&err);
    const int left_out = out->arrays.left_out +
                         (out->form == NPY && out->side[0] == NULL ? out->arrays.arrays - 1 : 0);
    if (left_out > 0 && !cli_common.quiet)
        warn("'%s': %d %s no place in the output: left out", channel_name(in->channel), left_out,
            left_out == 1 ? "column has" : "columns have");
}

static void write_record(struct output *out, const struct input *in)
{
    struct err err = {0};
    if (out->form == STREAM)
        writer_record(out->writer, &in->record, &err);
    else if (out->form == NPY || out->form == NPZ)
        arraysout_record(&out->arrays, in->header, &in->record, &err);
    else
        textout_record(&out->text, in->header, in->column, &in->record, &err);
    if (err.status != ERR_NONE)
        die_err(&err);
}

/* The array itself comes last: where it is, what belongs to it is there too. */
static void close_output(struct output *out)
{
    struct err err = {0};
    for (int i = 0; i < SIDES && out->side[i] != NULL; i++) {
        if (arraysout_npy(&out->arrays, i + 1, out->side[i], &err) < 0)
            die_err(&err);
        cli_finish(out->side[i]);
    }
    if (out->form == STREAM)
        writer_end(out->writer, &err);
    else if (out->form == NPZ)
        arraysout_npz(&out->arrays, out->channel, &err);
    else if (out->form == NPY)
        arraysout_npy(&out->arrays, 0, out->channel, &err);
    else
        textout_finish(&out->text, &err);
    if (err.status != ERR_NONE)
        die_err(&err);
    writer_free(out->writer);
    header_free(out->header);
    arraysout_close(&out->arrays);
    textout_close(&out->text);
    cli_finish(out->channel);
}

int main(int argc, char **argv)
{
    struct input in = {.import.arrays.fd = -1};
    struct output out = {0};
    int64_t rows = 0;
    const int operand = cli_parse(&tool, argc, argv);
    const char *const path = operand < argc ? argv[operand] : cli_common.input;
    in.channel = cli_open(operand < argc ? argv[operand] : NULL);
    look(&in);
    out.form = choose_form(in.stream);
    out.channel = create(out.form);
    open_input(&in, path == NULL || strcmp(path, "-") == 0 ? NULL : path);
    open_output(&out, &in);

    progress_start(0, "rows");
    while (next_record(&in) == 1) {
        write_record(&out, &in);
        progress_update(rows += in.record.rows, NULL);
    }
    close_output(&out);
    progress_end(rows);
    close_input(&in);
    return 0;
}
