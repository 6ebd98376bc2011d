/* alter -- a safetensors file with something changed, to be refused or understood.
 *
 * usage: alter IN OUT CHANGE...      where CHANGE is one of
 *
 *     drop=TENSOR            without it
 *     flat=TENSOR            of the same numbers, in one dimension
 *     copy=TENSOR:NAME       with another of the same numbers, under that name
 *     poison=TENSOR:VALUE    its first number is VALUE (nan, inf, -1, ...)
 *     set=KEY:VALUE          metadata
 *     unset=KEY, unset=*     without this key, or any
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "alter: %s\n", what);
    exit(2);
}

/* Index of a tensor that must be there. */
static int need(const struct safetensors *doc, const char *name)
{
    for (int i = 0; i < doc->count; i++)
        if (strcmp(doc->tensor[i].name, name) == 0)
            return i;
    fail(name);
}

static void alter_tensor(struct safetensors *doc, const char *verb, const char *name, char *value)
{
    const int i = need(doc, name);
    struct tensor *const tensor = &doc->tensor[i];
    if (strcmp(verb, "drop") == 0) {
        free(tensor->name);
        doc->count--;
        memmove(tensor, tensor + 1, (size_t)(doc->count - i) * sizeof *tensor);
    } else if (strcmp(verb, "flat") == 0) {
        for (int d = 1; d < tensor->rank; d++)
            tensor->shape[0] *= tensor->shape[d];
        tensor->rank = 1;
    } else if (strcmp(verb, "copy") == 0 && value != NULL) {
        struct tensor *const more = realloc(doc->tensor, (size_t)(doc->count + 1) * sizeof *more);
        if (more == NULL)
            fail("out of memory");
        doc->tensor = more;
        more[doc->count] = more[i];
        more[doc->count++].name = strdup(value);
    } else if (strcmp(verb, "poison") == 0 && value != NULL) {
        const float number = strtof(value, NULL);
        memcpy(tensor->data, &number, sizeof number);
    } else {
        fail(verb);
    }
}

int main(int argc, char **argv)
{
    struct safetensors doc;
    struct err err = {0};
    if (argc < 4)
        fail("usage: alter IN OUT CHANGE...");
    if (safetensors_load(&doc, argv[1], (size_t)1 << 30, &err) < 0)
        fail(err.text);
    for (int i = 3; i < argc; i++) {
        char *const name = strchr(argv[i], '=');
        if (name == NULL)
            fail(argv[i]);
        *name = '\0';
        char *const colon = strchr(name + 1, ':');
        if (colon != NULL)
            *colon = '\0';
        if (strcmp(argv[i], "unset") == 0 && strcmp(name + 1, "*") == 0)
            json_object_clear(doc.metadata);
        else if (strcmp(argv[i], "unset") == 0)
            json_object_del(doc.metadata, name + 1);
        else if (strcmp(argv[i], "set") == 0 && colon != NULL)
            json_object_set_new(doc.metadata, name + 1, json_string(colon + 1));
        else
            alter_tensor(&doc, argv[i], name + 1, colon != NULL ? colon + 1 : NULL);
    }
    if (safetensors_save(argv[2], doc.metadata, doc.count, doc.tensor, &err) < 0)
        fail(err.text);
    safetensors_free(&doc);
    return 0;
}
