/* quadtree -- points along a Z-shaped curve, and the squares they share.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/quadtree.h"

#include "lib/base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 31, DIGITS = 8 };

struct memory {
    struct arena arena;
    uint64_t *key[2]; /* [N]: in the order of the points, sorted or on the way */
    int *order[2];
};

static void layout(struct quadtree *t, struct memory *m)
{
    const size_t n = (size_t)t->points;
    for (int i = 0; i < 2; i++) {
        m->key[i] = arena_take(&m->arena, n, sizeof *m->key[i]);
        m->order[i] = arena_take(&m->arena, n, sizeof *m->order[i]);
    }
    t->node = arena_take(&m->arena, 2 * n, sizeof *t->node);
    t->leaf = arena_take(&m->arena, n, sizeof *t->leaf);
    t->x = arena_take(&m->arena, n, sizeof *t->x);
    t->y = arena_take(&m->arena, n, sizeof *t->y);
}

int quadtree_alloc(struct quadtree *tree, int points, struct err *err)
{
    struct memory *const m = calloc(1, sizeof *m);
    if (m == NULL)
        return err_memory(err, "a tree of points");
    tree->points = points;
    tree->memory = m;
    layout(tree, m);
    if (arena_alloc(&m->arena, "a tree of points", err) < 0)
        return -1;
    layout(tree, m);
    return 0;
}

void quadtree_free(struct quadtree *tree)
{
    struct memory *const m = tree->memory;
    if (m != NULL)
        arena_free(&m->arena);
    free(m);
    *tree = (struct quadtree){0};
}

/* ---- the curve -------------------------------------------------------------------------------- */

/* A bit in every second place. */
static uint64_t spread(uint64_t v)
{
    v = (v | v << 16) & 0x0000ffff0000ffff;
    v = (v | v << 8) & 0x00ff00ff00ff00ff;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0f;
    v = (v | v << 2) & 0x3333333333333333;
    return (v | v << 1) & 0x5555555555555555;
}

/* The side of the square that holds all points; their keys and numbers. */
static double make_keys(struct memory *m, const double *y, int n)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < n; i++)
        for (int a = 0; a < 2; a++) {
            low[a] = fmin(low[a], y[2 * (size_t)i + (size_t)a]);
            high[a] = fmax(high[a], y[2 * (size_t)i + (size_t)a]);
        }
    const double side = fmax(high[0] - low[0], high[1] - low[1]);
    const double scale = side > 0 ? 0x7fffffff / side : 0;
    for (int i = 0; i < n; i++) {
        const uint64_t a = (uint64_t)((y[2 * (size_t)i] - low[0]) * scale);
        const uint64_t b = (uint64_t)((y[2 * (size_t)i + 1] - low[1]) * scale);
        m->key[0][i] = spread(a) | spread(b) << 1;
        m->order[0][i] = i;
    }
    return side;
}

/* By key; equal ones as they came. Eight passes end where they began. */
static void sort(struct memory *m, int n)
{
    for (int pass = 0; pass < 64 / DIGITS; pass++) {
        const uint64_t *const from = m->key[pass % 2];
        const int *const order = m->order[pass % 2];
        int place[1 << DIGITS] = {0};
        for (int i = 0; i < n; i++)
            place[from[i] >> (pass * DIGITS) & 0xff]++;
        for (int d = 0, sum = 0; d < 1 << DIGITS; d++) {
            const int count = place[d];
            place[d] = sum;
            sum += count;
        }
        for (int i = 0; i < n; i++) {
            const int to = place[from[i] >> (pass * DIGITS) & 0xff]++;
            m->key[1 - pass % 2][to] = from[i];
            m->order[1 - pass % 2][to] = order[i];
        }
    }
}

/* ---- squares ---------------------------------------------------------------------------------- */

struct builder {
    struct quadtree *tree;
    const uint64_t *key;
    double side;
};

/* The level of the smallest square that holds two keys; LEVELS when they are one. */
static int level_of(uint64_t a, uint64_t b)
{
    const uint64_t differ = a ^ b;
    return differ == 0 ? LEVELS : (__builtin_clzll(differ) - 2) / 2;
}

