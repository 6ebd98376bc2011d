/* classes.h -- how many classes a data set has, and what they are called if that is known.
 * SPDX-License-Identifier: MIT */
#ifndef CLASSES_H
#define CLASSES_H

#include "lib/base/err.h"

struct classes {
    int count;
    int named;   /* names in `name`: all of them or none */
    char **name; /* [named], owned: classes_free(); start with a zeroed struct */
    int *slot;   /* [slots] hash table: number of a name + 1, or 0 */
    int slots;
};

/* Append a named class; returns its number, or -1. */
int classes_add(struct classes *classes, const char *name, struct err *err);

/* The number of a name, or -1. */
int classes_find(const struct classes *classes, const char *name);

/* `count` classes, named by the lines of FILE in the folder of `path` if it has exactly that many;
 * a missing or other file leaves them without names. Errors: ERR_FAILED for memory. */
int classes_beside(
    struct classes *out, int count, const char *path, const char *file, struct err *err);

void classes_free(struct classes *classes);

#endif
