/* label.h -- labels as people write them: a number, or the name of a class.
 *
 * A decimal number of at most nine digits is a number; -1 and nothing at all mean that there is no
 * label; anything else is a name.
 * SPDX-License-Identifier: MIT */
#ifndef LABEL_H
#define LABEL_H

enum { LABEL_NONE = -1, LABEL_NAME = -2, LABEL_MOST = 999999999 };

/* The number, LABEL_NONE or LABEL_NAME. */
int label_number(const char *text);

#endif
