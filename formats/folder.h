/* folder.h -- a folder of picture files, one sub-folder a class.
 *
 * Sub-folders of the folder are classes, in bytewise order; files in them, at any depth, belong to
 * the class; files beside them have label -1. A folder without sub-folders is unlabelled (classes
 * 0). Names that begin with a dot are skipped, symbolic links are followed. Rows are in bytewise
 * order of names, folder by folder, so that they do not depend on the file system.
 *
 * Only names are kept in memory. What a file holds is not looked at: it is sent as it is, and who
 * decodes it sees whether it is a picture. Files that say by their names that they are something
 * else (notes.txt, labels.csv, ...), empty ones and those above FOLDER_FILE bytes are left out, and
 * counted.
 *
 * Errors: ERR_MISUSE when the folder cannot be opened or holds no files; ERR_INPUT when the one file
 * that is asked for is gone, may not be read, is damaged on its disk or no picture file any more;
 * ERR_FAILED for memory and what else befalls the whole.
 * SPDX-License-Identifier: MIT */
#ifndef FOLDER_H
#define FOLDER_H

#include "formats/bytes.h"
#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdint.h>

enum { FOLDER_FILE = 1 << 28, FOLDER_DEPTH = 32 };

struct folder {
    int64_t count, ignored;
    struct classes classes;
    struct folder_file {
        size_t name; /* where its path begins in `names` */
        int label;   /* -1: none */
    } * file;        /* [count] */
    struct bytes names;
    char *path; /* of the folder, or of the one file */
    int fd;     /* of the folder; -1: one file */
};

int folder_open(struct folder *out, const char *path, struct err *err);

/* One picture file as a folder of its own, unlabelled. */
int folder_open_file(struct folder *out, const char *path, struct err *err);

void folder_close(struct folder *folder);

/* Path of a file relative to the folder. */
const char *folder_name(const struct folder *folder, int64_t row);

/* Append the bytes of a file. On failure `out` is as it was. */
int folder_read(const struct folder *folder, int64_t row, struct bytes *out, struct err *err);

/* The same for any file: `path` relative to the folder `fd` (or AT_FDCWD), `shown` for messages. */
int folder_read_file(
    int fd, const char *path, const char *shown, struct bytes *out, struct err *err);

#endif
