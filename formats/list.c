/* list -- lines become rows.
 * SPDX-License-Identifier: MIT */
#include "formats/list.h"

#include "formats/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };

/* Paths with zero bytes behind them: none of them is empty or too long. */
static bool is_zeroed(const unsigned char *b, size_t size)
{
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        if (b[i] != '\0')
            continue;
        if (i == from || i - from >= LIST_LINE)
            return false;
        from = i + 1;
    }
    return from > 0 && size - from < LIST_LINE;
}

bool list_is(const void *bytes, size_t size)
{
    const unsigned char *const b = bytes;
    for (size_t i = 0; i < size; i++)
        if (b[i] < ' ' && b[i] != '\t' && b[i] != '\n' && b[i] != '\r')
            return is_zeroed(b, size);
    return size > 0;
}

/* The path of a picture as this process would open it; the caller frees it. */
static char *full_path(const struct list *list, const char *name, struct err *err)
{
    char *const out = malloc(strlen(list->folder) + strlen(name) + 1);
    if (out == NULL)
        err_memory(err, "a file name");
    else
        sprintf(out, "%s%s", name[0] == '/' ? "" : list->folder, name);
    return out;
}

static int add_line(struct list *list, char *line, size_t length, struct err *err)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    line[length] = '\0';
    char *const tab = memchr(line, '\t', length);
    if (tab != NULL)
        *tab = '\0';
    return line[0] == '\0' ? 0 : table_add(&list->table, 0, 0, line, tab ? tab + 1 : NULL, err);
}

/* A path that may have any other byte in it. */
static int add_path(struct list *list, char *path, size_t length, struct err *err)
{
    path[length] = '\0';
    return length == 0 ? 0 : table_add(&list->table, 0, 0, path, NULL, err);
}

/* Take the whole lines at the beginning of the text; what is left is moved to its beginning. `end`
 * is the byte behind a line. */
static int take_lines(
    struct list *list, struct bytes *text, char end, bool ended, const char *name, struct err *err)
{
    char *const data = (char *)text->data;
    size_t from = 0;
    while (from < text->size) {
        const char *const last = memchr(data + from, end, text->size - from);
        if (last == NULL && !ended)
            break;
        const size_t length = last == NULL ? text->size - from : (size_t)(last - data) - from;
        if (end != '\0' && memchr(data + from, '\0', length) != NULL)
            return err_set(err, ERR_INPUT, "line %lld of '%s' is no text",
                (long long)list->table.count + 1, name);
        if (length >= LIST_LINE)
            break;
        if ((end == '\0' ? add_path : add_line)(list, data + from, length, err) < 0)
            return -1;
        from += length + (last != NULL);
    }
    text->size -= from;
    memmove(data, data + from, text->size);
    return text->size < LIST_LINE
               ? 0
               : err_set(err, ERR_INPUT, "'%s' has a line of more than %d bytes", name, LIST_LINE);
}

/* What ends a line, by the first piece of the text; the mark at its beginning is no text. */
static char begin(struct bytes *text)
{
    if (text->size > 0 && memchr(text->data, '\0', text->size) != NULL)
        return '\0';
    if (text->size >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        text->size -= 3;
        memmove(text->data, text->data + 3, text->size);
    }
    return '\n';
}

static int read_lines(struct list *list, struct channel *channel, struct err *err)
{
    struct bytes text = {0};
    bool first = true;
    char end = '\n';
    ssize_t got = 1;
    int failed = 0;
    while (got > 0 && !failed) {
        unsigned char *const room = bytes_room(&text, PIECE + 1, err); /* and a '\0' */
        got = room == NULL ? -1 : channel_read(channel, room, PIECE, err);
        failed = got < 0;
        if (!failed)
            text.size += (size_t)got;
        if (first && (text.size >= PIECE || got == 0)) { /* a pipe brings a few bytes at a time */
            first = false;
            end = begin(&text);
        }
        if (!failed && !first)
            failed = take_lines(list, &text, end, got == 0, channel_name(channel), err);
    }
    bytes_free(&text);
    return failed ? -1 : 0;
}

/* Is one of the first files there? */
static int look(const struct list *list, const char *name, struct err *err)
{
    for (int64_t i = 0; i < list->table.count && i < LIST_LOOK; i++) {
        char *const path = full_path(list, table_name(&list->table, i), err);
        if (path == NULL)
            return -1;
        const bool there = access(path, F_OK) == 0;
        free(path);
        if (there)
            return 0;
    }
    err_set(err, ERR_MISUSE, "'%s' is not a data set of a known kind", name);
    if (list->table.count > 0)
        err_hint(err, "if it is a list of paths: there is no '%.100s%s'",
            table_name(&list->table, 0)[0] == '/' ? "" : list->folder, table_name(&list->table, 0));
    return -1;
}

int list_open(struct list *out, const char *path, struct channel *channel, struct err *err)
{
    memset(out, 0, sizeof *out);
    const char *const slash = path == NULL ? NULL : strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    out->folder = calloc(length + 1, 1);
    int failed = out->folder == NULL ? err_memory(err, "a file name") : 0;
    if (!failed && length > 0)
        memcpy(out->folder, path, length);
    if (!failed)
        failed = read_lines(out, channel, err);
    if (!failed)
        failed = look(out, channel_name(channel), err);
    if (!failed)
        failed = table_finish(&out->table, true, err);
    if (failed)
        list_close(out);
    return failed;
}

void list_close(struct list *list)
{
    table_free(&list->table);
    free(list->folder);
    list->folder = NULL;
}

int list_read(const struct list *list, int64_t row, struct bytes *out, struct err *err)
{
    char *const path = full_path(list, table_name(&list->table, row), err);
    if (path == NULL)
        return -1;
    const int failed = folder_read_file(AT_FDCWD, path, path, out, err);
    free(path);
    return failed;
}
