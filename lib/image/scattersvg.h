/* scattersvg.h -- points of a plane as SVG.
 *
 * Without a background of its own the drawing is transparent, and changes colour of text, of lines and
 * of the black class by itself where a reader wants dark pages. Every point has a <title>: its name and
 * class show when a pointer rests on it. All names of classes and ids begin with `simclr-map`, so that
 * the text can stand within HTML, more than once. No script, and nothing from elsewhere.
 * SPDX-License-Identifier: MIT */
#ifndef SCATTERSVG_H
#define SCATTERSVG_H

#include "lib/base/err.h"
#include "lib/image/scatter.h"

/* All of it; the caller's to free. NULL: ERR_FAILED memory. */
char *scattersvg_text(const struct scatter *scatter, struct err *err);

#endif
