/* onednn -- the library's convolutions against the plain twins, which serve f32 on CPUs that our own
 * kernels do not know, on every CPU; and the same bits from any number of threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/onednn.h"

#include "lib/base/cpu.h"
#include "tests/unit/digest.h"

struct maps {
    size_t in, out, weights;
    float *x, *y, *dx, *dy, *weight, *dweight;
};

static struct maps maps_new(const struct conv2d_shape *p, int n)
{
    struct maps m = {.in = (size_t)n * (size_t)(p->h * p->w * p->c),
        .out = (size_t)n * (size_t)(conv2d_y(p) * conv2d_x(p) * p->k),
        .weights = (size_t)(p->k * p->c * p->r * p->s)};
    m.x = digest_draw("onednn x", m.in, 1, 0);
    m.y = digest_draw("garbage", m.out, 1, 0);
    m.dx = digest_draw("garbage", m.in, 1, 0);
    m.dy = digest_draw("onednn dy", m.out, 1, 0);
    m.weight = digest_draw("onednn weight", m.weights, 1, 0);
    m.dweight = digest_draw("onednn dweight", m.weights, 1, 0);
    return m;
}

static void maps_free(struct maps *m)
{
    float *all[] = {m->x, m->y, m->dx, m->dy, m->weight, m->dweight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void run(struct maps *m, const struct conv2d_shape *shape, int n, int threads)
{
    struct err err = {0};
    struct parallel *const parallel = parallel_new(threads, &err);
    struct onednn_context *const context = onednn_context_new(parallel, cpu_level(), &err);
    struct onednn *const conv = onednn_new(context, shape, m->weight, &err);
    bool made = conv != NULL;
    for (int i = 0; i < CONV2D_DIRECTIONS && made; i++)
        made = onednn_add(conv, (enum conv2d_direction)i, &err) == 0;
    if (made && onednn_reserve(context, &err) == 0) {
        onednn_refresh(conv, threads - 1);
        onednn_forward(conv, m->y, m->x, n);
        onednn_weight(conv, m->dweight, m->dy, m->x, n);
        onednn_data(conv, m->dx, m->dy, n);
    } else {
        OK(0, "a convolution is made: %s", err.text);
    }
    onednn_free(conv);
    onednn_context_free(context);
    parallel_free(parallel);
}

static double distance(const float *a, const float *b, size_t n)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

static void check(const struct conv2d_shape *shape, int n)
{
    struct maps one = maps_new(shape, n), three = maps_new(shape, n), twin = maps_new(shape, n);
    run(&one, shape, n, 1);
    run(&three, shape, n, 3);
    conv2d_naive_forward(twin.y, twin.x, twin.weight, shape, n);
    conv2d_naive_backward(twin.dx, twin.dweight, twin.dy, twin.x, twin.weight, shape, n);
    const double y = distance(one.y, twin.y, one.out), dx = distance(one.dx, twin.dx, one.in);
    const double dweight = distance(one.dweight, twin.dweight, one.weights);
    OK(y < 1e-6 && dx < 1e-6 && dweight < 1e-6, "%d x %dx%d %d->%d at %dx%d: %.0e %.0e %.0e", n,
        shape->r, shape->s, shape->c, shape->k, shape->h, shape->w, y, dx, dweight);
    OK(memcmp(one.y, three.y, one.out * sizeof(float)) == 0 &&
            memcmp(one.dx, three.dx, one.in * sizeof(float)) == 0 &&
            memcmp(one.dweight, three.dweight, one.weights * sizeof(float)) == 0,
        "three threads give the bits of one");
    maps_free(&one);
    maps_free(&three);
    maps_free(&twin);
}

int main(void)
{
    static const struct conv2d_shape shape[] = {{9, 7, 3, 16, 3, 3, 1, 1},
        {8, 8, 16, 24, 3, 3, 2, 1}, {7, 7, 24, 16, 1, 1, 1, 0}, {8, 6, 16, 32, 1, 1, 2, 0},
        {15, 15, 3, 8, 7, 7, 2, 3}, {4, 4, 32, 32, 3, 3, 1, 1}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        check(&shape[i], i % 2 ? 43 : 5); /* 32, 8 and 1; or 8 and 1 */
    return tap_done();
}
