/* param -- the list of weights: growth, layout in one block, zeroing, and what is not finite.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/param.h"

#include "tests/unit/tap.h"

#include <stdio.h>
#include <string.h>

static void lists(void)
{
    struct err err = {0};
    struct params params = {0};
    const int64_t shape[4] = {5, 3, 1, 2}, many[4] = {INT64_MAX, INT64_MAX, 1, 1};
    for (int i = 0; i < 200; i++) { /* more than the list's first room */
        char name[32];
        snprintf(name, sizeof name, "layer%d.weight", i);
        if (params_add(&params, name, i % 5 == 4 ? PARAM_BUFFER : PARAM_KERNEL, 1 + i % 4, shape,
                &err) != i)
            OK(0, "tensor %d has index %d", i, i);
    }
    OK(params_alloc(&params, &err) == 0, "200 tensors are allocated");

    int counts = 1, aligned = 1, zero = 1, buffers = 1, apart = 1;
    for (int i = 0; i < 200; i++) {
        const struct param *p = &params.param[i];
        const size_t wanted[4] = {5, 15, 15, 30};
        counts &= p->count == wanted[i % 4];
        aligned &= (uintptr_t)p->value % 64 == 0 && (uintptr_t)p->grad % 64 == 0;
        buffers &= (p->grad == NULL) == (i % 5 == 4);
        for (size_t j = 0; j < p->count; j++)
            zero &= p->value[j] == 0 && (p->grad == NULL || p->grad[j] == 0);
        for (size_t j = 0; j < p->count; j++) {
            p->value[j] = (float)i;
            if (p->grad != NULL)
                p->grad[j] = (float)-i;
        }
    }
    for (int i = 0; i < 200; i++)
        for (size_t j = 0; j < params.param[i].count; j++)
            apart &= params.param[i].value[j] == (float)i &&
                     (params.param[i].grad == NULL || params.param[i].grad[j] == (float)-i);
    OK(counts, "count is the product of the shape");
    OK(aligned, "values and gradients begin at 64 bytes");
    OK(zero, "values and gradients begin as zero");
    OK(buffers, "buffers, and only they, have no gradient");
    OK(apart, "tensors do not overlap");

    OK(params_find(&params, "layer137.weight") == &params.param[137], "a tensor is found by name");
    OK(params_find(&params, "layer200.weight") == NULL, "a tensor that is not there is not found");

    params_zero_grad(&params);
    int cleared = 1;
    for (int i = 0; i < 200; i++)
        for (size_t j = 0; j < params.param[i].count; j++)
            cleared &= params.param[i].value[j] == (float)i &&
                       (params.param[i].grad == NULL || params.param[i].grad[j] == 0);
    OK(cleared, "zeroing gradients leaves values alone");

    OK(params_not_finite(&params, false) == NULL && params_not_finite(&params, true) == NULL,
        "numbers are finite");
    params.param[150].value[params.param[150].count - 1] = -INFINITY;
    params.param[171].grad[0] = NAN;
    const char *value = params_not_finite(&params, false), *grad = params_not_finite(&params, true);
    OK(value != NULL && strcmp(value, "layer150.weight") == 0, "an infinite value is named");
    OK(grad != NULL && strcmp(grad, "layer171.weight") == 0, "a NaN in a gradient is named");
    params.param[150].value[params.param[150].count - 1] = 3.4e38f;
    OK(params_not_finite(&params, false) == NULL, "the largest numbers are finite");

    OK(params_add(&params, "x", PARAM_KERNEL, 2, many, &err) == -1 && err.status == ERR_FAILED,
        "a product that overflows is refused");
    err = (struct err){0};
    char name[100];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    OK(params_add(&params, name, PARAM_KERNEL, 1, shape, &err) == -1 && err.status == ERR_FAILED,
        "a name that does not fit is refused");
    params_free(&params);
    OK(params.count == 0 && params.param == NULL, "what is freed is empty");
}

int main(void)
{
    lists();
    return tap_done();
}
