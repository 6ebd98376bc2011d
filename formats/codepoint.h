/* codepoint.h -- UTF-8, one character at a time, with the bytes that are none.
 *
 * A byte that is no UTF-8, as file names may have, is U+DC00 + byte, a number that no character has:
 * what Python's os.fsdecode() and os.fsencode() do (PEP 383, "surrogateescape").
 * SPDX-License-Identifier: MIT */
#ifndef CODEPOINT_H
#define CODEPOINT_H

#include <stddef.h>
#include <stdint.h>

/* The first character of `size` bytes, at least one; returns how many bytes it has. */
int codepoint_take(uint32_t *out, const unsigned char *text, size_t size);

/* Its bytes; returns how many, or 0 for what is neither a character nor such a byte. */
int codepoint_put(unsigned char out[4], uint32_t codepoint);

#endif
