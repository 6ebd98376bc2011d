/* drawing -- the pictures of simclr-map.
 * SPDX-License-Identifier: MIT */
#include "tools/drawing.h"

#include "formats/pngout.h"
#include "lib/base/text.h"
#include "lib/image/album.h"
#include "lib/image/scatter.h"
#include "lib/image/scatterpng.h"
#include "lib/image/scattersvg.h"
#include "lib/image/thumbnail.h"
#include "tools/die.h"
#include "tools/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_SIZE = 720,
    THUMBNAILS_SIZE = 1440,
    CELL = 48,
    UNSEEN = 10, /* pictures that are named on stderr when they cannot be shown */
    LOOKS = SCATTER_COLORS * SCATTER_SHAPES
};

struct drawing_options drawing_options;

static struct channel *pictures_in;
static struct picture *own; /* [rows] of the stream of features, small */
static int own_rows, own_room;
static int unseen;

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

bool drawing_any(void)
{
    return drawing_options.png != NULL || drawing_options.svg != NULL;
}

bool drawing_stdout(void)
{
    return is_stdout(drawing_options.png) || is_stdout(drawing_options.svg);
}

static void check_two(const char *a, const char *a_option, const char *b, const char *b_option)
{
    if (a != NULL && b != NULL && strcmp(a, b) == 0)
        die(ERR_MISUSE, "--%s and --%s are both '%s'", a_option, b_option, a);
}

void drawing_check(const struct cli_tool *tool, const char *input)
{
    static const char *const others[] = {
        "title", "size", "background", "thumbnails", "pictures", "cell", NULL};
    struct drawing_options *const o = &drawing_options;
    for (int i = 0; others[i] != NULL; i++)
        if (!drawing_any() && cli_given(tool, others[i]))
            die(ERR_MISUSE, "--%s needs --png or --svg", others[i]);
    if (o->cell > 0 && !o->thumbnails && o->pictures == NULL)
        die(ERR_MISUSE, "--cell needs --thumbnails or --pictures");
    if (is_stdout(o->pictures) && (input == NULL || is_stdout(input)))
        die(ERR_MISUSE, "standard input cannot be both --pictures and the features");
    check_two(o->png, "png", o->svg, "svg");
    check_two(cli_common.output, "output", o->png, "png");
    check_two(cli_common.output, "output", o->svg, "svg");
    const char *const paths[] = {cli_common.output, o->png, o->svg};
    const char *const names[] = {"output", "png", "svg"};
    for (int i = 0; i < 3; i++)
        if (paths[i] != NULL && !is_stdout(paths[i]))
            cli_try(names[i], paths[i]);
    if (o->pictures != NULL)
        pictures_in = sets_open(o->pictures);
    o->thumbnails = o->thumbnails || o->pictures != NULL;
    o->cell = o->cell > 0 ? o->cell : CELL;
}

/* ---- classes ---------------------------------------------------------------------------------- */

static void *room(size_t count, size_t unit)
{
    void *const memory = calloc(count > 0 ? count : 1, unit);
    if (memory == NULL)
        die(ERR_FAILED, "cannot allocate memory for %zu x %zu bytes", count, unit);
    return memory;
}

static char *class_name(const struct points *points, int label)
{
    char number[24];
    const char *text = json_string_value(json_array_get(points->classes, (size_t)label));
    snprintf(number, sizeof number, "%d", label);
    char *const name = strdup(text != NULL && *text != '\0' ? text : number);
    if (name == NULL)
        die(ERR_FAILED, "cannot allocate memory for names of classes");
    text_clean(name);
    return name;
}

/* The labels that occur become classes, and after them rows without a label one, if there are others. Looks
 * go by label, so that maps of one data set agree, unless some label is beyond them. */
static void find_classes(struct scatter *s, int *class, const struct points *points)
{
    int highest = -1;
    bool some = false;
    for (int i = 0; i < points->rows; i++) {
        highest = points->label[i] > highest ? points->label[i] : highest;
        some = some || points->label[i] < 0;
    }
    int *const index = room((size_t)highest + 1, sizeof *index);
    for (int i = 0; i < points->rows; i++)
        if (points->label[i] >= 0)
            index[points->label[i]] = 1;
    for (int label = 0; label <= highest; label++)
        s->classes += index[label];
    struct scatter_class *const legend = room((size_t)s->classes + 1, sizeof *legend);
    for (int label = 0, n = 0; label <= highest; label++)
        if (index[label] != 0) {
            index[label] = n;
            legend[n].name = class_name(points, label);
            legend[n].look = highest < LOOKS ? label : n % LOOKS;
            n++;
        }
    legend[s->classes] = (struct scatter_class){"no label", SCATTER_NONE};
    for (int i = 0; i < points->rows; i++)
        class[i] = points->label[i] >= 0 ? index[points->label[i]] : s->classes;
    s->classes += s->classes > 0 && some;
    s->class = class;
    s->legend = legend;
    free(index);
}

static void free_classes(struct scatter *s)
{
    for (int i = 0; i < s->classes; i++)
        if (s->legend[i].look != SCATTER_NONE)
            free((char *)s->legend[i].name);
    free((struct scatter_class *)s->legend);
}

/* ---- thumbnails ------------------------------------------------------------------------------- */

static void tell(int64_t id, const char *reason)
{
    if (++unseen <= UNSEEN && !cli_common.quiet)
        warn("cannot show picture %lld: %s", (long long)id, reason);
}

