/* tsne -- gradient descent on the divergence of two neighbourhoods.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/tsne.h"

#include "lib/base/arena.h"
#include "lib/base/cpu.h"
#include "lib/base/rng.h"
#include "lib/eval/quadtree.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, ROWS = 64, LEAVES = 8 };
static const double MOMENTUM_EARLY = 0.5, MOMENTUM = 0.8, GAIN_LEAST = 0.01, RATE_LEAST = 50;

struct mass {
    float *x, *y, *mass; /* [room]: what acts on a point, filled up to LANES with mass 0 */
};

struct tsne {
    const struct affinity *affinity;
    struct parallel *parallel;
    struct arena arena;
    struct quadtree tree;
    double theta;
    struct mass *acting;              /* [threads]; exact: only the first, all points */
    double *force;                    /* [N,3]: repulsion times Z, and its share of Z */
    double *gradient, *update, *gain; /* [N,2] */

    const double *y;
    double *out, exaggeration, z;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void layout(struct tsne *t)
{
    const size_t n = (size_t)t->affinity->rows, room = n + LANES;
    const int lists = t->theta > 0 ? parallel_threads(t->parallel) : 1;
    t->acting = arena_take(&t->arena, (size_t)lists, sizeof *t->acting);
    for (int i = 0; i < lists; i++) {
        struct mass list;
        list.x = arena_take(&t->arena, room, sizeof *list.x);
        list.y = arena_take(&t->arena, room, sizeof *list.y);
        list.mass = arena_take(&t->arena, room, sizeof *list.mass);
        if (t->arena.base != NULL)
            t->acting[i] = list;
    }
    t->force = arena_take(&t->arena, n, 3 * sizeof *t->force);
    t->gradient = arena_take(&t->arena, n, 2 * sizeof *t->gradient);
    t->update = arena_take(&t->arena, n, 2 * sizeof *t->update);
    t->gain = arena_take(&t->arena, n, 2 * sizeof *t->gain);
}

struct tsne *tsne_new(
    const struct affinity *affinity, double theta, struct parallel *parallel, struct err *err)
{
    struct tsne *const t = calloc(1, sizeof *t);
    if (t == NULL) {
        err_memory(err, "t-SNE");
        return NULL;
    }
    *t = (struct tsne){.affinity = affinity, .theta = theta, .parallel = parallel};
    layout(t);
    if (arena_alloc(&t->arena, "t-SNE", err) < 0 ||
        (theta > 0 && quadtree_alloc(&t->tree, affinity->rows, err) < 0)) {
        tsne_free(t);
        return NULL;
    }
    layout(t);
    return t;
}

void tsne_free(struct tsne *tsne)
{
    if (tsne != NULL) {
        quadtree_free(&tsne->tree);
        arena_free(&tsne->arena);
    }
    free(tsne);
}

/* ---- the gradient ----------------------------------------------------------------------------- */

/* force [3]: what masses [n], n a multiple of LANES, do to a point: sum m w^2 (y - y_j), sum m w. */
CPU_CLONES
static void repel(double *force, const struct mass *list, int n, float x, float y)
{
    float fx[LANES] = {0}, fy[LANES] = {0}, z[LANES] = {0};
    for (int j = 0; j < n; j += LANES)
        for (int l = 0; l < LANES; l++) {
            const float dx = x - list->x[j + l], dy = y - list->y[j + l];
            const float w = 1 / (1 + dx * dx + dy * dy), mw = list->mass[j + l] * w;
            z[l] += mw;
            fx[l] += mw * w * dx;
            fy[l] += mw * w * dy;
        }
    force[0] = force[1] = force[2] = 0;
    for (int l = 0; l < LANES; l++) {
        force[0] += fx[l];
        force[1] += fy[l];
        force[2] += z[l];
    }
    force[2] -= 1; /* the point itself was among them */
}

static int fill_up(const struct mass *list, int n)
{
    for (; n % LANES != 0; n++)
        list->x[n] = list->y[n] = list->mass[n] = 0;
    return n;
}

static void repel_exact(void *context, int block, int thread)
{
    struct tsne *const t = context;
    const int n = t->affinity->rows, last = least(n, (block + 1) * ROWS);
    const struct mass *const all = &t->acting[0];
    (void)thread;
    for (int i = block * ROWS; i < last; i++)
        repel(t->force + 3 * (size_t)i, all, (n + LANES - 1) / LANES * LANES, all->x[i], all->y[i]);
}

static void repel_leaves(void *context, int block, int thread)
{
    struct tsne *const t = context;
    const struct quadtree *const tree = &t->tree;
    const struct mass *const list = &t->acting[thread];
    const int last = least(tree->leaves, (block + 1) * LEAVES);
    for (int leaf = block * LEAVES; leaf < last; leaf++) {
        const struct quadtree_node *const node = &tree->node[tree->leaf[leaf]];
        const int n =
            fill_up(list, quadtree_near(list->x, list->y, list->mass, tree, leaf, t->theta));
        for (int i = node->from; i < node->from + node->count; i++)
            repel(t->force + 3 * (size_t)tree->order[i], list, n, tree->x[i], tree->y[i]);
    }
}

static void attract(void *context, int block, int thread)
{
    struct tsne *const t = context;
    const struct affinity *const a = t->affinity;
    const int last = least(a->rows, (block + 1) * ROWS);
    (void)thread;
    for (int i = block * ROWS; i < last; i++) {
        const double x = t->y[2 * (size_t)i], y = t->y[2 * (size_t)i + 1];
        double fx = 0, fy = 0;
        for (size_t e = a->begin[i]; e < a->begin[i + 1]; e++) {
            const double *const other = t->y + 2 * (size_t)a->column[e];
            const double dx = x - other[0], dy = y - other[1];
            const double pull = a->p[e] / (1 + dx * dx + dy * dy);
            fx += pull * dx;
            fy += pull * dy;
        }
        const double *const force = t->force + 3 * (size_t)i;
        t->out[2 * (size_t)i] = 4 * (t->exaggeration * fx - force[0] / t->z);
        t->out[2 * (size_t)i + 1] = 4 * (t->exaggeration * fy - force[1] / t->z);
    }
}

double tsne_gradient(double *gradient, const double *y, struct tsne *t, double exaggeration)
{
    const int n = t->affinity->rows;
    t->y = y;
    t->out = gradient;
    t->exaggeration = exaggeration;
    if (t->theta > 0) {
        quadtree_build(&t->tree, y);
        parallel_run(t->parallel, (t->tree.leaves - 1) / LEAVES + 1, repel_leaves, t);
    } else {
        for (int i = 0; i < n; i++) {
            t->acting->x[i] = (float)y[2 * (size_t)i];
            t->acting->y[i] = (float)y[2 * (size_t)i + 1];
            t->acting->mass[i] = 1;
        }
        fill_up(t->acting, n);
        parallel_run(t->parallel, (n - 1) / ROWS + 1, repel_exact, t);
    }
    t->z = 0;
    for (int i = 0; i < n; i++)
        t->z += t->force[3 * (size_t)i + 2];
    t->z = fmax(t->z, 1e-12); /* one point */
    parallel_run(t->parallel, (n - 1) / ROWS + 1, attract, t);
    return t->z;
}

double tsne_naive(double *gradient, const double *y, const struct affinity *a, double exaggeration)
{
    double z = 0, divergence = 0;
    for (int i = 0; i < a->rows; i++)
        for (int j = 0; j < a->rows; j++)
            z += i == j
                     ? 0
                     : 1 / (1 + pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2));
    for (int i = 0; i < a->rows; i++) {
        gradient[2 * i] = gradient[2 * i + 1] = 0;
        size_t e = a->begin[i];
        for (int j = 0; j < a->rows; j++) {
            const double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
            const double w = 1 / (1 + dx * dx + dy * dy);
            const bool entry = e < a->begin[i + 1] && a->column[e] == j;
            const double p = entry ? exaggeration * a->p[e] : 0;
            e += entry;
            if (p > 0)
                divergence += p * log(p * z / w);
            gradient[2 * i] += 4 * (p - w / z) * w * dx;
            gradient[2 * i + 1] += 4 * (p - w / z) * w * dy;
        }
    }
    return divergence;
}

