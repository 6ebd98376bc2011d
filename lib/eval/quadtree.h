/* quadtree.h -- points of a plane in a tree of squares, to sum over far ones together (Barnes-Hut).
 *
 * Points are sorted along a Z-shaped curve of 2^31 steps a side; a square that holds more than
 * QUADTREE_LEAF of them, in more than one place, is cut into the quarters that are not empty. Squares of
 * one child are left out, so there are fewer nodes than twice the points.
 * Source: Barnes & Hut 1986; the curve: Morton 1966.
 *
 * Cost: 60 bytes a point; eight passes over the points to sort them.
 * SPDX-License-Identifier: MIT */
#ifndef QUADTREE_H
#define QUADTREE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUADTREE_LEAF = 24 };

/* In the order of a walk: a node, then what it holds, then its next sibling. */
struct quadtree_node {
    float x, y;      /* the mean of its points */
    float side;      /* of its square */
    int from, count; /* its points, in the order of the curve */
    int next;        /* the node after all that it holds */
    bool leaf;       /* it holds points, and no squares */
};

struct quadtree {
    int points; /* N */
    int nodes, leaves;
    struct quadtree_node *node; /* [nodes] */
    int *leaf;                  /* [leaves]: their nodes */
    int *order;                 /* [N]: the point in each place of the curve */
    float *x, *y;               /* [N]: in that order */
    void *memory;               /* quadtree.c's own */
};

/* Room for N points. Errors: ERR_FAILED memory. Start with a zeroed struct; free it in any case. */
int quadtree_alloc(struct quadtree *tree, int points, struct err *err);
void quadtree_free(struct quadtree *tree);

/* y [N,2], finite. Always the same tree for the same points. */
void quadtree_build(struct quadtree *tree, const double *y);

/* What acts on the points of a leaf: `x`, `y`, `mass` [returned], at most 2N. A square is one mass in its
 * mean where its side is less than theta times the distance from there to the bounds of the leaf's
 * points; a leaf that is nearer gives its points one by one, this one too. */
int quadtree_near(
    float *x, float *y, float *mass, const struct quadtree *tree, int leaf, double theta);

#endif
