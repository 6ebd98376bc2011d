/* geometry -- an image, its taps and its strips give the convolutions of the plain twins.
 *
 * Everything is small whole numbers, so sums are exact in any order.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/geometry.h"

#include "lib/nn/conv2d.h"
#include "tests/unit/tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned state = 1;

static float *whole(size_t n)
{
    float *const x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)((int)(state >> 24) % 7 - 3);
    }
    return x;
}

/* What an engine does, for one geometry: outputs [n,y,x,k] from maps [n,h,w,c] and
 * weight(context,i,j,c,k); false if an output has no position, or two. */
struct filter {
    const struct conv2d_shape *shape;
    const float *weight; /* [K,C,R,S] */
    const struct geometry_part *part;
    bool back; /* the data gradient: c are filters, k channels */
};

static float weight_of(const struct filter *f, int i, int j, int c, int k)
{
    const struct conv2d_shape *const p = f->shape;
    const int r = f->back ? f->part->r - i * f->part->stride : i;
    const int s = f->back ? f->part->s - j * f->part->stride : j;
    const int filter = f->back ? c : k, channel = f->back ? k : c;
    return f->weight[((filter * p->c + channel) * p->r + r) * p->s + s];
}

static bool apply(float *out, const float *maps, const struct geometry *g, const struct filter *f,
    int n, int width, int c, int step, int k)
{
    const struct geometry_shape *const p = &g->shape;
    const size_t length = geometry_length(g, n, width);
    const size_t elements = (size_t)g->phases * length * (size_t)step;
    float *const image = malloc(elements * sizeof *image);
    memset(image, 0x55, elements * sizeof *image); /* 1.5e13: what is not overwritten shows */
    geometry_copy(image, maps, g, n, width, c, step, sizeof *image);
    const int strips = geometry_strips(g, n, width, NULL, NULL);
    int *const start = malloc((size_t)strips * sizeof *start);
    int *const place = malloc((size_t)(strips * width) * sizeof *place);
    bool good = geometry_strips(g, n, width, start, place) == strips;
    char *const seen = calloc((size_t)(n * p->y * p->x), 1);
    for (int q = 0; q < strips * width; q++) {
        good &= start[q / width] + q % width < (int)length;
        if (place[q] < 0)
            continue;
        good &= !seen[place[q]];
        seen[place[q]] = 1;
        for (int filter = 0; filter < k; filter++) {
            float sum = 0;
            for (int i = 0; i < p->r; i++)
                for (int j = 0; j < p->s; j++) {
                    const size_t at = (size_t)(start[q / width] + q % width) +
                                      (size_t)geometry_tap(g, i, j) +
                                      (size_t)geometry_phase(g, i, j) * length;
                    for (int channel = 0; channel < c; channel++)
                        sum += image[at * (size_t)step + (size_t)channel] *
                               weight_of(f, i, j, channel, filter);
                }
            out[place[q] * k + filter] = sum;
        }
    }
    for (int i = 0; i < n * p->y * p->x; i++)
        good &= seen[i];
    free(image);
    free(start);
    free(place);
    free(seen);
    return good;
}

static const struct {
    struct conv2d_shape shape;
    int n;
} cases[] = {{{8, 8, 3, 4, 3, 3, 1, 1}, 5}, {{32, 32, 2, 2, 3, 3, 1, 1}, 2},
    {{16, 16, 2, 3, 3, 3, 2, 1}, 3}, {{9, 7, 3, 2, 3, 3, 2, 1}, 4}, {{4, 4, 2, 2, 3, 3, 1, 1}, 17},
    {{20, 20, 3, 2, 7, 7, 2, 3}, 2}, {{15, 13, 1, 2, 7, 7, 2, 3}, 3}, {{8, 8, 2, 3, 1, 1, 2, 0}, 8},
    {{7, 5, 2, 3, 1, 1, 2, 0}, 9}, {{4, 5, 3, 2, 1, 1, 1, 0}, 3}, {{1, 1, 3, 2, 3, 3, 1, 1}, 33},
    {{2, 2, 3, 2, 3, 3, 2, 1}, 1}, {{2, 2, 3, 2, 3, 3, 1, 1}, 16}, {{7, 7, 2, 2, 3, 3, 1, 1}, 16},
    {{14, 14, 2, 2, 3, 3, 2, 1}, 8}, {{6, 5, 2, 2, 5, 3, 1, 2}, 3}, {{5, 6, 2, 2, 2, 4, 3, 1}, 3},
    {{6, 6, 2, 2, 1, 1, 1, 1}, 2}, {{9, 9, 2, 2, 3, 3, 1, 0}, 3}};

