/* source.h -- one data set on disk, whatever its format.
 *
 *     folder        picture files as they are                    folder.h
 *     picture file  the same, one of it                          folder.h
 *     CIFAR         [32,32,3]; a folder means its training files cifar.h
 *     IDX           [H,W,1]; likewise                            idx.h
 *
 * Formats are told by content where they have a magic number; CIFAR files by name and size.
 *
 * Errors: ERR_MISUSE when there is nothing that can be read; ERR_INPUT when it is damaged;
 * ERR_FAILED for I/O and memory. Each sentence names the file.
 * SPDX-License-Identifier: MIT */
#ifndef SOURCE_H
#define SOURCE_H

#include "formats/bytes.h"
#include "formats/cifar.h"
#include "formats/classes.h"
#include "formats/folder.h"
#include "formats/idx.h"
#include "lib/base/err.h"

#include <stdint.h>

struct source {
    enum source_kind { SOURCE_FOLDER, SOURCE_CIFAR, SOURCE_IDX } kind;
    int64_t count;
    int height, width, channels;   /* of every picture; all 0 when they are encoded files */
    int64_t ignored;               /* files left out of a folder */
    const struct classes *classes; /* count 0: unlabelled; borrowed from the format */
    union {
        struct folder folder;
        struct cifar cifar;
        struct idx idx;
    } as;
};

/* The struct must stay where it is until source_close(). On failure nothing is kept. */
int source_open(struct source *out, const char *path, struct err *err);
void source_close(struct source *source);

int source_label(const struct source *source, int64_t row); /* -1: none */

/* Path relative to the folder; "" for sources without names. */
const char *source_name(const struct source *source, int64_t row);

/* Append one picture: height*width*channels samples, or the bytes of a file. */
int source_read(const struct source *source, int64_t row, struct bytes *out, struct err *err);

#endif
