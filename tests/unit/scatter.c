/* scatter -- everything inside the plane, looks that differ, cells by nearness.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scatter.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static double width(const char *text, double unit)
{
    return (double)strlen(text) * 6 * unit;
}

static int is_inside(const struct scatter *s)
{
    const struct scatter_layout l = scatter_lay_out(s, width);
    int inside = 0;
    for (int i = 0; i < s->points; i++) {
        double x, y;
        scatter_place(&x, &y, &l, s->at + 2 * (size_t)i);
        inside += x > l.left + l.radius && x < l.right - l.radius && y > l.top + l.radius &&
                  y < l.bottom - l.radius;
    }
    return inside == s->points && l.width == s->size && l.height > l.legend && l.bottom <= l.legend;
}

static void test_places(void)
{
    double at[2 * 50];
    for (int i = 0; i < 50; i++) {
        at[2 * i] = i * 3 - 40;
        at[2 * i + 1] = i % 7;
    }
    struct scatter s = {.points = 50, .at = at, .size = 720};
    OK(is_inside(&s), "a wide cloud");
    for (int i = 0; i < 50; i++)
        at[2 * i] = 0;
    OK(is_inside(&s), "an upright line");
    s.size = 200;
    OK(is_inside(&s), "on a small paper");
    memset(at, 0, sizeof at);
    OK(is_inside(&s), "one place");
    at[3] = 1e300;
    at[4] = -1e300;
    OK(is_inside(&s), "huge distances");
    at[3] = 1e-300;
    at[4] = -1e-300;
    OK(is_inside(&s), "and tiny ones");
    const double two[] = {0, 0, 1, 1};
    s = (struct scatter){.points = 2, .at = two, .size = 720};
    const struct scatter_layout l = scatter_lay_out(&s, width);
    double x[2], y[2];
    scatter_place(&x[0], &y[0], &l, two);
    scatter_place(&x[1], &y[1], &l, two + 2);
    OK(x[1] > x[0] && y[1] < y[0] && fabs((x[1] - x[0]) - (y[0] - y[1])) < 1e-6,
        "x goes right, y up, by one scale");
    int seen[2] = {0};
    seen[scatter_turn(&s, 0)]++;
    seen[scatter_turn(&s, 1)]++;
    OK(seen[0] == 1 && seen[1] == 1, "every point has its turn");
}

static void test_looks(void)
{
    int same = 0;
    for (int a = 0; a < 64; a++)
        for (int b = 0; b < a; b++)
            same += scatter_color(a) == scatter_color(b) && scatter_shape(a) == scatter_shape(b);
    OK(same == 0, "64 looks differ");
    int close = 0;
    for (int a = 0; a < SCATTER_COLORS; a++)
        for (int b = 0; b < a; b++) {
            unsigned char p[3], q[3];
            int far = 0;
            scatter_rgb(p, a, false, false);
            scatter_rgb(q, b, false, false);
            for (int i = 0; i < 3; i++)
                far += abs(p[i] - q[i]);
            close += far < 80;
        }
    OK(close == 0, "colours are far from each other");
    unsigned char ink[3];
    scatter_rgb(ink, SCATTER_COLORS - 1, true, false);
    OK(ink[0] == 255, "black is white on dark paper");
    for (int shape = 0; shape < SCATTER_SHAPES; shape++) {
        const double(*corner)[2];
        const int corners = scatter_corners(&corner, shape);
        double area = 0;
        for (int i = 0, j = corners - 1; i < corners; j = i++)
            area += (corner[j][0] * corner[i][1] - corner[i][0] * corner[j][1]) / 2;
        OK(corners <= SCATTER_CORNERS && area > 2 && area < 3.6, "shape %d has area %.2f", shape,
            area);
    }
}

static void test_legend(void)
{
    static const double at[] = {0, 0, 1, 1};
    static struct scatter_class legend[500];
    char text[40];
    for (int i = 0; i < 500; i++)
        legend[i] = (struct scatter_class){"class", i % 64};
    struct scatter s = {.points = 2, .at = at, .classes = 10, .legend = legend, .size = 720};
    struct scatter_layout l = scatter_lay_out(&s, width);
    OK(l.named == 10 && l.rows * l.columns >= 10 && l.step * l.columns <= l.right - l.left + 1e-9,
        "ten classes in %d rows of %d", l.rows, l.columns);
    s.classes = 500;
    l = scatter_lay_out(&s, width);
    scatter_entry(text, sizeof text, &s, &l, l.named - 1);
    OK(l.named == SCATTER_LEGEND && strcmp(text, "and 301 more") == 0, "of 500: '%s'", text);
    s.classes = 1;
    legend[0].name = "a name that is much longer than any paper is wide, and then some more of it,"
                     " to be sure that it is, because otherwise nothing would have been shown";
    l = scatter_lay_out(&s, width);
    OK(l.step <= l.right - l.left && l.columns >= 1 && l.rows == 1, "a long name has its bounds");
    s.classes = 0;
    l = scatter_lay_out(&s, width);
    OK(l.named == 0 && l.rows == 0, "no classes, no legend");
}

static void test_cells(void)
{
    struct err err = {0};
    double at[2 * 101];
    for (int i = 0; i < 100; i++) {
        at[2 * i] = i % 10;
        at[2 * i + 1] = i / 10;
    }
    at[200] = 4.4;
    at[201] = 4.4;
    const struct scatter s = {.points = 101, .at = at, .size = 300, .cell = 60};
    const struct scatter_layout l = scatter_lay_out(&s, width);
    int cells, once[101] = {0}, wrong = 0;
    int *const shown = scatter_cells(&cells, &s, &err);
    OK(shown != NULL && cells == l.across * l.down && l.across == 4, "cells of the plane: %d",
        cells);
    for (int i = 0; i < cells; i++) {
        double x, y, px, py;
        if (shown[i] < 0)
            continue;
        once[shown[i]]++;
        scatter_cell(&x, &y, &l, i);
        scatter_place(&px, &py, &l, at + 2 * shown[i]);
        wrong += fabs(px - x) > (l.right - l.left) / l.across / 2 + 1e-9;
        wrong += fabs(py - y) > (l.bottom - l.top) / l.down / 2 + 1e-9;
        for (int j = 0; j < 101; j++) {
            double qx, qy;
            scatter_place(&qx, &qy, &l, at + 2 * j);
            wrong += hypot(qx - x, qy - y) < hypot(px - x, py - y) - 1e-9;
        }
    }
    for (int i = 0; i < 101; i++)
        wrong += once[i] > 1;
    OK(wrong == 0, "each shows the point nearest to its middle, and none is shown twice");
    OK(scatter_room(&s) < s.cell && scatter_room(&s) > s.cell - 10, "pictures leave a frame");
    free(shown);
}

int main(void)
{
    test_places();
    test_looks();
    test_legend();
    test_cells();
    return tap_done();
}
