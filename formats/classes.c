/* classes -- names of classes, as folders and text files give them.
 * SPDX-License-Identifier: MIT */
#include "formats/classes.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1 << 16 };

/* Where a name stands in the table, or would stand: FNV-1a, then on to the next slot. */
static int find_slot(const struct classes *classes, const char *name)
{
    uint32_t hash = 2166136261U;
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    int at = (int)(hash & (uint32_t)(classes->slots - 1));
    while (classes->slot[at] != 0 && strcmp(classes->name[classes->slot[at] - 1], name) != 0)
        at = (at + 1) & (classes->slots - 1);
    return at;
}

/* Keep the table, whose size is a power of two, at most half full. */
static int grow(struct classes *classes, struct err *err)
{
    const int slots = classes->slots == 0 ? 16 : 2 * classes->slots;
    int *const slot = classes->named > INT_MAX / 4 ? NULL : calloc((size_t)slots, sizeof *slot);
    if (slot == NULL)
        return err_memory(err, "names of classes");
    free(classes->slot);
    classes->slot = slot;
    classes->slots = slots;
    for (int i = 0; i < classes->named; i++)
        classes->slot[find_slot(classes, classes->name[i])] = i + 1;
    return 0;
}

int classes_add(struct classes *classes, const char *name, struct err *err)
{
    const int n = classes->named;
    if (2 * n >= classes->slots && grow(classes, err) < 0)
        return -1;
    if ((n & (n - 1)) == 0) { /* room for 1, 2, 4, ... */
        char **const more = realloc(classes->name, 2 * ((size_t)n + !n) * sizeof *more);
        if (more == NULL)
            return err_memory(err, "names of classes");
        classes->name = more;
    }
    char *const copy = strdup(name);
    if (copy == NULL)
        return err_memory(err, "names of classes");
    classes->name[n] = copy;
    const int at = find_slot(classes, name);
    if (classes->slot[at] == 0) /* of two of the same name the first is found */
        classes->slot[at] = n + 1;
    classes->named = classes->count = n + 1;
    return n;
}

int classes_find(const struct classes *classes, const char *name)
{
    return classes->slots == 0 ? -1 : classes->slot[find_slot(classes, name)] - 1;
}

/* Cut `text` into lines; blank ones count for nothing. */
static int add_lines(struct classes *out, char *text, struct err *err)
{
    for (char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\r\n");
        char *const next = line + length + (line[length] != '\0');
        line[length] = '\0';
        if (length > 0 && classes_add(out, line, err) < 0)
            return -1;
        line = next;
    }
    return 0;
}

int classes_beside(
    struct classes *out, int count, const char *path, const char *file, struct err *err)
{
    const char *const slash = strrchr(path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - path + 1);
    char *const name = malloc((size_t)folder + strlen(file) + 1);
    char *const text = malloc(TEXT);
    int failed = 0;
    memset(out, 0, sizeof *out);
    if (name == NULL || text == NULL) {
        failed = err_memory(err, "names of classes");
    } else {
        sprintf(name, "%.*s%s", folder, path, file);
        FILE *const in = fopen(name, "r");
        if (in != NULL) {
            text[fread(text, 1, TEXT - 1, in)] = '\0';
            failed = add_lines(out, text, err);
            fclose(in);
        }
    }
    free(name);
    free(text);
    if (failed || out->named != count)
        classes_free(out);
    out->count = failed ? 0 : count;
    return failed;
}

void classes_free(struct classes *classes)
{
    for (int i = 0; i < classes->named; i++)
        free(classes->name[i]);
    free(classes->name);
    free(classes->slot);
    memset(classes, 0, sizeof *classes);
}
