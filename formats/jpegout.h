/* jpegout.h -- write a picture as JPEG, by libjpeg-turbo.
 *
 * Baseline, the accurate integer DCT, colours at full resolution (small views would bleed). The same
 * picture and library give the same bytes.
 * SPDX-License-Identifier: MIT */
#ifndef JPEGOUT_H
#define JPEGOUT_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/picture.h"
#include "lib/base/err.h"

/* Pixels a side: the format has no room for more than 65535, the library stops here. */
enum { JPEGOUT_SIDE = 65500 };

/* All of the file, at quality 1 .. 100; the channel stays open.
 * Errors: those of channel_write(); ERR_FAILED for memory and for a side beyond JPEGOUT_SIDE. */
int jpegout_write(struct channel *out, const struct picture *picture, int quality, struct err *err);

/* The same, appended to bytes in memory. */
int jpegout_append(struct bytes *out, const struct picture *picture, int quality, struct err *err);

#endif
