/* roster -- what the rows of a set are called, one after another.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/roster.h"

#include "lib/base/shape.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Room for one name more, half as much again at a time. */
static int make_room(struct roster *r, size_t bytes, struct err *err)
{
    if (bytes > r->bytes) {
        const size_t larger = bytes + bytes / 2 + 64;
        char *const text = larger > bytes ? realloc(r->text, larger) : NULL;
        if (text == NULL)
            return err_memory(err, "names");
        r->text = text;
        r->bytes = larger;
    }
    if (r->rows == r->room) {
        const int larger = r->room < INT_MAX / 2 - 64 ? r->room + r->room / 2 + 64 : INT_MAX;
        const size_t size = shape_times((size_t)larger, sizeof *r->end);
        size_t *const end = r->rows < INT_MAX && size < SIZE_MAX ? realloc(r->end, size) : NULL;
        if (end == NULL)
            return err_memory(err, "names");
        r->end = end;
        r->room = larger;
    }
    return 0;
}

int roster_add(struct roster *roster, const void *name, size_t size, struct err *err)
{
    const size_t used = roster->rows > 0 ? roster->end[roster->rows - 1] : 0;
    if (size > SIZE_MAX - used || make_room(roster, used + size, err) < 0)
        return err_memory(err, "names");
    if (size > 0)
        memcpy(roster->text + used, name, size);
    roster->end[roster->rows++] = used + size;
    return 0;
}

int roster_take(struct roster *roster, const struct header *header, const struct record *record,
    int row, int64_t id, struct err *err)
{
    const int column = header_find(header, "name");
    if (column >= 0 && header->column[column].ragged) {
        const void *data;
        const size_t size = record_row(header, record, column, row, &data);
        if (size > 0)
            return roster_add(roster, data, size, err);
    }
    char text[24];
    const int size = snprintf(text, sizeof text, "%lld", (long long)id);
    return roster_add(roster, text, (size_t)size, err);
}

const char *roster_name(const struct roster *roster, int row, size_t *size)
{
    const size_t from = row > 0 ? roster->end[row - 1] : 0;
    *size = roster->end[row] - from;
    return roster->text + from;
}

void roster_print(FILE *out, const struct roster *roster, int row)
{
    static const char special[] = "\t\n\r\\", written[] = "tnr\\0"; /* the 0 that ends the first */
    size_t size;
    const char *const name = roster_name(roster, row, &size);
    for (size_t i = 0; i < size; i++) {
        const char *const at = memchr(special, name[i], sizeof special);
        if (at != NULL)
            putc('\\', out);
        putc(at != NULL ? written[at - special] : name[i], out);
    }
}

void roster_clear(struct roster *roster)
{
    roster->rows = 0;
}

void roster_free(struct roster *roster)
{
    free(roster->text);
    free(roster->end);
    *roster = (struct roster){0};
}
