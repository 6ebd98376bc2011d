/* archive.h -- pictures that lie one behind another in a file: a plain tar that was listed once, or
 * a copy of what passed by.
 *
 * A tar's headers are read when it is opened, its pictures when they are asked for. A copy is made
 * of an archive or a stream (passing.h) whose pictures are wanted in any order or more than once.
 * If no picture of an archive has a file for its label, the first sub-folder is the class, as it
 * is for folders (table.h).
 *
 * Errors: ERR_MISUSE when there are no pictures, or the file cannot be opened; ERR_INPUT damaged
 * or cut short; ERR_FAILED for I/O and memory, and for a file that was changed meanwhile.
 * SPDX-License-Identifier: MIT */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "formats/bytes.h"
#include "formats/passing.h"
#include "formats/spool.h"
#include "formats/table.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { ARCHIVE_OPEN = 256 }; /* more descriptors than these are opened anew for each picture */

struct archive {
    struct table table;
    int64_t ignored;
    char *path;         /* of the tar, or the folder of the copy */
    int fd;             /* -1: closed until a picture is read */
    bool borrowed;      /* the descriptor is that of a spool */
    struct stat status; /* of the tar, when it was listed */
};

/* List a plain tar. The struct starts afresh; on failure nothing is kept. */
int archive_open(struct archive *out, const char *path, struct err *err);

/* Copy what passes by, at most `limit` pictures (0: all), into the spool, which is opened if it is
 * not, and must outlive the archive. The source stays the caller's. */
int archive_copy(struct archive *out, struct passing *passing, struct spool *spool, int64_t limit,
    struct err *err);

void archive_close(struct archive *archive);

/* Append one picture, as it is. */
int archive_read(const struct archive *archive, int64_t row, struct bytes *out, struct err *err);

#endif
