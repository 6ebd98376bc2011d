/* source.h -- one data set, whatever its format.
 *
 *     folder          picture files as they are                              folder.h
 *     picture file    the same, one of it                                    folder.h
 *     list of paths   the same, in any order                                 list.h
 *     CIFAR           [32,32,3]; a folder means its training files           cifar.h
 *     IDX             [H,W,1]; likewise                                      idx.h
 *     NumPy array     [H,W,3] or [H,W,1]                                     npy.h
 *     tar archive     picture files in it, plain or compressed               archive.h, passing.h
 *     tensor stream   of kind images: what it has                            passing.h
 *
 * Kinds are told by content; only CIFAR files, which have no mark, by name and size. "-" is
 * standard input; it, FIFOs and other files that have no end to look at may hold an archive, a
 * stream or a list.
 *
 * Archives and streams that come through a pipe or are compressed, and all streams, pass by: they
 * are copied (archive.h), or else read as they come, by source_next() alone.
 *
 * Errors: ERR_MISUSE when there is nothing that can be read; ERR_INPUT when it is damaged;
 * ERR_FAILED for I/O and memory. Each sentence names the file. From source_read() ERR_INPUT is the
 * trouble of that one picture.
 * SPDX-License-Identifier: MIT */
#ifndef SOURCE_H
#define SOURCE_H

#include "formats/archive.h"
#include "formats/bytes.h"
#include "formats/cifar.h"
#include "formats/classes.h"
#include "formats/folder.h"
#include "formats/idx.h"
#include "formats/list.h"
#include "formats/npy.h"
#include "formats/passing.h"
#include "formats/spool.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct source {
    enum source_kind {
        SOURCE_NONE,
        SOURCE_FOLDER,
        SOURCE_LIST,
        SOURCE_CIFAR,
        SOURCE_IDX,
        SOURCE_NPY,
        SOURCE_ARCHIVE,
        SOURCE_PASSING
    } kind;
    int64_t count;                 /* -1: it passes by */
    int height, width, channels;   /* of every picture; all 0 when they are encoded files */
    bool named;                    /* its pictures have names */
    int64_t ignored;               /* files left out */
    const struct classes *classes; /* count 0: unlabelled; borrowed from the format */
    union {
        struct folder folder;
        struct list list;
        struct cifar cifar;
        struct idx idx;
        struct npy npy;
        struct archive archive;
        struct passing passing;
    } as;
};

/* What passes by is copied into the spool (archive.h), at most `limit` pictures of it (0: all);
 * without a spool (NULL) it is left to source_next(). The struct must stay where it is until
 * source_close(). On failure nothing is kept. */
int source_open(
    struct source *out, const char *path, struct spool *spool, int64_t limit, struct err *err);
void source_close(struct source *source);

/* The next three may be called from several threads at once, for sources that do not pass by. */

int source_label(const struct source *source, int64_t row); /* -1: none */

/* Path relative to the folder, as it stands in the archive, ...; "" for sources without names. */
const char *source_name(const struct source *source, int64_t row);

/* Append one picture: height*width*channels samples, or the bytes of a file. */
int source_read(const struct source *source, int64_t row, struct bytes *out, struct err *err);

/* The next picture of a source that passes by, appended to `out`; *label is -1 or of `classes`,
 * which grow meanwhile; *name is valid until the next call. 1; 0: that was all; -1. */
int source_next(
    struct source *source, int *label, const char **name, struct bytes *out, struct err *err);

#endif
