/* simclr-select -- some rows, or some columns, of a stream: what head, tail, grep and cut are to text.
 * SPDX-License-Identifier: MIT */
#include "formats/bytes.h"
#include "formats/stream.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *names, *columns;
    int64_t skip, limit; /* limit 0: not given */
    bool invert;
} options;

static struct cli_option table[] = {
    {0, "names", "FILE", CLI_TEXT, &options.names, 0, 0, CLI_INCIDENTAL,
        "only rows whose name is one of FILE: one a line, or each with a zero byte behind it",
        false},
    {0, "invert", NULL, CLI_FLAG, &options.invert, 0, 0, CLI_RESULT,
        "only rows whose name is none of them", false},
    {0, "skip", "N", CLI_LONG, &options.skip, 0, 1LL << 53, CLI_RESULT,
        "of what that leaves, leave out the first N rows", false},
    {0, "limit", "N", CLI_LONG, &options.limit, 1, 1LL << 53, CLI_RESULT,
        "of those, only the first N", false},
    {0, "columns", "A,B,...", CLI_TEXT, &options.columns, 0, 0, CLI_RESULT,
        "only these columns, in the order that the stream has them", false},
    CLI_ROW_INPUT, CLI_ROW_OUTPUT, CLI_ROW_LEVEL, CLI_ROWS_END};

static struct cli_tool tool = {"simclr-select", "[FILE]", 0, 1,
    "Pass on some rows, or some columns, of a stream.", table, NULL};

/* ---- names ---------------------------------------------------------------------------------- */

struct name {
    const char *text;
    size_t size;
};

static struct {
    struct bytes text;
    struct name *name; /* [count], sorted */
    size_t count;
} names;