static int keep(void *context, const struct header *header, const struct record *record, int row,
    struct err *err)
{
    struct thumbnail_columns columns;
    struct err reason = {0};
    const struct scatter s = {.cell = drawing_options.cell};
    (void)context;
    if (thumbnail_find(&columns, header, "the stream of features", err) < 0)
        return err_hint(err, "say --pictures FILE, a stream of simclr-images with the same ids");
    if (own_rows == own_room) {
        own_room = own_room + own_room / 2 + 64;
        struct picture *const more = realloc(own, (size_t)own_room * sizeof *more);
        if (more == NULL)
            return err_memory(err, "thumbnails");
        own = more;
    }
    struct picture *const picture = &own[own_rows++];
    *picture = (struct picture){0};
    if (thumbnail_take(picture, &columns, header, record, row, scatter_room(&s), &reason) == 0)
        return 0;
    if (reason.status != ERR_INPUT)
        return err_set(err, reason.status, "%s", reason.text);
    tell(own_rows - 1, reason.text);
    return 0;
}

points_visit *drawing_visit(void)
{
    return drawing_options.thumbnails && drawing_options.pictures == NULL ? keep : NULL;
}

static void read_album(struct album *album)
{
    struct err err = {0};
    struct record record = {0};
    const struct header *header;
    const char *const source = channel_name(pictures_in);
    struct reader *const reader = reader_new(pictures_in, STREAM_RECORD, &err);
    int wanted = 1;
    while (reader != NULL && wanted == 1 && reader_header(reader, &header, &err) == 1) {
        if (album_header(album, header, source, &err) < 0)
            break;
        while (wanted == 1 && reader_record(reader, &record, &err) == 1)
            wanted = album_record(album, header, &record, source, &err);
        if (err.status != ERR_NONE)
            break;
    }
    if (err.status != ERR_NONE)
        die_err(&err);
    record_free(&record);
    reader_free(reader);
    channel_finish(pictures_in, &err);
}

/* thumb [cells] of a second stream. */
static void ask_album(struct picture *thumb, const int *shown, int cells, const struct scatter *s,
    const struct points *points)
{
    struct album album = {.wish = room((size_t)cells, sizeof *album.wish),
        .thumb = thumb,
        .cell = scatter_room(s),
        .notice = tell};
    for (int i = 0; i < cells; i++)
        if (shown[i] >= 0) {
            struct album_wish *const wish = &album.wish[album.wishes++];
            *wish = (struct album_wish){.id = points->id[shown[i]], .place = i};
            wish->name = roster_name(&points->name, shown[i], &wish->bytes);
            wish->name = points->names ? wish->name : NULL;
        }
    album_begin(&album);
    read_album(&album);
    if (album.left == album.wishes)
        die(ERR_INPUT, "'%s' has none of the %d pictures to be shown", drawing_options.pictures,
            album.wishes);
    if (album.left > 0 && !cli_common.quiet)
        warn("'%s' lacks %d of the %d pictures to be shown: they are points",
            drawing_options.pictures, album.left, album.wishes);
    free(album.wish);
}

static void find_thumbnails(struct scatter *s, const struct points *points)
{
    struct err err = {0};
    int cells;
    s->cell = drawing_options.cell;
    int *const shown = scatter_cells(&cells, s, &err);
    struct picture *const thumb = room((size_t)cells, sizeof *thumb);
    if (shown == NULL)
        die_err(&err);
    if (pictures_in != NULL)
        ask_album(thumb, shown, cells, s, points);
    for (int i = 0; pictures_in == NULL && i < cells; i++)
        if (shown[i] >= 0) {
            thumb[i] = own[shown[i]]; /* it is shown once */
            own[shown[i]] = (struct picture){0};
        }
    s->shown = shown;
    s->thumb = thumb;
    s->cells = cells;
}

static void free_thumbnails(struct scatter *s)
{
    for (int i = 0; i < s->cells; i++)
        picture_free((struct picture *)&s->thumb[i]);
    free((struct picture *)s->thumb);
    free((int *)s->shown);
    for (int i = 0; i < own_rows; i++)
        picture_free(&own[i]);
    free(own);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void write_svg(const struct scatter *s)
{
    struct err err = {0};
    char *const text = scattersvg_text(s, &err);
    if (text == NULL)
        die_err(&err);
    sets_write(drawing_options.svg, text);
    free(text);
}

static void write_png(const struct scatter *s)
{
    struct err err = {0};
    struct picture picture;
    struct channel *const out = cli_create(drawing_options.png);
    if (scatterpng_draw(&picture, s, &err) < 0 || pngout_write(out, &picture, &err) < 0)
        die_err(&err);
    cli_finish(out);
    picture_free(&picture);
}

static const char *name_of(const void *context, int point, size_t *bytes)
{
    const struct points *const points = context;
    return roster_name(&points->name, point, bytes);
}

void drawing_draw(const struct points *points, const double *at, const char *caption)
{
    const struct drawing_options *const o = &drawing_options;
    if (!drawing_any())
        return;
    int *const class = room((size_t)points->rows, sizeof *class);
    struct scatter s = {.points = points->rows,
        .at = at,
        .title = o->title,
        .caption = caption,
        .size = o->size > 0     ? o->size
                : o->thumbnails ? THUMBNAILS_SIZE
                                : POINTS_SIZE,
        .painted = o->background.set,
        .name = name_of,
        .context = points};
    for (int i = 0; i < 3; i++)
        s.background[i] = (unsigned char)(o->background.value[i] + 0.5);
    find_classes(&s, class, points);
    if (o->thumbnails)
        find_thumbnails(&s, points);
    if (o->svg != NULL)
        write_svg(&s);
    if (o->png != NULL)
        write_png(&s);
    free_thumbnails(&s);
    free_classes(&s);
    free(class);
}