static void forward(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct conv2d_shape *const p = &cases[i].shape;
        const int n = cases[i].n, outputs = n * conv2d_y(p) * conv2d_x(p) * p->k;
        float *const x = whole((size_t)(n * p->h * p->w * p->c));
        float *const weight = whole((size_t)(p->k * p->c * p->r * p->s));
        float *const y = whole((size_t)outputs), *const twin = whole((size_t)outputs);
        conv2d_naive_forward(twin, x, weight, p, n);
        struct geometry_shape shape;
        geometry_forward(&shape, p->h, p->w, p->r, p->s, p->stride, p->pad);
        const struct filter filter = {.shape = p, .weight = weight};
        bool good = shape.y == conv2d_y(p) && shape.x == conv2d_x(p);
        struct geometry g;
        for (int width = 1; width <= 32; width = width == 1 ? 16 : 2 * width)
            for (int step = p->c; step <= p->c + 3; step += 3) {
                memset(y, 0x55, (size_t)outputs * sizeof *y);
                geometry_init(&g, &shape, n, width);
                good = apply(y, x, &g, &filter, n, width, p->c, step, p->k) && good;
                good = memcmp(y, twin, (size_t)outputs * sizeof *y) == 0 && good;
            }
        OK(good, "%d x %dx%dx%d, %dx%d, stride %d, pad %d (group %d, %d phases of %dx%d)", n, p->h,
            p->w, p->c, p->r, p->s, p->stride, p->pad, g.group, g.phases, g.rows, g.pitch);
        free(x);
        free(weight);
        free(y);
        free(twin);
    }
}

static bool backward_phase(float *dx, const float *dy, const struct filter *whole_filter,
    const struct geometry_shape *forward_shape, int n, int a, int b)
{
    const struct conv2d_shape *const p = whole_filter->shape;
    struct geometry_shape shape;
    struct geometry_part part;
    struct filter filter = *whole_filter;
    filter.part = &part;
    if (!geometry_transpose(&shape, &part, forward_shape, a, b))
        return true;
    struct geometry g;
    geometry_init(&g, &shape, n, 16);
    float *const out = malloc((size_t)(n * shape.y * shape.x * p->c) * sizeof *out);
    const bool good = apply(out, dy, &g, &filter, n, 16, p->k, p->k, p->c);
    for (int i = 0; i < n * shape.y * shape.x; i++) {
        const int h = part.h + i / shape.x % shape.y * p->stride;
        const int w = part.w + i % shape.x * p->stride;
        memcpy(dx + ((i / shape.x / shape.y * p->h + h) * p->w + w) * p->c, out + i * p->c,
            (size_t)p->c * sizeof *dx);
    }
    free(out);
    return good;
}

