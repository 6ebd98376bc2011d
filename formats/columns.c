/* columns -- numbers out of a table of tab-separated values.
 * SPDX-License-Identifier: MIT */
#include "formats/columns.h"

#include "formats/bytes.h"
#include "lib/base/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a table may have in one line, and where in a line the columns are. */
enum { FIELDS = 10000 };

struct table {
    const char *source;
    size_t line; /* counted from 1 */
    int fields;  /* of every line */
    int at[COLUMNS_MOST];
};

static int read_all(struct bytes *text, struct channel *channel, struct err *err)
{
    for (;;) {
        enum { PIECE = 1 << 16 };
        unsigned char *const room = bytes_room(text, PIECE, err);
        const ssize_t got = room == NULL ? -1 : channel_read(channel, room, PIECE, err);
        if (got <= 0)
            return (int)got;
        text->size += (size_t)got;
    }
}

/* Cut a line into fields, in place; their number, at most FIELDS + 1. */
static int cut(char *line, char **field)
{
    int fields = 0;
    for (char *next = line; next != NULL && fields <= FIELDS; fields++) {
        if (fields < FIELDS)
            field[fields] = next;
        next = strchr(next, '\t');
        if (next != NULL)
            *next++ = '\0';
    }
    return fields;
}

static int head(
    struct table *table, char **field, int count, const char *const *name, struct err *err)
{
    if (table->fields > FIELDS)
        return err_set(err, ERR_INPUT, "'%.200s' has more than %d columns", table->source, FIELDS);
    for (int i = 0; i < count; i++) {
        table->at[i] = -1;
        for (int k = 0; k < table->fields && table->at[i] < 0; k++)
            if (strcmp(field[k], name[i]) == 0)
                table->at[i] = k;
        if (table->at[i] < 0)
            return err_set(
                err, ERR_INPUT, "'%.200s' has no column '%.100s'", table->source, name[i]);
    }
    return 0;
}

static int number(double *out, const struct table *table, const char *text, struct err *err)
{
    char *end;
    *out = NAN;
    if (*text == '\0' || strcmp(text, "-") == 0 || strcmp(text, "nan") == 0 ||
        strcmp(text, "-nan") == 0)
        return 0;
    *out = strtod(text, &end);
    if (*end != '\0' || !isfinite(*out) || strspn(text, "0123456789+-.eE") != strlen(text))
        return err_set(err, ERR_INPUT, "'%.200s' has '%.60s' in line %zu, not a number",
            table->source, text, table->line);
    return 0;
}

static int row(
    struct columns *out, const struct table *table, char **field, size_t *room, struct err *err)
{
    if (out->rows == *room) {
        const size_t more = *room > 0 ? 2 * *room : 1024;
        for (int i = 0; i < out->count; i++) {
            double *const moved = realloc(out->value[i], shape_times(more, sizeof *moved));
            if (moved == NULL)
                return err_memory(err, "a table");
            out->value[i] = moved;
        }
        *room = more;
    }
    for (int i = 0; i < out->count; i++)
        if (number(&out->value[i][out->rows], table, field[table->at[i]], err) < 0)
            return -1;
    out->rows++;
    return 0;
}

static int parse(struct columns *out, char *text, size_t size, const char *source,
    const char *const *name, struct err *err)
{
    struct table table = {.source = source};
    size_t room = 0;
    char **const field = malloc(FIELDS * sizeof *field);
    if (field == NULL)
        return err_memory(err, "a table");
    for (char *line = text, *end; err->status == ERR_NONE; line = end + 1) {
        end = memchr(line, '\n', size - (size_t)(line - text));
        if (end == NULL)
            break;
        *end = '\0';
        const int fields = cut(line, field);
        if (++table.line == 1) {
            table.fields = fields;
            head(&table, field, out->count, name, err);
        } else if (fields != table.fields) {
            err_set(err, ERR_INPUT, "'%.200s' has %d fields in line %zu, not %d", source, fields,
                table.line, table.fields);
        } else {
            row(out, &table, field, &room, err);
        }
    }
    free(field);
    if (table.line == 0)
        err_set(err, ERR_INPUT, "'%.200s' has no header line", source);
    return err->status == ERR_NONE ? 0 : -1;
}

int columns_read(struct columns *out, struct channel *channel, int count, const char *const *name,
    struct err *err)
{
    struct bytes text = {0};
    memset(out, 0, sizeof *out);
    out->count = count;
    if (count < 1 || count > COLUMNS_MOST)
        return err_set(err, ERR_MISUSE, "takes 1 to %d columns, not %d", COLUMNS_MOST, count);
    const int failed =
        read_all(&text, channel, err) < 0 ||
        parse(out, (char *)text.data, text.size, channel_name(channel), name, err) < 0;
    bytes_free(&text);
    if (failed)
        columns_free(out);
    return failed ? -1 : 0;
}

void columns_free(struct columns *columns)
{
    for (int i = 0; i < COLUMNS_MOST; i++)
        free(columns->value[i]);
    memset(columns, 0, sizeof *columns);
}
