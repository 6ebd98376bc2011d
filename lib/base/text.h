/* text -- names out of foreign input, made fit for a terminal.
 * SPDX-License-Identifier: MIT */
#ifndef TEXT_H
#define TEXT_H

/* Replace by '?', in place, every control character (C0, DEL, and C1, which terminals obey as well)
 * and every byte that is no UTF-8. */
void text_clean(char *text);

#endif
