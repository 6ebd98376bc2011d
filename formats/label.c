/* label -- numbers, names, nothing.
 * SPDX-License-Identifier: MIT */
#include "formats/label.h"

#include <stdlib.h>
#include <string.h>

int label_number(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    if (*text == '\0' || strcmp(text, "-1") == 0)
        return LABEL_NONE;
    return digits <= 9 && text[digits] == '\0' ? atoi(text) : LABEL_NAME;
}
