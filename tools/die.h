/* die.h -- messages on stderr and the end of a tool.
 *
 * One message is one line and one write(2): "simclr-encode: cannot open 'x': No such file or
 * directory". What a terminal must not see is replaced by '?'
 * (lib/base/text.h).
 * SPDX-License-Identifier: MIT */
#ifndef DIE_H
#define DIE_H

#include "lib/base/err.h"

/* The tool's name, in front of every message. */
void die_init(const char *name);

_Noreturn void die(enum err_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Message, hint if any, exit with err->status. ERR_READER_GONE is silent, as SIGPIPE is, and
 * so is an error without a text. */
_Noreturn void die_err(const struct err *err);

/* A line that does not end the tool; also fits channel_notice. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn_notice(const char *sentence);

/* Remove this file when the tool dies or is killed by SIGINT, SIGTERM, SIGHUP or SIGPIPE; NULL is
 * ignored.
 * `path` is borrowed until die_keep(). */
void die_unlink(const char *path);
void die_keep(const char *path);

/* Remove those files and die of the signal; safe in a signal handler. */
void die_signal(int signal_number);

#endif
