/* zip.h -- zip archives as NumPy's .npz files are: members that are stored or deflated, in one file.
 *
 * Reading goes by the directory at the end, as every reader of zip does; members of 4 GiB and more
 * (zip64) are read and written. Encryption, other compressions and archives of several volumes are
 * refused. Writing stores, with a fixed date: the same members give the same bytes.
 *
 * Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.9.
 * Errors: ERR_INPUT damaged, cut short or unsupported; ERR_FAILED for I/O and memory; what channel.h
 * says of a channel.
 * SPDX-License-Identifier: MIT */
#ifndef ZIP_H
#define ZIP_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/spool.h"
#include "lib/base/err.h"

#include <stdint.h>

enum { ZIP_MEMBERS = 4096, ZIP_NAME = 256 };

struct zip_member {
    char name[ZIP_NAME];
    int method;           /* 0 stored, 8 deflated */
    uint32_t crc;         /* CRC-32 of what is unpacked */
    int64_t packed, size; /* bytes in the archive, and unpacked */
    int64_t local;        /* of its own header in the archive */
};

struct zip {
    int count;
    struct zip_member *member; /* [count], owned */
};

/* Could these be the first bytes of an archive? 4 are enough. */
int zip_is(const void *bytes, size_t size);

/* The directory of an archive that is `size` bytes of a file. On failure nothing is kept. `name` is
 * for messages. */
int zip_open(struct zip *out, int fd, int64_t size, const char *name, struct err *err);
void zip_close(struct zip *zip);

/* Check a member and say where its bytes are: in *fd, at *at. A stored one is where it was; another
 * is unpacked behind what `spool` has. */
int zip_unpack(int *fd, int64_t *at, const struct zip_member *member, int archive,
    int64_t archive_size, struct spool *spool, const char *name, struct err *err);

/* An archive in the making: zip_add(), then `size` bytes with that CRC-32 into the channel, for each
 * member; at last zip_finish(). Start with only `channel` set, which stays the caller's. */
struct zip_writer {
    struct channel *channel;
    struct bytes directory;
    int64_t at;
    int count;
};
int zip_add(struct zip_writer *zip, const char *name, uint32_t crc, int64_t size, struct err *err);
int zip_finish(struct zip_writer *zip, struct err *err); /* frees `directory`, always */

#endif