static void backward(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct conv2d_shape *const p = &cases[i].shape;
        const int n = cases[i].n, outputs = n * conv2d_y(p) * conv2d_x(p) * p->k;
        const size_t inputs = (size_t)(n * p->h * p->w * p->c);
        float *const x = whole(inputs), *const dy = whole((size_t)outputs);
        float *const weight = whole((size_t)(p->k * p->c * p->r * p->s));
        float *const dweight = whole((size_t)(p->k * p->c * p->r * p->s));
        float *const dx = calloc(inputs, sizeof *dx), *const twin = whole(inputs);
        conv2d_naive_backward(twin, dweight, dy, x, weight, p, n);
        struct geometry_shape shape;
        geometry_forward(&shape, p->h, p->w, p->r, p->s, p->stride, p->pad);
        const struct filter filter = {.shape = p, .weight = weight, .back = true};
        bool good = true;
        for (int a = 0; a < p->stride; a++)
            for (int b = 0; b < p->stride; b++)
                good = backward_phase(dx, dy, &filter, &shape, n, a, b) && good;
        size_t wrong = 0;
        for (size_t j = 0; j < inputs; j++)
            wrong += dx[j] != twin[j];
        OK(good && wrong == 0, "data gradient of %dx%dx%d, %dx%d, stride %d, pad %d: %zu wrong",
            p->h, p->w, p->c, p->r, p->s, p->stride, p->pad, wrong);
        free(x);
        free(dy);
        free(weight);
        free(dweight);
        free(dx);
        free(twin);
    }
}

static void holes(void)
{
    static const int want[][4] = {/* side, pictures, group, strips of 16 */
        {32, 8, 1, 512}, {16, 8, 1, 128}, {8, 16, 2, 64}, {4, 16, 4, 16}, {2, 16, 8, 4},
        {1, 16, 16, 1}, {7, 16, 16, 49}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct geometry_shape shape;
        struct geometry g;
        geometry_forward(&shape, want[i][0], want[i][0], 3, 3, 1, 1);
        geometry_init(&g, &shape, want[i][1], 16);
        const int strips = geometry_strips(&g, want[i][1], 16, NULL, NULL);
        OK(g.group == want[i][2] && strips == want[i][3],
            "%d maps of %dx%d: group %d, %d strips, no position wasted", want[i][1], want[i][0],
            want[i][0], g.group, strips);
        OK(g.pitch == want[i][0] + 1 && g.rows == want[i][0] + 1,
            "one shared column and row of pad");
    }
    struct geometry_shape shape;
    struct geometry g;
    geometry_forward(&shape, 7, 7, 1, 1, 1, 0);
    geometry_init(&g, &shape, 5, 16);
    OK(geometry_plain(&g) && geometry_strips(&g, 5, 16, NULL, NULL) == (5 * 49 + 15) / 16,
        "1x1 convolutions need no image");
    geometry_forward(&shape, 7, 7, 1, 1, 2, 0);
    geometry_init(&g, &shape, 5, 16);
    OK(!geometry_plain(&g) && g.phases == 1 && g.pitch == 4, "with stride 2 they need one phase");
}

/* Elements of two bytes move as those of four do. */
static void sizes(void)
{
    const struct conv2d_shape p = {9, 7, 3, 2, 3, 3, 2, 1};
    struct geometry_shape shape;
    struct geometry g;
    geometry_forward(&shape, p.h, p.w, p.r, p.s, p.stride, p.pad);
    geometry_init(&g, &shape, 5, 16);
    const size_t inputs = (size_t)(5 * p.h * p.w * p.c);
    const size_t image = (size_t)g.phases * geometry_length(&g, 5, 16) * (size_t)p.c;
    float *const x = whole(inputs), *const wide = whole(image);
    int16_t *const x16 = malloc(inputs * sizeof *x16), *const narrow = malloc(image * sizeof *x16);
    for (size_t i = 0; i < inputs; i++)
        x16[i] = (int16_t)x[i];
    geometry_copy(wide, x, &g, 5, 16, p.c, p.c, sizeof *wide);
    geometry_copy(narrow, x16, &g, 5, 16, p.c, p.c, sizeof *narrow);
    size_t wrong = 0;
    for (size_t i = 0; i < image; i++)
        wrong += wide[i] != narrow[i];
    OK(wrong == 0, "elements of two bytes: %zu of %zu wrong", wrong, image);
    free(x);
    free(wide);
    free(x16);
    free(narrow);
}

int main(void)
{
    forward();
    backward();
    holes();
    sizes();
    return tap_done();
}
