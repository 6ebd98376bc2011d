/* chart -- steps of axes, points where they belong, text that stays text.
 * SPDX-License-Identifier: MIT */
#include "lib/image/chart.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* The chart as text, the caller's; NULL on failure. */
static char *draw(struct chart *chart, struct err *err)
{
    struct bytes out = {0};
    memset(err, 0, sizeof *err);
    if (chart_svg(&out, chart, err) < 0) {
        bytes_free(&out);
        return NULL;
    }
    char *const text = malloc(out.size + 1);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    bytes_free(&out);
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

static void check_ticks(double low, double high, double first, double step, int wanted)
{
    double f, s;
    const int n = chart_ticks(&f, &s, low, high, 4);
    OK(n == wanted, "%g to %g: %d steps", low, high, n);
    NEAR(f, first, 1e-9 * step, "from %g", f);
    NEAR(s, step, 1e-9 * step, "by %g", s);
    OK(n > 0 && f >= low - 1e-9 * s && f + (n - 1) * s <= high + 1e-9 * s, "inside");
}

int main(void)
{
    struct err err;
    const double x[] = {0, 1, 2, 3, 4}, y[] = {10, 20, NAN, 40, 50}, level[] = {5, 5, 5, 5, 5};
    const double none[] = {NAN, NAN, NAN, NAN, NAN};
    struct chart chart = {.rows = 5,
        .x = x,
        .series = 2,
        .one = {{y, "y"}, {level, "level"}},
        .y_min = 0,
        .y_max = 100,
        .points = 300,
        .width = 640,
        .height = 320,
        .inside = true};

    check_ticks(0, 1, 0, 0.2, 6);
    check_ticks(2.86, 4.84, 3, 0.5, 4);
    check_ticks(-3.1, -2.4, -3, 0.2, 4);
    check_ticks(0, 70000, 0, 20000, 4);
    check_ticks(0.9996, 1.0004, 0.9996, 0.0002, 5);

    char *text = draw(&chart, &err);
    OK(text != NULL && strncmp(text, "<svg class=\"chart\"", 18) == 0, "a chart for a page %s",
        err.text);
    OK(strstr(text, "d=\"M0.0 900.0L250.0 800.0M750.0 600.0L1000.0 500.0\"") != NULL,
        "points stand where they belong, and NaN interrupts the line");
    OK(count(text, "<circle class=\"dot-1\"") == 4, "few points are marked");
    OK(count(text, "<circle class=\"dot-2\"") == 0, "but not on a level line");
    OK(count(text, "class=\"band") == 0, "there is no band when nothing is put together");
    OK(strstr(text, "> y <tspan class=\"last\">50</tspan>") != NULL, "the last number is named");
    OK(count(text, "<svg") == 2 && count(text, "</svg>") == 2, "elements are closed");
    free(text);

    chart.points = 2;
    text = draw(&chart, &err);
    OK(strstr(text, "class=\"band band-1\"") != NULL, "rows that are put together have a band");
    OK(strstr(text, "d=\"M125.0 800.0L875.0 500.0L875.0 600.0L125.0 900.0Z") != NULL,
        "from the least to the greatest of each group");
    OK(strstr(text, "<path class=\"line line-1\" vector-effect=\"non-scaling-stroke\" "
                    "d=\"M125.0 850.0L875.0 550.0\"") != NULL,
        "the line is the mean of what there is of each group");
    free(text);

    chart.points = 300;
    chart.inside = false;
    chart.one[0].name = "<b>&\"\033[31m\377";
    chart.title = "\"><script>";
    text = draw(&chart, &err);
    OK(strncmp(text, "<svg xmlns=", 11) == 0 && count(text, "<style>") == 1, "a file of its own");
    OK(strstr(text, "&lt;b&gt;&amp;&quot;?[31m?") != NULL, "names are escaped");
    OK(strstr(text, "aria-label=\"&quot;&gt;&lt;script&gt;\"") != NULL, "so is the title");
    OK(strstr(text, "<script") == NULL && strchr(text, '\033') == NULL, "and nothing gets through");
    free(text);

    chart.rows = 1;
    chart.y_min = chart.y_max = NAN;
    text = draw(&chart, &err);
    OK(text != NULL && strstr(text, "nan") == NULL && strstr(text, "inf") == NULL,
        "a single point");
    free(text);
    chart.rows = 5;
    const double far[] = {-1e300, 0.5, 1e300, 2, 1}, huge[] = {-1e308, 1e308, 1e308, 0, 1};
    chart.one[0].y = far;
    chart.y_min = 0;
    chart.y_max = 1;
    text = draw(&chart, &err);
    OK(text != NULL && strstr(text, "0000000000") == NULL, "what is far outside");
    free(text);
    chart.one[0].y = huge;
    chart.y_min = chart.y_max = NAN;
    OK(draw(&chart, &err) == NULL && err.status == ERR_INPUT, "numbers too far apart to subtract");
    chart.one[0].y = chart.one[1].y = none;
    OK(draw(&chart, &err) == NULL && err.status == ERR_INPUT, "nothing to show: %s", err.text);
    chart.rows = 0;
    OK(draw(&chart, &err) == NULL && err.status == ERR_INPUT, "no rows: %s", err.text);
    return tap_done();
}
