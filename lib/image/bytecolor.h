/* bytecolor.h -- brightness, contrast, saturation, hue and grey of bytes, as Pillow has them.
 *
 * rgb [3][n]: all of red, then green, then blue; in place. Each result is a byte again: blending is
 * cut off, not rounded, and clipped to 0 .. 255.
 *
 * Source: torchvision's adjust_brightness, _contrast, _saturation and _hue on pictures of Pillow,
 * hence Pillow's ImageEnhance, blend and conversions to L and HSV.
 * Numerics: the bytes of Pillow.
 * Cost: one pass each, contrast two; no branch depends on a pixel.
 * SPDX-License-Identifier: MIT */
#ifndef BYTECOLOR_H
#define BYTECOLOR_H

#include <stddef.h>

/* A blend v = a + factor (v - a) with black, factor >= 0. */
void bytecolor_brightness(unsigned char *rgb, size_t n, float factor);

/* A blend with one grey: the mean of bytecolor_grey(), rounded; n below 2^48. */
void bytecolor_contrast(unsigned char *rgb, size_t n, float factor);

/* A blend with bytecolor_grey(). */
void bytecolor_saturation(unsigned char *rgb, size_t n, float factor);

/* By way of HSV in bytes, where the hue, 0 .. 255, is moved on by 255 `turn` cut off to a whole
 * number, modulo 256. -1/2 <= turn <= 1/2. Colours change a little even at 0. */
void bytecolor_hue(unsigned char *rgb, size_t n, double turn);

/* (19595 r + 38470 g + 7471 b + 32768) / 65536, cut off, in all three planes. */
void bytecolor_grey(unsigned char *rgb, size_t n);

#endif
