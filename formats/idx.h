/* idx.h -- pictures in IDX files (MNIST and its like), plain or compressed by gzip.
 *
 * Big-endian: magic 00 00 08 03 (bytes, three dimensions), count, height, width, then the pixels:
 * grey, row-major. Labels: 00 00 08 01, count, one byte each. The labels of *images-idx3* are
 * looked for beside it in *labels-idx1*, with or without .gz; without them it is unlabelled.
 *
 * Cost: a plain file is read picture by picture; a compressed one is unpacked into memory, which
 * grows with the bytes that come out of it, up to 4 GiB.
 * Source: http://yann.lecun.com/exdb/mnist/.
 * Errors: ERR_MISUSE when a file cannot be opened or holds no pictures; ERR_INPUT damaged or cut
 * short; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef IDX_H
#define IDX_H

#include "formats/bytes.h"
#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idx {
    int64_t count;
    int height, width;
    struct classes classes; /* without names; as many as the largest label demands */
    struct bytes labels;    /* [count], or empty: unlabelled */
    struct bytes pixels;    /* [count,H,W] of a compressed file, else empty */
    char *path;
    int fd;
};

/* Is this an IDX file (by its first bytes or by "-ubyte" in its name), or a gzip file? */
bool idx_file(const char *path, const void *bytes, size_t size);

/* Training pictures (train-images-idx3-ubyte, with or without .gz) of a folder, or NULL; the caller
 * frees the path. */
char *idx_folder(const char *path);

int idx_open(struct idx *out, const char *path, struct err *err);
void idx_close(struct idx *idx);

/* pixels [H,W,1], overwritten. */
int idx_read(const struct idx *idx, int64_t row, unsigned char *pixels, struct err *err);

#endif
