/* npy.h -- pictures in a NumPy array file.
 *
 * Read are arrays of unsigned bytes (|u1) of shape (N,H,W,3), (N,H,W,1) or (N,H,W) in C order, in
 * versions 1 to 3 of the format. Labels of NAME.npy are looked for in NAME.labels.npy and
 * NAME-labels.npy: integers of 1 to 8 bytes, little-endian, of shape (N,); -1 is none.
 *
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
 * Errors: ERR_MISUSE for a file that cannot be opened, or holds another kind of array; ERR_INPUT
 * damaged or cut short; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef NPY_H
#define NPY_H

#include "formats/classes.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct npy {
    int64_t count;
    int height, width, channels;
    struct classes classes; /* without names; as many as the largest label demands */
    int *label;             /* [count], or NULL: unlabelled */
    int64_t at;             /* of the first picture in the file */
    char *path;
    int fd;
};

bool npy_is(const void *bytes, size_t size);

int npy_open(struct npy *out, const char *path, struct err *err); /* on failure nothing is kept */
void npy_close(struct npy *npy);

#endif
