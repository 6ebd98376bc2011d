/* simclr-plot -- curves of a table of tab-separated values, as SVG.
 * SPDX-License-Identifier: MIT */
#include "formats/columns.h"
#include "lib/image/chart.h"
#include "tools/cli.h"
#include "tools/die.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *x, *y, *names, *title, *x_label;
    double y_min, y_max;
    int points, width, height;
    bool page;
} options = {
    .y_min = NAN,
    .y_max = NAN,
    .points = 300,
    .width = 640,
    .height = 320,
};

static struct cli_option table[] = {CLI_ROW_INPUT, CLI_ROW_OUTPUT,
    {'x', "across", "COLUMN", CLI_TEXT, &options.x, 0, 0, CLI_RESULT,
        "column of the horizontal axis", false},
    {'y', "curves", "COLUMN[,COLUMN...]", CLI_TEXT, &options.y, 0, 0, CLI_RESULT,
        "columns of the curves, at most 6", false},
    {0, "names", "NAME[,NAME...]", CLI_TEXT, &options.names, 0, 0, CLI_RESULT,
        "what the curves are called; default: as their columns", false},
    {0, "title", "TEXT", CLI_TEXT, &options.title, 0, 0, CLI_RESULT,
        "what the picture shows, for who cannot see it", false},
    {0, "label", "TEXT", CLI_TEXT, &options.x_label, 0, 0, CLI_RESULT,
        "of the horizontal axis; default: its column", false},
    {0, "y-min", "X", CLI_REAL, &options.y_min, -1e300, 1e300, CLI_RESULT,
        "lower end of the vertical axis; default: below all curves", false},
    {0, "y-max", "X", CLI_REAL, &options.y_max, -1e300, 1e300, CLI_RESULT,
        "upper end; default: above all curves", false},
    {0, "points", "N", CLI_INT, &options.points, 2, 10000, CLI_RESULT,
        "of a curve, at most; each is the mean of successive rows", false},
    {0, "width", "PX", CLI_INT, &options.width, 200, 10000, CLI_RESULT, "of the picture", false},
    {0, "height", "PX", CLI_INT, &options.height, 100, 10000, CLI_RESULT, "of the picture", false},
    {0, "page", NULL, CLI_FLAG, &options.page, 0, 0, CLI_RESULT,
        "for the inside of a page: as wide as its place, styled by the page", false},
    CLI_ROWS_END};

static struct cli_tool tool = {"simclr-plot", "[FILE]", 0, 1,
    "Draw curves of a table of tab-separated values as SVG.", table, NULL};

/* Cut "a,b,c" in place; the number of pieces, most + 1 if there are more. */
static int split(char *text, const char **piece, int most)
{
    int count = 0;
    for (char *next = text; next != NULL && count <= most; count++) {
        if (count < most)
            piece[count] = next;
        next = strchr(next, ',');
        if (next != NULL)
            *next++ = '\0';
    }
    return count;
}

static char *copy(const char *text)
{
    char *const out = strdup(text);
    if (out == NULL)
        die(ERR_FAILED, "cannot allocate memory for the options");
    return out;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct columns columns = {0};
    struct bytes text = {0};
    const char *column[CHART_SERIES + 1], *name[CHART_SERIES];
    const int operand = cli_parse(&tool, argc, argv);

    if (options.x == NULL || options.y == NULL)
        die(ERR_MISUSE, "needs -x, the column across, and -y, those of the curves");
    char *const y = copy(options.y), *const names = copy(options.names ? options.names : options.y);
    const int curves = split(y, column + 1, CHART_SERIES);
    if (curves > CHART_SERIES)
        die(ERR_MISUSE, "--curves takes at most %d columns", CHART_SERIES);
    if (split(names, name, CHART_SERIES) != curves)
        die(ERR_MISUSE, "--names takes a name for each of the %d curves", curves);
    if (options.y_min >= options.y_max)
        die(ERR_MISUSE, "--y-min is not below --y-max");
    column[0] = options.x;

    struct channel *const in = cli_open(operand < argc ? argv[operand] : NULL);
    struct channel *const out = channel_create(cli_common.output, &err);
    if (out == NULL)
        die_err(&err);
    die_unlink(channel_part(out));
    if (columns_read(&columns, in, curves + 1, column, &err) < 0)
        die_err(&err);

    struct chart chart = {.rows = columns.rows,
        .x = columns.value[0],
        .series = curves,
        .title = options.title,
        .x_label = options.x_label != NULL ? options.x_label : options.x,
        .y_min = options.y_min,
        .y_max = options.y_max,
        .points = options.points,
        .width = options.width,
        .height = options.height,
        .inside = options.page};
    for (int i = 0; i < curves; i++)
        chart.one[i] = (struct chart_series){columns.value[i + 1], name[i]};
    if (chart_svg(&text, &chart, &err) < 0 || channel_write(out, text.data, text.size, &err) < 0)
        die_err(&err);
    cli_finish(out);
    if (cli_common.verbose)
        warn("%zu rows, %zu bytes", columns.rows, text.size);

    bytes_free(&text);
    columns_free(&columns);
    free(y);
    free(names);
    channel_finish(in, &err);
    return 0;
}
