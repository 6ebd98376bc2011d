/* resample.h -- a rectangle of a picture, resampled to planes of bytes with smoothing.
 *
 * Where resize.h takes the four nearest pixels however far the picture is reduced, here the filter
 * grows with the reduction, so that every pixel counts.
 *
 * Source: Pillow's Image.resize of the rectangle cut out, as torchvision's RandomResizedCrop calls
 * it: with scale = m / n for n samples of m pixels and f = max(scale, 1), sample i stands at
 * (i + 1/2) scale and takes the pixels nearer than f (bilinear: 1 - |t|) or 2 f (bicubic: Keys with
 * A = -1/2), t being the distance over f, scaled to a sum of one; pixels outside the rectangle do
 * not count. Of a picture that was reduced when it was decoded, the rectangle keeps its fractions.
 *
 * Numerics: weights are whole multiples of 2^-22, and what the first direction gives is rounded to
 * bytes: the bytes of Pillow 13. Like it, this does columns first where the height shrinks by more
 * than twice what the width does (older releases always do rows first, and may be one apart there).
 * Cost: 2 multiplications (bicubic 4) a source pixel and channel in each direction, and at least
 * that many a sample.
 * SPDX-License-Identifier: MIT */
#ifndef RESAMPLE_H
#define RESAMPLE_H

#include "formats/picture.h"
#include "lib/base/arena.h"
#include "lib/image/crop.h"

#include <stdint.h>

/* Up to this width of a rectangle weights are kept from row to row; beyond, they are made anew, and
 * rows always come first. */
enum { RESAMPLE_WIDE = 4096 };

enum resample_filter { RESAMPLE_BILINEAR, RESAMPLE_BICUBIC };

/* The pixels that one sample is made of. */
struct resample_span {
    int first, count;     /* inside the rectangle */
    double centre, total; /* of the sample, in pixels; of its weights before they are scaled */
};

/* Scratch memory for one thread. */
struct resample {
    struct resample_span *row, *column; /* [Y], [X] */
    int32_t *weight;                    /* [X][taps] */
    size_t room;                        /* for so many weights */
    unsigned char *line;                /* [W][C] or [X][4], and one byte more */
    int32_t *mixed;                     /* [X][4] sums of a row at its new width */
    int32_t *sum;                       /* [Y][X][4] or [W][C] sums of columns */
};

/* Cut scratch for planes of at most [Y,X] out of an arena (see arena.h). */
void resample_layout(struct resample *scratch, struct arena *arena, int y, int x);

/* out [C][Y][X] overwritten, C that of the picture; `crop` is in pixels of the whole, unreduced
 * picture, and what `in` holds of it covers the crop. */
void resample_bytes(unsigned char *out, const struct picture *in, struct crop crop, int y, int x,
    enum resample_filter filter, const struct resample *scratch);

#endif
