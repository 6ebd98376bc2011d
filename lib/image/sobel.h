/* sobel.h -- edges: how steep each channel is at each pixel.
 *
 * Source: tf.image.sobel_edges for the two gradients: dx = [1 2 1]' * [-1 0 1] and dy its
 * transpose, beyond the border the picture is mirrored without repeating the border. The edge is
 * sqrt(dx^2 + dy^2) / 4, at most 1: a straight border between black and white gives exactly 1 and
 * only corners are clipped (they reach sqrt(20) / 4 = 1.118).
 *
 * Cost: one pass over each plane with three lines of scratch.
 * SPDX-License-Identifier: MIT */
#ifndef SOBEL_H
#define SOBEL_H

#include "lib/base/arena.h"

/* Scratch memory for one thread. */
struct sobel {
    float *line; /* [3][X + 2] the source rows, padded */
};

/* Cut scratch for planes at most x wide out of an arena (see arena.h). */
void sobel_layout(struct sobel *scratch, struct arena *arena, int x);

/* planes [C][Y][X] in [0,1], in place: each becomes its edges; y, x >= 2. */
void sobel_edges(float *planes, int channels, int y, int x, const struct sobel *scratch);

#endif
