/* webdataset.h -- the pictures of an archive, with their labels.
 *
 * Members that follow one another and whose names are the same up to the first dot of the last
 * component (the key) are one sample: n01/0.jpg, n01/0.cls. Its pictures are those members whose
 * extension (all behind that dot, in any case) is jpg, jpeg, png, ppm, pgm or pnm; if there are
 * none, those whose last extension is one (IMG.2020.jpg). Their label is the text of KEY.cls, or
 * what KEY.json has, an integer or a string, under "label", else "cls", else "class"; it may stand
 * before or behind the picture. What pictures hold is not looked at.
 *
 * Left out and counted: other members, empty ones, and pictures above FOLDER_FILE bytes. Names of
 * which a component begins with a dot are skipped. One sample's pictures are held until the next
 * one begins, up to WEBDATASET_HELD bytes and WEBDATASET_PICTURES of them: what has the same key
 * behind these is a sample of its own.
 *
 * Source: the WebDataset convention, https://github.com/webdataset/webdataset.
 * Errors: ERR_INPUT for a label that is none, and what tar.h says.
 * SPDX-License-Identifier: MIT */
#ifndef WEBDATASET_H
#define WEBDATASET_H

#include "formats/tar.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEBDATASET_HELD = 1 << 28, WEBDATASET_PICTURES = 1024, WEBDATASET_JSON = 1 << 20 };

struct webdataset;

/* `bytes`: the pictures are read too, else only where they are is said. `name`, of the archive, is
 * for messages; it and the archive stay the caller's. */
struct webdataset *webdataset_new(struct tar *tar, const char *name, bool bytes, struct err *err);
void webdataset_free(struct webdataset *set); /* NULL is fine */

struct webdataset_picture { /* valid until the next call */
    const char *name;       /* of the member */
    const char *label;      /* NULL: none */
    int64_t at, size;       /* in the unpacked archive */
    const unsigned char *bytes;
};

int webdataset_next(struct webdataset *set, struct webdataset_picture *out, struct err *err);

/* Has a picture so far had a file for its label beside it? */
bool webdataset_labelled(const struct webdataset *set);

int64_t webdataset_ignored(const struct webdataset *set); /* members left out so far */

#endif
