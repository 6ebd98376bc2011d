/* pngout.h -- write a picture as PNG, by libpng.
 *
 * 8 bits, RGB or grey, no time stamp: the same picture and libraries give the same bytes.
 * SPDX-License-Identifier: MIT */
#ifndef PNGOUT_H
#define PNGOUT_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/picture.h"
#include "lib/base/err.h"

/* Pixels a side: what libpng reads without being asked for more. */
enum { PNGOUT_SIDE = 1000000 };

/* All of the file; the channel stays open.
 * Errors: those of channel_write(); ERR_FAILED for memory and for a side beyond PNGOUT_SIDE. */
int pngout_write(struct channel *out, const struct picture *picture, struct err *err);

/* The same, appended to bytes in memory. */
int pngout_append(struct bytes *out, const struct picture *picture, struct err *err);

#endif