static int by_bytes(const void *a, const void *b)
{
    const struct name *const x = a, *const y = b;
    const size_t size = x->size < y->size ? x->size : y->size;
    const int order = size == 0 ? 0 : memcmp(x->text, y->text, size);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static void read_text(const char *path, struct err *err)
{
    ssize_t got = 1;
    struct channel *const in = channel_open(strcmp(path, "-") == 0 ? NULL : path, err);
    while (in != NULL && got > 0) {
        unsigned char *const room = bytes_room(&names.text, 1 << 16, err);
        got = room == NULL ? -1 : channel_read(in, room, 1 << 16, err);
        names.text.size += got > 0 ? (size_t)got : 0;
    }
    if (in == NULL || got < 0 || channel_finish(in, err) < 0)
        die_err(err);
}

/* Lines, unless there is a zero byte: then each of these is an end. */
static void read_names(const char *path)
{
    struct err err = {0};
    size_t room = 0;
    read_text(path, &err);
    const char *at = (const char *)names.text.data, *const end = at + names.text.size;
    const char last = names.text.size > 0 && memchr(at, '\0', names.text.size) ? '\0' : '\n';
    while (at != end) {
        const char *const stop = memchr(at, last, (size_t)(end - at));
        const size_t size = (size_t)((stop != NULL ? stop : end) - at);
        if (names.count == room) {
            room = room + room / 2 + 64;
            struct name *const more = realloc(names.name, room * sizeof *more);
            if (more == NULL)
                die(ERR_FAILED, "cannot allocate memory for names");
            names.name = more;
        }
        names.name[names.count++] = (struct name){at, size};
        at += size + (stop != NULL);
    }
    if (names.count > 0)
        qsort(names.name, names.count, sizeof *names.name, by_bytes);
}

static bool is_named(const void *text, size_t size)
{
    const struct name wanted = {text, size};
    return names.count > 0 &&
           bsearch(&wanted, names.name, names.count, sizeof wanted, by_bytes) != NULL;
}

/* ---- columns -------------------------------------------------------------------------------- */

/* Is `name` one of the list "A,B,..."? */
static bool is_listed(const char *list, const char *name)
{
    const size_t size = strlen(name);
    for (;; list++) {
        const size_t item = strcspn(list, ",");
        if (item == size && memcmp(list, name, size) == 0)
            return true;
        list += item;
        if (*list == '\0')
            return false;
    }
}

/* Every one that is asked for must be there. */
static void check_columns(const struct header *in, const char *source)
{
    for (const char *list = options.columns;; list++) {
        const size_t item = strcspn(list, ",");
        int found = 0;
        for (int i = 0; i < in->columns; i++)
            found +=
                strlen(in->column[i].name) == item && memcmp(in->column[i].name, list, item) == 0;
        if (found == 0)
            die(ERR_INPUT, "'%s' has no column '%.*s'", source, (int)(item < 64 ? item : 64), list);
        list += item;
        if (*list == '\0')
            return;
    }
}

/* The pictures are other ones now, in steps of their own. */
static void forget_counts(struct header *header, struct err *err)
{
    json_t *const dataset = header_get(header, "dataset");
    const struct plan none = {0};
    header_set_plan(header, &none, err);
    if (dataset != NULL) {
        json_object_del(dataset, "images");
        json_object_del(dataset, "shard");
        header_set(header, "dataset", dataset, err);
    }
    json_decref(dataset);
}

static struct header *make_header(const struct header *in, const char *source)
{
    struct err err = {0};
    struct header *const out = header_copy(in, &err);
    json_t *const arguments = cli_arguments(&tool);
    if (out == NULL)
        die_err(&err);
    if (options.names != NULL && header_need(in, "name", DTYPE_U8, -1, source, &err) < 0)
        die_err(&err);
    if (options.columns != NULL) {
        check_columns(in, source);
        for (int i = 0; i < in->columns; i++)
            if (!is_listed(options.columns, in->column[i].name))
                header_drop(out, in->column[i].name);
    }
    if (options.names != NULL || options.skip > 0 || options.limit > 0)
        forget_counts(out, &err);
    if (err.status != ERR_NONE ||
        header_provenance(out, tool.name, in->plan.seed, arguments, NULL, &err) < 0)
        die_err(&err);
    json_decref(arguments);
    return out;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct account {
    int64_t seen, named, kept; /* rows; of the whole input */
};

/* The rows of a record that stay: row [record->rows]. */
static int choose(
    int *row, struct account *account, const struct header *header, const struct record *record)
{
    const int name = header_find(header, "name");
    int count = 0;
    for (int i = 0; i < record->rows; i++) {
        const void *text;
        account->seen++;
        if (options.names != NULL) {
            const size_t size = record_row(header, record, name, i, &text);
            if (is_named(text, size) == options.invert)
                continue;
        }
        if (account->named++ < options.skip ||
            (options.limit > 0 && account->kept == options.limit))
            continue;
        account->kept++;
        row[count++] = i;
    }
    return count;
}

/* One stream. Where rows are chosen each record is a step of its own, since a step must be whole. */
static void pass(struct reader *reader, const struct header *in, struct channel *out,
    const char *source, struct account *account)
{
    struct err err = {0};
    struct header *const header = make_header(in, source);
    struct writer *const writer = writer_new(out, cli_common.level, header, &err);
    struct record record = {0}, chosen = {0};
    const bool all = options.names == NULL && options.skip == 0 && options.limit == 0;
    int more = writer == NULL ? -1 : 1, *row = NULL, room = 0;
    int64_t step = 0;
    while (more > 0 && (more = reader_record(reader, &record, &err)) == 1) {
        if (record.rows > room) {
            free(row);
            row = malloc((size_t)(room = record.rows) * sizeof *row);
            if (row == NULL)
                die(ERR_FAILED, "cannot allocate memory for %d rows", room);
        }
        const int count = choose(row, account, in, &record);
        progress_update(account->seen, NULL);
        if (count == 0)
            continue;
        if (record_select(&chosen, header, &record, in, row, count, &err) < 0)
            die_err(&err);
        if (!all) {
            chosen.step = step++;
            chosen.part = 0;
            chosen.parts = 1;
        }
        more = writer_record(writer, &chosen, &err) < 0 ? -1 : 1;
    }
    if (more < 0 || writer_end(writer, &err) < 0)
        die_err(&err);
    free(row);
    record_free(&record);
    record_free(&chosen);
    writer_free(writer);
    header_free(header);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    const struct header *header;
    struct account account = {0};
    int more;
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : cli_common.input;
    if (options.invert && options.names == NULL)
        die(ERR_MISUSE, "--invert needs --names");
    if (options.names != NULL && strcmp(options.names, "-") == 0 &&
        (operand == NULL || strcmp(operand, "-") == 0))
        die(ERR_MISUSE, "standard input cannot be both --names and the stream");
    if (options.names != NULL)
        read_names(options.names);

    struct channel *const in = cli_open(first < argc ? argv[first] : NULL);
    struct channel *const out = cli_create(cli_common.output);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    progress_start(0, "rows");
    more = reader == NULL ? -1 : 1;
    while (more > 0 && (more = reader_header(reader, &header, &err)) == 1)
        pass(reader, header, out, channel_name(in), &account);
    if (more < 0)
        die_err(&err);
    progress_clear();
    if (cli_common.verbose)
        warn("%" PRId64 " of %" PRId64 " rows", account.kept, account.seen);
    reader_free(reader);
    cli_finish(in);
    cli_finish(out);
    free(names.name);
    bytes_free(&names.text);
    return 0;
}
