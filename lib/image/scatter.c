/* scatter -- layout, colours and shapes of points on a plane.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scatter.h"

#include "lib/base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN = 14, PLAIN = 720, LEAD = 21, TEXT = 13, MARK = 22, ENTRY = 190 };

/* ---- looks ------------------------------------------------------------------------------------ */

static const unsigned char palette[SCATTER_COLORS][3] = {
    {0, 114, 178},   /* blue */
    {230, 159, 0},   /* orange */
    {0, 158, 115},   /* bluish green */
    {204, 121, 167}, /* reddish purple */
    {86, 180, 233},  /* sky blue */
    {213, 94, 0},    /* vermillion */
    {240, 228, 66},  /* yellow */
    {0, 0, 0},       /* black; white on dark paper */
};

/* Of about the same area. */
static const double circle[][2] = {{1, 0}, {0.951, 0.309}, {0.809, 0.588}, {0.588, 0.809},
    {0.309, 0.951}, {0, 1}, {-0.309, 0.951}, {-0.588, 0.809}, {-0.809, 0.588}, {-0.951, 0.309},
    {-1, 0}, {-0.951, -0.309}, {-0.809, -0.588}, {-0.588, -0.809}, {-0.309, -0.951}, {0, -1},
    {0.309, -0.951}, {0.588, -0.809}, {0.809, -0.588}, {0.951, -0.309}};
static const double square[][2] = {{-0.89, -0.89}, {0.89, -0.89}, {0.89, 0.89}, {-0.89, 0.89}};
static const double up[][2] = {{0, -1.3}, {1.17, 0.76}, {-1.17, 0.76}};
static const double diamond[][2] = {{0, -1.35}, {1.1, 0}, {0, 1.35}, {-1.1, 0}};
static const double down[][2] = {{0, 1.3}, {-1.17, -0.76}, {1.17, -0.76}};
static const double plus[][2] = {{-0.42, -1.25}, {0.42, -1.25}, {0.42, -0.42}, {1.25, -0.42},
    {1.25, 0.42}, {0.42, 0.42}, {0.42, 1.25}, {-0.42, 1.25}, {-0.42, 0.42}, {-1.25, 0.42},
    {-1.25, -0.42}, {-0.42, -0.42}};
static const double cross[][2] = {{0, -0.59}, {0.59, -1.18}, {1.18, -0.59}, {0.59, 0}, {1.18, 0.59},
    {0.59, 1.18}, {0, 0.59}, {-0.59, 1.18}, {-1.18, 0.59}, {-0.59, 0}, {-1.18, -0.59},
    {-0.59, -1.18}};
static const double star[][2] = {{0, -1.5}, {0.36, -0.5}, {1.43, -0.46}, {0.59, 0.19}, {0.88, 1.21},
    {0, 0.62}, {-0.88, 1.21}, {-0.59, 0.19}, {-1.43, -0.46}, {-0.36, -0.5}};

#define SHAPE(shape)                                                                               \
    {                                                                                              \
        shape, sizeof(shape) / sizeof *(shape)                                                     \
    }
static const struct {
    const double (*corner)[2];
    int corners;
} shapes[SCATTER_SHAPES] = {SHAPE(circle), SHAPE(square), SHAPE(up), SHAPE(diamond), SHAPE(plus),
    SHAPE(down), SHAPE(cross), SHAPE(star)};

int scatter_look(const struct scatter *s, int class)
{
    return s->classes == 0 ? 0 : class < 0 ? SCATTER_NONE : s->legend[class].look;
}

int scatter_color(int look)
{
    return look < 0 ? SCATTER_COLORS - 1 : look % SCATTER_COLORS;
}

int scatter_shape(int look)
{
    return look < 0 ? 0 : look / SCATTER_COLORS % SCATTER_SHAPES;
}

void scatter_rgb(unsigned char out[3], int color, bool dark, bool line)
{
    for (int i = 0; i < 3; i++) {
        const int value = color == SCATTER_COLORS - 1 && dark ? 255 : palette[color][i];
        out[i] = (unsigned char)(line ? value * 3 / 5 : value);
    }
}

int scatter_corners(const double (**corner)[2], int shape)
{
    *corner = shapes[shape].corner;
    return shapes[shape].corners;
}

/* ---- layout ----------------------------------------------------------------------------------- */

/* The scale at which all points fit between the edges, which come closer where there is room to spare. */
static void fit(struct scatter_layout *l, const struct scatter *s)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < s->points; i++)
        for (int a = 0; a < 2; a++) {
            low[a] = fmin(low[a], s->at[2 * (size_t)i + (size_t)a]);
            high[a] = fmax(high[a], s->at[2 * (size_t)i + (size_t)a]);
        }
    const double x = high[0] - low[0], y = high[1] - low[1], space = l->right - l->left;
    const double shape = fmin(1, fmax(0.4, x > 0 ? y / x : 1));
    const double edge = s->cell > 0 ? 4 * l->unit : 3 * l->radius + 4 * l->unit;
    l->bottom = l->top + round(space * shape);
    l->scale = fmin(x > 0 ? (space - 2 * edge) / x : INFINITY,
        y > 0 ? (l->bottom - l->top - 2 * edge) / y : INFINITY);
    l->scale = isfinite(l->scale) ? l->scale : 0;
    l->x = (low[0] + high[0]) / 2 - (l->scale > 0 ? space / 2 / l->scale : 0);
    l->y = (low[1] + high[1]) / 2 + (l->scale > 0 ? (l->bottom - l->top) / 2 / l->scale : 0);
}

