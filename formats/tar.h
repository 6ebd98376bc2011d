/* tar.h -- the regular files of a tar archive, one after another.
 *
 * Read are ustar (with its prefix), the pax headers `path` and `size`, and GNU's long names and
 * base-256 sizes, and the old format without a magic. Directories, links, devices and sparse files
 * are left out and counted. Every header must have the right checksum. An archive ends with a block
 * of zeros; where another archive follows (`cat a.tar b.tar`), its files follow too. Input that ends
 * without that block is cut short, wherever it ends: so no part of an archive passes for a whole.
 *
 * Limits: names 32 KiB, extended headers 1 MiB; memory grows with the bytes that arrive.
 * Source: POSIX.1-2008, pax, "ustar Interchange Format"; the manual of GNU tar, "Basic Tar Format".
 * Errors: ERR_INPUT damaged or cut short; what unpack.h says.
 * SPDX-License-Identifier: MIT */
#ifndef TAR_H
#define TAR_H

#include "formats/bytes.h"
#include "formats/unpack.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

struct tar;

/* Is this the header of a file in an archive? Asks for TAR_BLOCK bytes. */
bool tar_is(const void *bytes, size_t size);

/* The input stays the caller's. NULL with err filled. */
struct tar *tar_new(struct unpack *unpack, struct err *err);
void tar_free(struct tar *tar); /* NULL is fine */

struct tar_member {
    const char *name; /* as it is written in the archive; until the next call of tar_next() */
    int64_t size;
    int64_t at; /* of its bytes, from the beginning of the unpacked archive */
};

/* The next regular file; what was not read of the one before is left out. 1; 0: the end; -1. */
int tar_next(struct tar *tar, struct tar_member *out, struct err *err);

/* Append the bytes of this file, once. */
int tar_read(struct tar *tar, struct bytes *out, struct err *err);

int64_t tar_others(const struct tar *tar); /* members left out so far, directories not counted */

#endif
