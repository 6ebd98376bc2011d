/* npyhead.h -- what stands before the numbers of a NumPy array file: its type and shape.
 *
 * Read are versions 1 to 3 of the format, with every type that is not structured; written is version
 * 1, padded to a multiple of 64 bytes, as NumPy itself writes it.
 *
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
 * Errors: ERR_INPUT damaged, cut short, or of an unknown version; ERR_FAILED for I/O and memory.
 * SPDX-License-Identifier: MIT */
#ifndef NPYHEAD_H
#define NPYHEAD_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NPYHEAD_RANK = 8, NPYHEAD_TYPE = 16, NPYHEAD_SIZE = 512 };

struct npyhead {
    char type[NPYHEAD_TYPE]; /* "<f4", "|u1", ... */
    bool fortran;
    int rank;
    int64_t shape[NPYHEAD_RANK];
    int64_t at; /* of the data in the file */
};

/* Could these be the first bytes of an array? 6 are enough. */
bool npyhead_is(const void *bytes, size_t size);

/* The header of an array that has `size` bytes of a file, from `from` on. `name` is for messages. */
int npyhead_read(
    struct npyhead *out, int fd, int64_t from, int64_t size, const char *name, struct err *err);

/* ERR_INPUT unless `size` bytes from `from` on are exactly what a header and its shape say, of
 * `unit` bytes an element. */
int npyhead_check(const struct npyhead *head, size_t unit, int64_t from, int64_t size,
    const char *name, struct err *err);

/* Bytes of a little-endian integer type; 0: it is none. And such an integer. */
int npyhead_integer_size(const char *type);
int64_t npyhead_integer(const unsigned char *bytes, int size, bool with_sign);

/* A whole header, of type and shape; returns its bytes, a multiple of 64. */
size_t npyhead_write(char out[NPYHEAD_SIZE], const struct npyhead *head);

#endif
