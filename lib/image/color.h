/* color.h -- brightness, contrast, saturation, hue and grey of three planes.
 *
 * rgb [3][n]: all of red, then green, then blue, nominally in [0,1]; in place. The first five clip
 * what they write to [0,1], as the reference implementation does after every operation of its
 * colour jitter.
 *
 * Source: google-research/simclr, data_util.py (version 2), and the HSV of tf.image: with V and m
 * the largest and smallest of r, g, b, S = (V-m)/V (0 for V <= 0).
 * Cost: one pass each, contrast two; no branch depends on a pixel.
 * SPDX-License-Identifier: MIT */
#ifndef COLOR_H
#define COLOR_H

#include <stddef.h>

/* x * factor, factor >= 0. */
void color_brightness(float *rgb, size_t n, float factor);

/* x + summand: brightness in version 1 of the reference implementation. */
void color_add(float *rgb, size_t n, float summand);

/* (x - mean) * factor + mean, with the mean of each plane. */
void color_contrast(float *rgb, size_t n, float factor);

/* S becomes min(S * factor, 1), factor >= 0, at the same hue and V. */
void color_saturation(float *rgb, size_t n, float factor);

/* The hue turned by `turn` of a whole circle, -1/2 .. 1/2. */
void color_hue(float *rgb, size_t n, float turn);

/* 0.2989 r + 0.5870 g + 0.1140 b in all three planes; not clipped. */
void color_grey(float *rgb, size_t n);

void color_clip(float *rgb, size_t n);

#endif
