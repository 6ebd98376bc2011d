/* geometry.h -- convolution as matrix products straight from a padded image, without im2col.
 *
 * A filter slides over maps of h x w pixels in steps of `stride`; out[oy,ox] is the sum over taps (i,j)
 * of in[oy * stride + i - top, ox * stride + j - left] times weight[i,j], zero outside the map. Engines
 * copy a block of pictures into scratch memory, the *image*, in which every output is a *position* q
 * and every tap a constant distance from it: then a kernel multiplies rows that are `step` elements
 * apart, and knows nothing of maps, strides, or pads.
 *
 * The image is split in phases, one for each (i % stride, j % stride) that a tap has. Phase (a,b)
 * holds the pixels in[u * stride + a - top, v * stride + b - left] at
 *
 *     position(n, u, v) = ((n / group * rows + u) * pitch + v) * group + n % group
 *
 * of an array of geometry_length() positions, and output (n, oy, ox) has position(n, oy, ox) too.
 * Tap (i,j) of the output at q reads position q + geometry_tap(i,j) of phase geometry_phase(i,j).
 * Padding is shared: what lies right of a row is left of the next one, what lies below a picture is
 * above the next one. For 3x3 with pad 1 a map of 32 x 32 takes 33 x 33 positions.
 *
 * Some positions are no outputs (v >= x, u >= y). So kernels work on *strips*: runs of `width`
 * positions that begin at an output no earlier strip has; geometry_strips() lists them, and for
 * each position of a strip the output pixel it is, or -1: what is computed there is to be dropped.
 * `group` pictures are interleaved where maps are so small that strips would be full of holes: it is
 * the least power of two that leaves no more than 1 in 20, so maps of 32 and 16 pixels need 1, 8 x 8
 * two, 4 x 4 four at width 16. Results depend on none of this: a position sees its own taps only.
 *
 * How an engine lays out an element is its own affair:
 *     [phase][position][step]: `step` >= c elements a position; geometry_copy() fills it. Channels of a
 *         tap are contiguous. With group 1 and step = c, so are taps j, j + stride, j + 2 stride, ... of
 *         a filter row: one run of taps x c elements.
 *     [phase][c][position]: the transposed image, where a tap is a shift; for weight gradients whose
 *         kernels want the positions side by side.
 * A kernel may read beyond a strip, and multiply what it finds there by zero or drop it; the image is
 * zero for `width` positions behind the last tap of the last output.
 *
 *     1x1, stride 1, no pad: geometry_plain() says that the map is its own image: no copy.
 *     data gradient: geometry_transpose() gives for each phase of dx a geometry over dy of stride 1.
 *     weight gradient: dweight[i,j,c,k] = sum over q of image[q + tap(i,j), c] * dy[q, k].
 *
 * Nothing here depends on the element type or on threads. SPDX-License-Identifier: MIT */
#ifndef GEOMETRY_H
#define GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

struct geometry_shape {
    int h, w;      /* map that is read */
    int y, x;      /* outputs */
    int r, s;      /* taps */
    int stride;    /* of outputs in the map */
    int top, left; /* zeros before the map; negative: so many rows or columns of it are not read */
};

struct geometry {
    struct geometry_shape shape;
    int group;       /* pictures interleaved */
    int rows, pitch; /* positions of a picture in a phase: rows, and columns between rows */
    int phases;
};

/* `pictures`: the most a block will have; `width`: positions of a strip. shape: all extents > 0. */
void geometry_init(struct geometry *g, const struct geometry_shape *shape, int pictures, int width);

/* The shape of a convolution of h x w maps with r x s filters, `pad` zeros around the map. */
void geometry_forward(
    struct geometry_shape *shape, int h, int w, int r, int s, int stride, int pad);

/* Rows and columns of dx that one phase of the data gradient makes. */
struct geometry_part {
    int h, w;   /* output (0,0) of the shape is dx[h,w]; from one to the next `stride` pixels */
    int r, s;   /* tap (i,j) of the shape is weight[r - i * stride, s - j * stride] */
    int stride; /* of the convolution */
};

/* Phase (a,b), 0 <= a,b < stride, of the data gradient of the convolution `forward`: the shape that
 * reads maps of dy [forward->y, forward->x]. False where there is nothing to compute: *shape then has
 * no taps, and those pixels of dx (if any, shape->y * shape->x) are zero. */
bool geometry_transpose(struct geometry_shape *shape, struct geometry_part *part,
    const struct geometry_shape *forward, int a, int b);

/* Is a dense map [n,h,w] its own image, position by position? */
bool geometry_plain(const struct geometry *g);

/* Positions of a phase of n pictures, with the zeros behind them for strips of `width`. */
size_t geometry_length(const struct geometry *g, int n, int width);

/* Phase of tap (i,j), and its distance in positions. */
int geometry_phase(const struct geometry *g, int i, int j);
int geometry_tap(const struct geometry *g, int i, int j);

/* Source of a row of a phase. */
struct geometry_span {
    int h;           /* row of the map, or -1: all zeros */
    int first, last; /* columns first .. last-1 of the row come from the map, others are zero */
    int w;           /* column of the map that `first` is; the next one is `stride` on */
};
struct geometry_span geometry_row(const struct geometry *g, int phase, int u);

/* Strips of n pictures. start [strips]: first position of each, ascending. place [strips][width]: the
 * pixel (n * y + oy) * x + ox, or -1; it may be NULL. Both NULL: only
 * count. Returns the number of strips. */
int geometry_strips(const struct geometry *g, int n, int width, int *start, int *place);

/* image [phases][geometry_length(g, n, width)][step] from maps [n,h,w,c], all of it overwritten but
 * elements c .. step-1 of a position. Elements have `size` bytes. Cost: a pass over the image. */
void geometry_copy(void *restrict image, const void *restrict maps, const struct geometry *g, int n,
    int width, int c, int step, int size);

#endif
