/* err -- the one place where error sentences are made.
 * SPDX-License-Identifier: MIT */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_status status, const char *format, ...)
{
    if (err->status == ERR_NONE) {
        va_list list;
        va_start(list, format);
        vsnprintf(err->text, sizeof err->text, format, list);
        va_end(list);
        err->status = status;
    }
    return -1;
}

int err_errno(struct err *err, const char *format, ...)
{
    const int cause = errno;
    if (err->status == ERR_NONE) {
        va_list list;
        va_start(list, format);
        vsnprintf(err->text, sizeof err->text, format, list);
        va_end(list);
        const size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(cause));
        err->status = ERR_FAILED;
    }
    return -1;
}

int err_memory(struct err *err, const char *what)
{
    return err_set(err, ERR_FAILED, "cannot allocate memory for %s", what);
}

int err_hint(struct err *err, const char *format, ...)
{
    if (err->hint[0] == '\0') {
        va_list list;
        va_start(list, format);
        vsnprintf(err->hint, sizeof err->hint, format, list);
        va_end(list);
    }
    return -1;
}
