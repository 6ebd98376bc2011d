/* cifar.h -- CIFAR-10 and CIFAR-100 in their binary version.
 *
 * A record is one label byte (CIFAR-100: two, coarse and fine; the fine one is the label) and 3072
 * bytes: the planes R, G, B of 32x32 pixels. There is no magic number. A file is CIFAR-10 if its
 * size is a multiple of 3073, CIFAR-100 if it is a multiple of 3074; if it is both, its name and
 * its labels decide. Names of classes come from batches.meta.txt or fine_label_names.txt beside it.
 *
 * Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
 * Errors: ERR_MISUSE when a file cannot be opened; ERR_INPUT when its size or a label is wrong;
 * ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef CIFAR_H
#define CIFAR_H

#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { CIFAR_SIDE = 32, CIFAR_PIXELS = 3 * 32 * 32, CIFAR_FILES = 5 };

struct cifar {
    int64_t count;
    struct classes classes;
    unsigned char *label; /* [count] */
    int files;
    struct cifar_file {
        char *path;
        int fd;
        int64_t first;   /* row in the whole */
        int label_bytes; /* 1 or 2 */
    } file[CIFAR_FILES];
};

/* Is this a folder with training files (data_batch_1.bin to data_batch_5.bin, or train.bin)? */
bool cifar_folder(const char *path);

/* Could this file be one: by its name (*.bin), or by its size? */
bool cifar_file(const char *path, int64_t size);

/* A folder means the training files that are in it; a file is taken as it is. On failure nothing is
 * kept. Rows of several files count through. */
int cifar_open(struct cifar *out, const char *path, struct err *err);

void cifar_close(struct cifar *cifar);

/* pixels [32,32,3], overwritten. */
int cifar_read(const struct cifar *cifar, int64_t row, unsigned char *pixels, struct err *err);

#endif
