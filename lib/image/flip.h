/* flip.h -- left and right, or top and bottom, exchanged.
 * SPDX-License-Identifier: MIT */
#ifndef FLIP_H
#define FLIP_H

/* planes [C][Y][X], in place. */
void flip_horizontal(float *planes, int channels, int y, int x);
void flip_vertical(float *planes, int channels, int y, int x);

#endif
