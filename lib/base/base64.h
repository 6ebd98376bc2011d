/* base64.h -- bytes as text, for pictures inside a page.
 *
 * Source: RFC 4648, section 4: the standard alphabet, with padding, without line ends.
 * SPDX-License-Identifier: MIT */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

/* Characters that `size` bytes become, without a closing zero. `size` is far below SIZE_MAX. */
size_t base64_size(size_t size);

/* out [base64_size(size)], overwritten; no zero behind it. */
void base64_encode(char *out, const void *in, size_t size);

#endif