static void lay_out_legend(struct scatter_layout *l, const struct scatter *s, scatter_width *width)
{
    double widest = 0;
    l->named = s->classes < SCATTER_LEGEND ? s->classes : SCATTER_LEGEND;
    for (int i = 0; i < l->named; i++) {
        char text[200];
        scatter_entry(text, sizeof text, s, l, i);
        widest = fmax(widest, width(text, l->unit));
    }
    const double space = l->right - l->left;
    l->step = fmin(fmin(widest, ENTRY * l->unit) + (MARK + 14) * l->unit, space);
    l->columns = (int)fmax(1, floor(space / l->step));
    l->rows = l->named > 0 ? (l->named - 1) / l->columns + 1 : 0;
    l->columns = l->rows > 0 ? (l->named - 1) / l->rows + 1 : 1; /* even columns */
}

struct scatter_layout scatter_lay_out(const struct scatter *s, scatter_width *width)
{
    const double unit = (double)s->size / PLAIN;
    struct scatter_layout l = {.width = s->size, .unit = unit, .lead = LEAD * unit};
    const double radius = 0.16 * PLAIN / sqrt(s->points);
    l.radius = unit * fmin(5.5, fmax(2, radius));
    l.line = unit * fmin(0.8, 0.2 * l.radius / unit);
    l.left = MARGIN * unit;
    l.right = s->size - MARGIN * unit;
    l.top = MARGIN * unit + (s->title != NULL ? 1.4 * LEAD * unit : 0);
    fit(&l, s);
    l.across = l.down = 0;
    if (s->cell > 0) {
        l.across = (int)fmax(1, floor((l.right - l.left) / s->cell));
        l.down = (int)fmax(1, floor((l.bottom - l.top) / s->cell));
    }
    lay_out_legend(&l, s, width);
    l.legend = l.bottom + MARGIN * unit / 2;
    l.height = (int)ceil(l.legend + (l.rows + 1) * l.lead + MARGIN * unit / 2);
    return l;
}

void scatter_place(double *x, double *y, const struct scatter_layout *l, const double at[2])
{
    *x = l->scale > 0 ? l->left + (at[0] - l->x) * l->scale : (l->left + l->right) / 2;
    *y = l->scale > 0 ? l->top + (l->y - at[1]) * l->scale : (l->top + l->bottom) / 2;
}

int scatter_turn(const struct scatter *s, int i)
{
    return (int)rng_permute(0, 0, "scatter", s->points, i);
}

void scatter_entry(
    char *out, size_t size, const struct scatter *s, const struct scatter_layout *l, int i)
{
    if (i == l->named - 1 && l->named < s->classes)
        snprintf(out, size, "and %d more", s->classes - i);
    else
        snprintf(out, size, "%s", s->legend[i].name);
}

void scatter_cell(double *x, double *y, const struct scatter_layout *l, int cell)
{
    *x = l->left + (cell % l->across + 0.5) * (l->right - l->left) / l->across;
    *y = l->top + (cell / l->across + 0.5) * (l->bottom - l->top) / l->down;
}

int scatter_room(const struct scatter *s)
{
    return s->cell - 2 * (SCATTER_FRAME + 1);
}

/* ---- cells ------------------------------------------------------------------------------------ */

static double no_width(const char *text, double unit)
{
    (void)text;
    return unit;
}

int *scatter_cells(int *cells, const struct scatter *s, struct err *err)
{
    const struct scatter_layout l = scatter_lay_out(s, no_width);
    *cells = l.across * l.down;
    int *const shown = malloc((size_t)*cells * sizeof *shown);
    double *const nearest = malloc((size_t)*cells * sizeof *nearest);
    if (shown == NULL || nearest == NULL) {
        free(shown);
        free(nearest);
        err_memory(err, "thumbnails");
        return NULL;
    }
    for (int i = 0; i < *cells; i++) {
        shown[i] = -1;
        nearest[i] = INFINITY;
    }
    for (int i = 0; i < s->points; i++) {
        double x, y;
        scatter_place(&x, &y, &l, s->at + 2 * (size_t)i);
        x = (x - l.left) / ((l.right - l.left) / l.across);
        y = (y - l.top) / ((l.bottom - l.top) / l.down);
        const int column = (int)fmin(fmax(x, 0), l.across - 1);
        const int row = (int)fmin(fmax(y, 0), l.down - 1), at = row * l.across + column;
        const double far = hypot(x - column - 0.5, y - row - 0.5);
        if (far < nearest[at]) {
            nearest[at] = far;
            shown[at] = i;
        }
    }
    free(nearest);
    return shown;
}
