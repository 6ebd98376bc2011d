/* param -- the list of a model's named weights, and the one block they live in.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/param.h"

#include "lib/base/cpu.h"
#include "lib/base/shape.h"

#include <stdlib.h>
#include <string.h>

int params_add(struct params *params, const char *name, enum param_kind kind, int rank,
    const int64_t *shape, struct err *err)
{
    struct param added = {.kind = kind, .rank = rank};
    const size_t bytes = shape_bytes(rank, shape, sizeof(float)), length = strlen(name);
    if (rank > 4 || length >= sizeof added.name || bytes == SIZE_MAX)
        return err_set(err, ERR_FAILED, "cannot make a tensor '%s': too large", name);
    if (params->count == params->room) {
        const int room = params->room == 0 ? 64 : params->room * 2;
        struct param *grown = realloc(params->param, (size_t)room * sizeof *grown);
        if (grown == NULL)
            return err_memory(err, "the list of weights");
        params->param = grown;
        params->room = room;
    }
    memcpy(added.name, name, length + 1);
    memcpy(added.shape, shape, (size_t)rank * sizeof *shape);
    added.count = bytes / sizeof(float);
    params->param[params->count] = added;
    return params->count++;
}

static void layout(struct params *params)
{
    for (int i = 0; i < params->count; i++)
        params->param[i].value = arena_take(&params->arena, params->param[i].count, sizeof(float));
    for (int i = 0; i < params->count; i++)
        if (params->param[i].kind != PARAM_BUFFER)
            params->param[i].grad =
                arena_take(&params->arena, params->param[i].count, sizeof(float));
}

int params_alloc(struct params *params, struct err *err)
{
    layout(params);
    if (arena_alloc(&params->arena, "weights", err) != 0)
        return -1;
    layout(params);
    return 0;
}

void params_free(struct params *params)
{
    arena_free(&params->arena);
    free(params->param);
    *params = (struct params){0};
}

void params_zero_grad(struct params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->param[i].grad != NULL)
            memset(params->param[i].grad, 0, params->param[i].count * sizeof(float));
}

struct param *params_find(const struct params *params, const char *name)
{
    for (int i = 0; i < params->count; i++)
        if (strcmp(params->param[i].name, name) == 0)
            return &params->param[i];
    return NULL;
}

/* An exponent of all ones is NaN or infinity. Integers, so that the loop becomes vectors. */
CPU_CLONES static uint32_t not_finite(const float *x, size_t n)
{
    uint32_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return found;
}

const char *params_not_finite(const struct params *params, bool of_grad)
{
    for (int i = 0; i < params->count; i++) {
        const struct param *p = &params->param[i];
        const float *x = of_grad ? p->grad : p->value;
        if (x != NULL && not_finite(x, p->count))
            return p->name;
    }
    return NULL;
}
