/* table -- rows, names and labels, gathered one by one.
 * SPDX-License-Identifier: MIT */
#include "formats/table.h"

#include "formats/label.h"

#include <stdlib.h>
#include <string.h>

/* The number of a text among the different ones. */
static int intern(struct table *table, const char *text, struct err *err)
{
    const int found = classes_find(&table->texts, text);
    if (found >= 0)
        return found;
    table->words |= label_number(text) == LABEL_NAME;
    return classes_add(&table->texts, text, err);
}

int table_add(struct table *table, int64_t at, int64_t size, const char *name, const char *text,
    struct err *err)
{
    const size_t n = (size_t)table->count, length = strlen(name) + 1;
    int label = -1;
    if ((n & (n - 1)) == 0) { /* room for 1, 2, 4, ... */
        struct table_row *const more = realloc(table->row, 2 * (n + !n) * sizeof *more);
        if (more == NULL)
            return err_memory(err, "a list of pictures");
        table->row = more;
    }
    if (text != NULL && label_number(text) != LABEL_NONE && (label = intern(table, text, err)) < 0)
        return -1;
    unsigned char *const room = bytes_room(&table->names, length, err);
    if (room == NULL)
        return -1;
    memcpy(room, name, length);
    table->row[n] = (struct table_row){at, size, table->names.size, label};
    table->names.size += length;
    table->count++;
    return 0;
}

/* ---- labels --------------------------------------------------------------------------------- */

static void take_numbers(struct table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        struct table_row *const row = &table->row[i];
        if (row->label < 0)
            continue;
        row->label = label_number(table->texts.name[row->label]);
        if (row->label >= table->classes.count)
            table->classes.count = row->label + 1;
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int take_sorted(struct table *table, struct err *err)
{
    const struct classes *const texts = &table->texts;
    const char **const name = malloc((size_t)texts->named * sizeof *name);
    if (name == NULL)
        return err_memory(err, "names of classes");
    int failed = 0;
    memcpy(name, texts->name, (size_t)texts->named * sizeof *name);
    qsort(name, (size_t)texts->named, sizeof *name, by_bytes);
    for (int i = 0; i < texts->named && !failed; i++)
        failed = classes_add(&table->classes, name[i], err) < 0;
    free(name);
    for (int64_t i = 0; i < table->count && !failed; i++)
        if (table->row[i].label >= 0)
            table->row[i].label = classes_find(&table->classes, texts->name[table->row[i].label]);
    return failed ? -1 : 0;
}

int table_finish(struct table *table, bool sorted, struct err *err)
{
    int failed = 0;
    if (table->texts.named == 0)
        return 0;
    if (!table->words) {
        take_numbers(table);
    } else if (sorted) {
        failed = take_sorted(table, err);
    } else {
        table->classes = table->texts;
        table->texts = (struct classes){0};
    }
    classes_free(&table->texts);
    return failed;
}

/* ---- classes by folders --------------------------------------------------------------------- */

static const char *without_dot(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name++;
    return name;
}

/* Bytes of the folders, each with its '/', that all names begin with. */
static size_t common(const struct table *table)
{
    const char *const first = without_dot(table_name(table, 0));
    const char *const slash = strrchr(first, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - first) + 1;
    for (int64_t i = 1; i < table->count && length > 0; i++) {
        const char *const name = without_dot(table_name(table, i));
        while (length > 0 && strncmp(name, first, length) != 0)
            do
                length--;
            while (length > 0 && first[length - 1] != '/');
    }
    return length;
}

int table_finish_folders(struct table *table, struct err *err)
{
    struct bytes folder = {0};
    int failed = 0;
    const size_t skip = table->count == 0 ? 0 : common(table);
    for (int64_t i = 0; i < table->count && !failed; i++) {
        const char *const name = without_dot(table_name(table, i)) + skip;
        const char *const slash = strchr(name, '/');
        if (slash == NULL)
            continue;
        folder.size = 0;
        unsigned char *const room = bytes_room(&folder, (size_t)(slash - name) + 1, err);
        failed = room == NULL;
        if (!failed) {
            memcpy(room, name, (size_t)(slash - name));
            room[slash - name] = '\0';
            failed = (table->row[i].label = intern(table, (char *)room, err)) < 0;
        }
    }
    bytes_free(&folder);
    table->words = true; /* a folder called 7 is a class of this name */
    return failed ? -1 : table_finish(table, true, err);
}

const char *table_name(const struct table *table, int64_t row)
{
    return (const char *)table->names.data + table->row[row].name;
}

void table_free(struct table *table)
{
    free(table->row);
    bytes_free(&table->names);
    classes_free(&table->classes);
    classes_free(&table->texts);
    memset(table, 0, sizeof *table);
}