/* ---- the descent ------------------------------------------------------------------------------ */

void tsne_start(double *y, int rows, int64_t seed, const int64_t *id)
{
    double square = 0, second = 0;
    for (int i = 0; i < rows; i++) {
        square += y[2 * (size_t)i] * y[2 * (size_t)i];
        second = fmax(second, fabs(y[2 * (size_t)i + 1]));
    }
    const double scale = square > 0 ? TSNE_START / sqrt(square / rows) : 0;
    for (int i = 0; i < rows; i++) {
        struct rng rng = rng_key(seed, 0, id[i], i, "tsne");
        y[2 * (size_t)i] *= scale;
        y[2 * (size_t)i + 1] *= scale;
        if (second == 0 && square > 0)
            y[2 * (size_t)i + 1] = TSNE_START / 100 * rng_normal(&rng);
    }
}

static void step(double *y, struct tsne *t, double rate, double momentum)
{
    for (size_t i = 0; i < 2 * (size_t)t->affinity->rows; i++) {
        const bool on = t->update[i] * t->gradient[i] < 0; /* the way it went before */
        t->gain[i] = fmax(on ? t->gain[i] + 0.2 : t->gain[i] * 0.8, GAIN_LEAST);
        t->update[i] = momentum * t->update[i] - rate * t->gain[i] * t->gradient[i];
        y[i] += t->update[i];
    }
}

static void reset(struct tsne *t)
{
    for (size_t i = 0; i < 2 * (size_t)t->affinity->rows; i++) {
        t->update[i] = 0;
        t->gain[i] = 1;
    }
}

/* sum p log(p / q), from the last gradient's Z. */
static double divergence(const double *y, const struct affinity *a, double z)
{
    double sum = 0;
    for (int i = 0; i < a->rows; i++)
        for (size_t e = a->begin[i]; e < a->begin[i + 1]; e++) {
            const double *const other = y + 2 * (size_t)a->column[e];
            const double dx = y[2 * (size_t)i] - other[0], dy = y[2 * (size_t)i + 1] - other[1];
            if (a->p[e] > 0)
                sum += a->p[e] * log(a->p[e] * z * (1 + dx * dx + dy * dy));
        }
    return sum;
}

double tsne_descend(double *y, struct tsne *t, int iterations, void (*progress)(long long steps))
{
    const int n = t->affinity->rows;
    const double rate = fmax(n / (4.0 * TSNE_EXAGGERATION), RATE_LEAST);
    for (int i = 0; i < iterations; i++) {
        const bool early = i < TSNE_EARLY;
        if (i == 0 || i == TSNE_EARLY)
            reset(t);
        tsne_gradient(t->gradient, y, t, early ? TSNE_EXAGGERATION : 1);
        step(y, t, rate, early ? MOMENTUM_EARLY : MOMENTUM);
        if (progress != NULL)
            progress(i + 1);
    }
    double mean[2] = {0};
    for (size_t i = 0; i < 2 * (size_t)n; i++)
        mean[i % 2] += y[i];
    for (size_t i = 0; i < 2 * (size_t)n; i++)
        y[i] -= mean[i % 2] / n;
    return divergence(y, t->affinity, tsne_gradient(t->gradient, y, t, 1));
}
