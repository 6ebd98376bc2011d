/* quadtree -- every point in one leaf, every mass once.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/quadtree.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 3000 };

static double y[2 * MOST];
static float x0[2 * MOST], y0[2 * MOST], mass[2 * MOST];

/* Leaves in order, no point twice; nodes are as many as their children, and in the mean of their points. */
static void check_tree(const struct quadtree *t, const char *name)
{
    static int seen[MOST];
    int wrong = 0, next = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < t->leaves; i++) {
        const struct quadtree_node *const leaf = &t->node[t->leaf[i]];
        wrong += !leaf->leaf || leaf->from != next;
        next = leaf->from + leaf->count;
    }
    for (int i = 0; i < t->points; i++)
        seen[t->order[i]]++;
    for (int i = 0; i < t->points; i++)
        wrong += seen[i] != 1 || t->x[i] != (float)y[2 * t->order[i]] ||
                 t->y[i] != (float)y[2 * t->order[i] + 1];
    OK(wrong == 0 && next == t->points, "%s: %d points in %d leaves", name, t->points, t->leaves);
    for (int i = 0; i < t->nodes; i++) {
        const struct quadtree_node *const node = &t->node[i];
        double mx = 0, my = 0, size = 0;
        for (int k = node->from; k < node->from + node->count; k++) {
            mx += t->x[k];
            my += t->y[k];
            size = fmax(size, fmax(fabsf(t->x[k]), fabsf(t->y[k])));
            for (int l = node->from; l < k; l++)
                wrong += fabsf(t->x[k] - t->x[l]) > node->side * 1.0001F + 1e-6F * (float)size ||
                         fabsf(t->y[k] - t->y[l]) > node->side * 1.0001F + 1e-6F * (float)size;
        }
        wrong += fabs(node->x - mx / node->count) > 1e-5 * size ||
                 fabs(node->y - my / node->count) > 1e-5 * size || node->next <= i ||
                 node->next > t->nodes;
    }
    OK(wrong == 0 && t->nodes < 2 * t->points, "%s: %d squares hold what they say", name, t->nodes);
}

/* Whatever theta: all masses, once. */
static void check_near(const struct quadtree *t, const char *name, double theta)
{
    int wrong = 0, longest = 0;
    for (int leaf = 0; leaf < t->leaves; leaf++) {
        const int n = quadtree_near(x0, y0, mass, t, leaf, theta);
        double sum = 0, mx = 0, wanted = 0, size = 0;
        for (int i = 0; i < n; i++) {
            sum += mass[i];
            mx += (double)mass[i] * x0[i];
        }
        for (int i = 0; i < t->points; i++) {
            wanted += t->x[i];
            size += fabsf(t->x[i]);
        }
        wrong += sum != t->points || n > t->points || fabs(mx - wanted) > 1e-5 * size;
        longest = n > longest ? n : longest;
    }
    OK(wrong == 0, "%s, theta %g: all masses, in at most %d pieces", name, theta, longest);
}

static void test(const char *name, int points)
{
    struct err err = {0};
    struct quadtree tree = {0};
    OK(quadtree_alloc(&tree, points, &err) == 0, "room for %s", name);
    quadtree_build(&tree, y);
    check_tree(&tree, name);
    for (double theta = 0.1; theta < 1; theta += 0.4)
        check_near(&tree, name, theta);
    quadtree_free(&tree);
}

int main(void)
{
    struct rng rng = rng_key(1, 0, 0, 0, "quadtree");
    for (int i = 0; i < 2 * MOST; i++)
        y[i] = rng_normal(&rng) * 30 + 7;
    test("a cloud", MOST);
    test("three points", 3);
    test("one point", 1);
    for (int i = 0; i < 2 * MOST; i++)
        y[i] = rng_normal(&rng) * 1e-4;
    y[0] = 1e6;
    test("a small cloud and one far away", MOST);
    for (int i = 0; i < MOST; i++)
        y[2 * i + 1] = 3;
    test("a line", MOST);
    for (int i = 0; i < 1000; i++)
        memcpy(y + 2 * i, y + 2000, 2 * sizeof *y);
    test("a thousand copies among others", MOST);
    memset(y, 0, sizeof y);
    test("all in one place", MOST);
    for (int i = 0; i < 2 * MOST; i++)
        y[i] = i % 7 * 1e-300;
    test("denormal distances", MOST);
    return tap_done();
}
