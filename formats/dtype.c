/* dtype -- element types of tensors: names as safetensors has them, and sizes.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[DTYPE_COUNT] = {
    [DTYPE_BOOL] = {"BOOL", 1},
    [DTYPE_U8] = {"U8", 1},
    [DTYPE_I8] = {"I8", 1},
    [DTYPE_U16] = {"U16", 2},
    [DTYPE_I16] = {"I16", 2},
    [DTYPE_F16] = {"F16", 2},
    [DTYPE_BF16] = {"BF16", 2},
    [DTYPE_U32] = {"U32", 4},
    [DTYPE_I32] = {"I32", 4},
    [DTYPE_F32] = {"F32", 4},
    [DTYPE_U64] = {"U64", 8},
    [DTYPE_I64] = {"I64", 8},
    [DTYPE_F64] = {"F64", 8},
};

size_t dtype_size(enum dtype dtype)
{
    return types[dtype].size;
}

const char *dtype_name(enum dtype dtype)
{
    return types[dtype].name;
}

int dtype_parse(const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}
