/* sweep.h -- a filter over a block of bf16 maps: forward pass, or one phase of a data gradient.
 *
 * A block of pictures is copied into an image (geometry.h) that stays in L2, unless it is a 1x1 filter
 * that can read the maps themselves. Where all packed weights (micro.h) stay in a cache, each two strips are
 * multiplied by all of them, and pixels written whole. Else, for each 32 columns (filters; channels of
 * dx), all strips are multiplied by the weights of these columns: 2 * 32 * C * R * S bytes, that
 * stream from L2 once for two strips. Where they are much more than fits into L1 and strips are many, some 16
 * chunks, 32 KiB, go over all strips before the next do; the sums of the strips then come and go, 4 KiB a
 * pair (measured with AMX: 128 channels of 16 x 16 1.17 times as fast, 256 of 8 x 8 1.1 times).
 *
 * Chunks of 32 elements: where c is a multiple of 32, the taps of one slice of 32 channels follow each
 * other, which read the same lines; else a chunk runs over channels and taps of a filter row, as far as
 * they are neighbours, with zero weights behind its end.
 * SPDX-License-Identifier: MIT */
#ifndef SWEEP_H
#define SWEEP_H

#include "lib/base/err.h"
#include "lib/nn/conv2d.h"
#include "lib/nn/geometry.h"
#include "lib/nn/micro.h"

struct sweep_chunk {
    int i, j;         /* first tap */
    int from, count;  /* elements of the run of taps that begins there */
    int phase, shift; /* where the run lies (geometry.h) */
};

/* Where the strips of a block lie. */
struct sweep_layout {
    int strips;
    int *start, *place; /* as geometry_strips() lists them, place in the map that is made; one strip
                         * behind the last has places -1 */
    ptrdiff_t *offset;  /* [chunks], in elements */
};

struct sweep {
    struct geometry g;
    int c, k;    /* channels that are read, columns that are made */
    int step;    /* elements between positions */
    bool direct; /* the maps are their own image, each pixel a "picture" of g */
    int units;   /* pixels of a picture if so, else 1 */
    int block;   /* the most units of a run */
    int chunks;
    struct sweep_chunk *chunk; /* owned */
    struct sweep_layout full;  /* of a block of `block` units; owned */
    uint16_t *packed;          /* [panels of 16 columns][chunks][MICRO_B]; owned */
    bool back;                 /* a data gradient: c are filters, k channels */
    struct geometry_part part; /* its place in dx */
    int h, w;                  /* map that is made */
};

/* Pictures (or units) whose image is a good block: a quarter of the L2 of CPUs with tiles. Fixed by the
 * shape. part: as below. */
int sweep_block(const struct geometry_shape *shape, const struct geometry_part *part, int c);

/* conv: for its weights [K,C,R,S]; part: NULL for the forward pass; block: pictures, or units where
 * the shape needs no image. On failure as on success sweep_free() is due. */
int sweep_init(struct sweep *sweep, const struct geometry_shape *shape,
    const struct conv2d_shape *conv, const struct geometry_part *part, int block, struct err *err);
void sweep_free(struct sweep *sweep); /* zeroed is fine */

/* Weights [K,C,R,S] into `packed`, rounded to bf16. */
void sweep_refresh(struct sweep *sweep, const float *weight, const struct conv2d_shape *conv);

/* Bytes of scratch, at a 64-byte boundary, for a run. */
size_t sweep_scratch(const struct sweep *sweep);

/* Units first .. first+n-1, n <= block: out [N,h,w,k] (those pixels that belong to the phase)
 * overwritten, from maps [N,...,c]; `stream`: past the caches. Between micro->begin() and end(). */
void sweep_run(const struct sweep *sweep, const struct micro *micro, void *scratch, uint16_t *out,
    const uint16_t *maps, size_t first, int n, bool stream);

#endif
