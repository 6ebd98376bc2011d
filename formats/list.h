/* list.h -- a text that names picture files, one a line, or each with a zero byte behind it.
 *
 * A line is a path, and behind a tab its label, if it has one. Relative paths begin at the folder of
 * the list, or, for a list that comes through a pipe, at the current folder. Empty lines, a carriage
 * return at the end of a line, and a byte order mark at the beginning count for nothing. If all
 * labels are decimal numbers they are numbers, otherwise names of classes, in bytewise order. The
 * name of a picture is its path as it is listed.
 *
 * A list with a zero byte in its first piece has one behind each path, as `find -print0` and
 * `simclr-images --list` write it: then all other bytes are of the path, and there are no labels.
 *
 * Files are not looked at until they are read, but for the first LIST_LOOK of them: if none of these
 * is there, the text is no list.
 *
 * Errors: ERR_MISUSE for a text that is no list; ERR_INPUT for a line that is too long, and as
 * folder.h says when a file is read; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef LIST_H
#define LIST_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/table.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIST_LINE = 1 << 16, LIST_LOOK = 10 };

struct list {
    struct table table;
    char *folder; /* of the list, with its '/'; "": the current one */
};

/* Could this be the beginning of a text, or of paths with zero bytes behind them? */
bool list_is(const void *bytes, size_t size);

/* The channel is read to its end and stays the caller's. `path` NULL: it has no folder. On failure
 * nothing is kept. */
int list_open(struct list *out, const char *path, struct channel *channel, struct err *err);
void list_close(struct list *list);

/* Append the bytes of a file. */
int list_read(const struct list *list, int64_t row, struct bytes *out, struct err *err);

#endif
