/* simclr-thumbnails -- the pictures of a stream as text: a line each, the picture a data: URI.
 *
 * For pages that hold their pictures inside them, made by whatever can join lines of text.
 * SPDX-License-Identifier: MIT */
#include "formats/bytes.h"
#include "formats/jpeg.h"
#include "formats/jpegout.h"
#include "formats/png.h"
#include "formats/pngout.h"
#include "formats/stream.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/image/sheet.h"
#include "lib/image/shrink.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *format;
    int side, quality;
} options = {.side = 64, .quality = 85};

static struct cli_option table[] = {CLI_ROW_INPUT, CLI_ROW_OUTPUT,
    {0, "side", "PX", CLI_INT, &options.side, 1, 1024, CLI_RESULT,
        "longer side of a picture, at most; smaller ones stay as they are", false},
    {0, "format", "png|jpeg", CLI_CHOICE, &options.format, 0, 0, CLI_RESULT,
        "of the pictures; default: png up to 40 pixels, else jpeg", false},
    {0, "quality", "Q", CLI_INT, &options.quality, 1, 100, CLI_RESULT, "of a JPEG", false},
    CLI_ROWS_END};

enum { SMALL = 40 }; /* pixels a side: up to here every one of them counts */

static void print_version(FILE *out)
{
    fprintf(out, "%s\n%s\n", png_version(), jpeg_version());
}

static struct cli_tool tool = {"simclr-thumbnails", "[FILE]", 0, 1,
    "Print the pictures of a stream as a table of text, each a data: URI.", table, print_version};

/* ---- a picture -------------------------------------------------------------------------------- */

/* The columns of a stream, -1 for those it does not have, and what classes are called. */
struct source {
    const char *path;
    int pixels, id, view, label, name;
    json_t *classes;
};

static void open_source(struct source *s, const struct header *header)
{
    struct err err = {0};
    json_t *const dataset = header_get(header, "dataset");
    json_decref(s->classes);
    s->classes = json_incref(json_object_get(dataset, "class_names"));
    json_decref(dataset);
    s->pixels = header_need_varying(header, "pixels", DTYPE_U8, 3, s->path, &err);
    if (s->pixels < 0 && header_find(header, "bytes") >= 0)
        err_hint(&err, "simclr-augment --recipe eval makes them of files of pictures");
    s->id = header_need(header, "id", DTYPE_I64, 0, s->path, &err);
    s->view = header_find(header, "view");
    if (s->view >= 0)
        s->view = header_need(header, "view", DTYPE_I64, 0, s->path, &err);
    s->label = header_find(header, "label");
    if (s->label >= 0)
        s->label = header_need(header, "label", DTYPE_I64, 0, s->path, &err);
    s->name = header_find(header, "name");
    if (s->name >= 0)
        s->name = header_need(header, "name", DTYPE_U8, -1, s->path, &err);
    if (err.status != ERR_NONE)
        die_err(&err);
}

/* Room for `size` bytes behind those that are there. */
static char *room_for(struct bytes *out, size_t size)
{
    struct err err = {0};
    unsigned char *const room = bytes_room(out, size, &err);
    if (room == NULL)
        die_err(&err);
    return (char *)room;
}

/* The picture of a row, and how large it is shown: its file in base64. */
static void encode(struct bytes *out, int *height, int *width, const unsigned char *pixels,
    const int *shape, const char *format)
{
    struct err err = {0};
    struct bytes file = {0};
    struct picture small = {0};
    /* It is only read. */
    const struct picture whole = {shape[0], shape[1], shape[2], (unsigned char *)pixels, 0, 0, 1};
    const int side = shape[0] > shape[1] ? shape[0] : shape[1];
    const struct picture *shown = &whole;
    if (side > options.side) {
        sheet_fit(height, width, shape[0], shape[1], options.side);
        if (shrink_to(&small, &whole, *height, *width, &err) < 0)
            die_err(&err);
        shown = &small;
    }
    *height = shown->height;
    *width = shown->width;
    if ((strcmp(format, "png") == 0 ? pngout_append(&file, shown, &err)
                                    : jpegout_append(&file, shown, options.quality, &err)) < 0)
        die_err(&err);
    base64_encode(room_for(out, base64_size(file.size)), file.data, file.size);
    out->size += base64_size(file.size);
    picture_free(&small);
    bytes_free(&file);
}

