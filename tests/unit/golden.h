/* golden.h -- tensors of a file in tests/golden, as aligned arrays.
 *
 * What is asked for and is not there counts as a failure, once, and comes as an array of zeros.
 * SPDX-License-Identifier: MIT */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "formats/safetensors.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static struct safetensors golden;

static void golden_open(const char *path)
{
    struct err err = {0};
    const int failed = safetensors_load(&golden, path, 1 << 20, &err);
    OK(failed == 0, "%s is there%s%s", path, failed ? ": " : "", err.text);
    if (failed)
        exit(tap_done());
}

/* A copy of a tensor, the caller's; *shape (may be NULL) gets its extents. */
static void *golden_get(const char *name, enum dtype dtype, int rank, int64_t *shape)
{
    const struct tensor *const t = safetensors_find(&golden, name);
    if (t == NULL || t->dtype != dtype || t->rank != rank) {
        OK(0, "golden tensor %s is there", name);
        exit(tap_done());
    }
    for (int i = 0; shape != NULL && i < rank; i++)
        shape[i] = t->shape[i];
    void *const copy = malloc(t->bytes + 1);
    if (copy == NULL)
        exit(1);
    memcpy(copy, t->data, t->bytes);
    return copy;
}

#endif
