/* gradient.h -- the weight gradient of a bf16 convolution, over a block of pictures.
 *
 *     dweight[tap,c,k] = sum over outputs q of x[q + tap, c] * dy[q, k]
 *
 * Rows of the product (micro.h) are channels of the transposed image [phase][c][position], 16 of one tap
 * to a tile; chunks are strips of 32 positions; columns are filters, dy being packed in pairs of
 * positions with zeros where a strip has no output. So a tap is a shift of a pointer.
 *
 * A 1x1 filter's gradient is symmetric in x and dy: what has less channels of the two is transposed.
 *
 * Each block makes sums of its own, [pairs of tiles][32 filters][MICRO_SUM] floats, which the caller adds
 * in the order of the blocks. A block is cut in slices of 128 filters, whose packed dy stays in L2
 * together with 32 rows of the image; or, if the image is small, all of it with the dy of 32 filters. One job
 * does all slices of a block, lest the image is made again, if there are blocks enough for all threads.
 * Cost: 4 bytes a float and block written and read again; hence blocks of up to 256 pictures for small
 * maps, whose filters are many. A chunk reads 32 lines of dy and 32 of x that cross lines, each next to
 * those of the chunk before; both from L2.
 * SPDX-License-Identifier: MIT */
#ifndef GRADIENT_H
#define GRADIENT_H

#include "lib/nn/conv2d.h"
#include "lib/nn/geometry.h"
#include "lib/nn/micro.h"

struct gradient {
    struct geometry g;
    int c, k, taps;
    bool direct;  /* 1x1, stride 1: each pixel is a "picture" of g */
    bool swapped; /* direct with more channels than filters: x and dy, c and k change places */
    int units;    /* pixels of a picture if so, else 1 */
    int block;    /* the most units of a run */
    int strips;   /* of a block, at most */
    int slices;   /* of 128 filters */
    int groups;   /* of 16 channels */
    int pairs;    /* of tiles of 16 channels of one tap */
    int panels;   /* of 32 filters */
    int length;   /* positions between channels of the transposed image */
};

void gradient_init(struct gradient *gradient, const struct conv2d_shape *conv);

/* Bytes of scratch, at a 64-byte boundary, for a run; and of the sums of a block. */
size_t gradient_scratch(const struct gradient *gradient);
size_t gradient_bytes(const struct gradient *gradient);

/* Of the block of units first .. first+n-1 the slices of one job of `jobs`, at most `slices`: their part of
 * `sums` overwritten (columns past k and rows past c are left or made anything). Each job makes the image
 * for itself. Between micro->begin() and end(). */
void gradient_run(const struct gradient *gradient, const struct micro *micro, void *scratch,
    float *sums, const uint16_t *x, const uint16_t *dy, size_t first, int n, int job, int jobs);

/* Ask for the place in dweight where gradient_add() will add: it is spread over the filters. */
void gradient_fetch(const struct gradient *gradient, const float *dweight, int set, int panel);

/* Add the sums of 32 channels, which are a set of pairs set * taps .. set * taps + taps - 1, and 32 filters
 * to dweight [K,C,R,S]. sums: those of the first pair; `step` floats from one pair to the next. */
void gradient_add(const struct gradient *gradient, float *dweight, const float *sums, size_t step,
    int set, int panel);

#endif
