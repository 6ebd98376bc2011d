/* drawing -- the pictures of simclr-map.
 * SPDX-License-Identifier: MIT */
#include "tools/drawing.h"

#include "formats/pngout.h"
#include "lib/base/text.h"
#include "lib/image/scatter.h"
#include "lib/image/scatterpng.h"
#include "lib/image/scattersvg.h"
#include "tools/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_SIZE = 720, LOOKS = SCATTER_COLORS * SCATTER_SHAPES };

struct drawing_options drawing_options;

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
    static const char *const others[] = {"title", "size", "background", NULL};
    const struct drawing_options *const o = &drawing_options;
    for (int i = 0; others[i] != NULL; i++)
        if (!drawing_any() && cli_given(tool, others[i]))
            die(ERR_MISUSE, "--%s needs --png or --svg", others[i]);
    (void)input;
    check_two(o->png, "png", o->svg, "svg");
    check_two(cli_common.output, "output", o->png, "png");
    check_two(cli_common.output, "output", o->svg, "svg");
    const char *const paths[] = {cli_common.output, o->png, o->svg};
    const char *const names[] = {"output", "png", "svg"};
    for (int i = 0; i < 3; i++)
        if (paths[i] != NULL && !is_stdout(paths[i]))
            cli_try(names[i], paths[i]);
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

/* The labels that occur become classes. Looks go by label, so that maps of one data set agree, unless some
 * label is beyond them. */
static void find_classes(struct scatter *s, int *class, const struct points *points)
{
    int highest = -1;
    for (int i = 0; i < points->rows; i++)
        highest = points->label[i] > highest ? points->label[i] : highest;
    int *const index = room((size_t)highest + 1, sizeof *index);
    for (int i = 0; i < points->rows; i++)
        if (points->label[i] >= 0)
            index[points->label[i]] = 1;
    for (int label = 0; label <= highest; label++)
        s->classes += index[label];
    struct scatter_class *const legend = room((size_t)s->classes, sizeof *legend);
    for (int label = 0, n = 0; label <= highest; label++)
        if (index[label] != 0) {
            index[label] = n;
            legend[n].name = class_name(points, label);
            legend[n].look = highest < LOOKS ? label : n % LOOKS;
            n++;
        }
    for (int i = 0; i < points->rows; i++)
        class[i] = points->label[i] >= 0 ? index[points->label[i]] : SCATTER_NONE;
    s->class = class;
    s->legend = legend;
    free(index);
}

static void free_classes(struct scatter *s)
{
    for (int i = 0; i < s->classes; i++)
        free((char *)s->legend[i].name);
    free((struct scatter_class *)s->legend);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void write_svg(const struct scatter *s)
{
    struct err err = {0};
    char *const text = scattersvg_text(s, &err);
    struct channel *const out = text != NULL ? channel_create(drawing_options.svg, &err) : NULL;
    if (out != NULL)
        die_unlink(channel_part(out));
    if (out == NULL || channel_write(out, text, strlen(text), &err) < 0)
        die_err(&err);
    cli_finish(out);
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
    int *const class = room((size_t)points->rows, sizeof *class);
    struct scatter s = {.points = points->rows,
        .at = at,
        .title = o->title,
        .caption = caption,
        .size = o->size > 0 ? o->size : POINTS_SIZE,
        .painted = o->background.set,
        .name = name_of,
        .context = points};
    for (int i = 0; i < 3; i++)
        s.background[i] = (unsigned char)(o->background.value[i] + 0.5);
    find_classes(&s, class, points);
    if (o->svg != NULL)
        write_svg(&s);
    if (o->png != NULL)
        write_png(&s);
    free_classes(&s);
    free(class);
}
