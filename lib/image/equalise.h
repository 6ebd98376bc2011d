/* equalise.h -- each channel's histogram made even.
 *
 * Source: Pillow, ImageOps.equalize, on the bytes that the samples would be rounded to. With n
 * samples, of which `last` have the largest value that occurs: step = (n - last) / 255 in whole
 * numbers, and v becomes (step/2 + number of samples below v) / step, at most 255. A channel of one
 * value, or with a step of 0, keeps its bytes.
 *
 * Numerics: the result is k/255, whole k; on k/255, the bytes of Pillow.
 * Cost: two passes and 256 divisions a channel.
 * SPDX-License-Identifier: MIT */
#ifndef EQUALISE_H
#define EQUALISE_H

#include <stddef.h>

/* planes [channels][n] in [0,1], in place; n below 2^31. */
void equalise_planes(float *planes, int channels, size_t n);

#endif