/* The first place from `low` to `high` whose quarter on `level` is not below `quarter`. */
static int find_quarter(const uint64_t *key, int low, int high, int level, unsigned quarter)
{
    const int shift = 2 * (LEVELS - 1 - level);
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if ((key[middle] >> shift & 3) < quarter)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The node of points from .. to-1, and all below it. At most LEVELS deep. */
static void build(struct builder *b, int from, int to)
{
    struct quadtree *const t = b->tree;
    const int number = t->nodes++, level = level_of(b->key[from], b->key[to - 1]);
    struct quadtree_node *const node = &t->node[number];
    double x = 0, y = 0;
    node->from = from;
    node->count = to - from;
    node->side = (float)ldexp(b->side, -level);
    node->leaf = node->count <= QUADTREE_LEAF || level == LEVELS;
    if (node->leaf) {
        t->leaf[t->leaves++] = number;
        for (int i = from; i < to; i++) {
            x += t->x[i];
            y += t->y[i];
        }
    }
    for (unsigned quarter = 0; quarter < 4 && !node->leaf; quarter++) {
        const int end = find_quarter(b->key, from, to, level, quarter + 1);
        const struct quadtree_node *const child = &t->node[t->nodes];
        if (end == from)
            continue;
        build(b, from, end);
        x += (double)child->x * child->count;
        y += (double)child->y * child->count;
        from = end;
    }
    node->x = (float)(x / node->count);
    node->y = (float)(y / node->count);
    node->next = t->nodes;
}

void quadtree_build(struct quadtree *tree, const double *y)
{
    struct memory *const m = tree->memory;
    struct builder b = {tree, m->key[0], make_keys(m, y, tree->points)};
    sort(m, tree->points);
    tree->order = m->order[0];
    for (int i = 0; i < tree->points; i++) {
        tree->x[i] = (float)y[2 * (size_t)tree->order[i]];
        tree->y[i] = (float)y[2 * (size_t)tree->order[i] + 1];
    }
    tree->nodes = tree->leaves = 0;
    build(&b, 0, tree->points);
}

/* ---- what acts on a leaf ---------------------------------------------------------------------- */

struct box {
    float left, right, top, bottom;
};

static struct box bounds(const struct quadtree *t, const struct quadtree_node *leaf)
{
    struct box box = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int i = leaf->from; i < leaf->from + leaf->count; i++) {
        box.left = fminf(box.left, t->x[i]);
        box.right = fmaxf(box.right, t->x[i]);
        box.top = fminf(box.top, t->y[i]);
        box.bottom = fmaxf(box.bottom, t->y[i]);
    }
    return box;
}

/* Squared, from a place to a box; 0 inside. */
static float distance(const struct box *box, float x, float y)
{
    const float dx = x < box->left ? box->left - x : x > box->right ? x - box->right : 0;
    const float dy = y < box->top ? box->top - y : y > box->bottom ? y - box->bottom : 0;
    return dx * dx + dy * dy;
}

int quadtree_near(float *x, float *y, float *mass, const struct quadtree *t, int leaf, double theta)
{
    const struct box box = bounds(t, &t->node[t->leaf[leaf]]);
    const float square = (float)(theta * theta);
    int n = 0;
    for (int i = 0; i < t->nodes;) {
        const struct quadtree_node *const node = &t->node[i];
        const bool far = node->side * node->side < square * distance(&box, node->x, node->y);
        if (far || (node->leaf && node->count > QUADTREE_LEAF)) { /* or all in one place */
            x[n] = node->x;
            y[n] = node->y;
            mass[n++] = (float)node->count;
            i = node->next;
        } else if (node->leaf) {
            memcpy(x + n, t->x + node->from, (size_t)node->count * sizeof *x);
            memcpy(y + n, t->y + node->from, (size_t)node->count * sizeof *y);
            for (int j = 0; j < node->count; j++)
                mass[n++] = 1;
            i = node->next;
        } else {
            i++;
        }
    }
    return n;
}
