/* decimal.h -- a decimal number as JSON has it, quickly.
 *
 * Numbers of no more than 15 digits or so, with a small exponent, as f32 are written, are an integer and
 * a power of ten that a double holds both: one multiplication or division rounds once, so the result is
 * that of strtod(), which does the others.
 *
 * Source: Clinger 1990, "How to read floating point numbers accurately"; RFC 8259, section 6.
 * SPDX-License-Identifier: MIT */
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdbool.h>

enum { DECIMAL_LENGTH = 64 }; /* of a number that is read, in bytes */

/* The number at the beginning of text .. end; *next is what comes behind it. false: it is no number
 * of JSON, is too long, or is too large for a double; or an integer above 2^53. */
bool decimal_read(double *out, const char **next, const char *text, const char *end);

#endif