/* Append text; control characters and what is no UTF-8 are replaced, so that a table stays one. */
static void put(struct bytes *out, const void *text, size_t size)
{
    char *const room = room_for(out, size + 1);
    if (size > 0)
        memcpy(room, text, size);
    room[size] = '\0';
    for (char *zero = room; (zero = memchr(zero, '\0', (size_t)(room + size - zero))) != NULL;)
        *zero = '?';
    text_clean(room);
    out->size += strlen(room);
}

static void put_raw(struct bytes *out, const char *text)
{
    memcpy(room_for(out, strlen(text)), text, strlen(text));
    out->size += strlen(text);
}

static int64_t number(const struct record *record, int column, int row, int64_t otherwise)
{
    return column >= 0 ? ((const int64_t *)record->field[column].data)[row] : otherwise;
}

/* One line: id, view, label, class, name, width, height, uri. */
static void line(struct bytes *out, const struct source *s, const struct header *header,
    const struct record *record, int row)
{
    char text[160];
    const void *pixels, *name = NULL;
    int height, width;
    const int *const shape = record_shape(header, record, s->pixels);
    const int64_t label = number(record, s->label, row, -1);
    const char *const class =
        label >= 0 ? json_string_value(json_array_get(s->classes, (size_t)label)) : NULL;
    const size_t length = s->name >= 0 ? record_row(header, record, s->name, row, &name) : 0;
    record_row(header, record, s->pixels, row, &pixels);
    const int side = shape[0] > shape[1] ? shape[0] : shape[1];
    const char *const format = options.format != NULL ? options.format
                               : (side < options.side ? side : options.side) <= SMALL ? "png"
                                                                                      : "jpeg";
    struct bytes uri = {0};
    encode(&uri, &height, &width, pixels, shape, format);
    snprintf(text, sizeof text, "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t",
        number(record, s->id, row, 0), number(record, s->view, row, 0), label);
    put_raw(out, text);
    put(out, class, class != NULL ? strlen(class) : 0);
    put_raw(out, "\t");
    put(out, name, length);
    snprintf(text, sizeof text, "\t%d\t%d\tdata:image/%s;base64,", width, height, format);
    put_raw(out, text);
    put(out, uri.data, uri.size);
    put_raw(out, "\n");
    bytes_free(&uri);
}

/* ---- work ------------------------------------------------------------------------------------- */

static void lines(
    struct channel *out, const struct source *s, const struct header *header, struct record *record)
{
    struct err err = {0};
    struct bytes text = {0};
    const int *const shape = record_shape(header, record, s->pixels);
    if (shape[0] < 1 || shape[1] < 1 || (shape[2] != 1 && shape[2] != 3))
        die(ERR_INPUT, "'%s' has 'pixels' of shape [%d,%d,%d], not [h,w,3 or 1]", s->path, shape[0],
            shape[1], shape[2]);
    for (int row = 0; row < record->rows; row++)
        line(&text, s, header, record, row);
    if (text.size > 0 && channel_write(out, text.data, text.size, &err) < 0)
        die_err(&err);
    bytes_free(&text);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct record record = {0};
    const struct header *header;
    const char head[] = "id\tview\tlabel\tclass\tname\twidth\theight\turi\n";
    int64_t count = 0;
    int more;
    const int operand = cli_parse(&tool, argc, argv);

    struct channel *const in = cli_open(operand < argc ? argv[operand] : NULL);
    struct channel *const out = channel_create(cli_common.output, &err);
    struct source source = {.path = channel_name(in)};
    struct reader *const reader = out != NULL ? reader_new(in, STREAM_RECORD, &err) : NULL;
    if (reader == NULL)
        die_err(&err);
    die_unlink(channel_part(out));

    progress_start(0, "pictures");
    for (bool begun = false; (more = reader_header(reader, &header, &err)) == 1; begun = true) {
        open_source(&source, header);
        if (!begun && channel_write(out, head, sizeof head - 1, &err) < 0)
            die_err(&err);
        while ((more = reader_record(reader, &record, &err)) == 1) {
            lines(out, &source, header, &record);
            count += record.rows;
            progress_update(count, NULL);
        }
        if (more < 0)
            break;
    }
    if (more < 0)
        die_err(&err);
    progress_end(count);
    cli_finish(out);

    json_decref(source.classes);
    record_free(&record);
    reader_free(reader);
    channel_finish(in, &err);
    return 0;
}
