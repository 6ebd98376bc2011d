/* xmltext.h -- foreign text as XML and HTML have it, inside elements and in double quotes.
 *
 * Control characters, surrogates, U+FFFE, U+FFFF and bytes that are no UTF-8 become `?`.
 * Source: XML 1.0, sections 2.2 (characters) and 2.4 (what must be escaped).
 * SPDX-License-Identifier: MIT */
#ifndef XMLTEXT_H
#define XMLTEXT_H

#include <stddef.h>

enum { XMLTEXT_MOST = 6 }; /* &quot; */

/* The first character of `size` bytes, at least one, into out, with a zero behind it; returns how many of the
 * bytes it was. */
size_t xmltext_take(char out[XMLTEXT_MOST + 1], const char *text, size_t size);

#endif
