/* listing -- the lists of simclr-knn: neighbours, copies, outliers.
 * SPDX-License-Identifier: MIT */
#include "tools/listing.h"

#include "lib/eval/collection.h"
#include "lib/eval/groups.h"
#include "lib/eval/search.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *room(size_t count, size_t unit)
{
    void *const memory = calloc(count, unit);
    if (memory == NULL)
        die(ERR_FAILED, "cannot allocate memory for %zu x %zu bytes", count, unit);
    return memory;
}

/* ---- the table -------------------------------------------------------------------------------- */

struct table {
    struct channel *out;
    bool null;
    size_t used;
    char text[1 << 16];
};

static void table_flush(struct table *table)
{
    struct err err = {0};
    if (table->used > 0 && channel_write(table->out, table->text, table->used, &err) < 0)
        die_err(&err);
    table->used = 0;
}

static void table_bytes(struct table *table, const char *text, size_t left)
{
    while (left > 0) {
        const size_t room = sizeof table->text - table->used;
        const size_t piece = left < room ? left : room;
        memcpy(table->text + table->used, text, piece);
        table->used += piece;
        text += piece;
        left -= piece;
        if (table->used == sizeof table->text)
            table_flush(table);
    }
}

/* A field, and `end` behind it or a zero byte. */
static void table_put(struct table *table, const char *text, char end)
{
    table_bytes(table, text, strlen(text));
    table_bytes(table, table->null ? "" : &end, 1);
}

/* `a` and a cosine; between them `b`, unless NULL. */
static void table_line(struct table *table, const char *a, const char *b, double cosine)
{
    char number[40];
    /* what rounds to zero has no sign */
    snprintf(number, sizeof number, "%.6f", fabs(cosine) < 5e-7 ? 0 : cosine);
    table_put(table, a, '\t');
    if (b != NULL)
        table_put(table, b, '\t');
    table_put(table, number, '\n');
}

static struct table *table_new(const char *head, const struct listing *l)
{
    struct err err = {0};
    struct table *const table = room(1, sizeof *table);
    table->out = channel_create(cli_common.output, &err);
    if (table->out == NULL)
        die_err(&err);
    die_unlink(channel_part(table->out));
    table->null = l->null;
    if (!l->null)
        table_bytes(table, head, strlen(head));
    return table;
}

static void table_finish(struct table *table)
{
    table_flush(table);
    cli_finish(table->out);
    free(table);
}

/* ---- what they share -------------------------------------------------------------------------- */

static void open_rows(
    struct collection *rows, struct channel *channel, const char *column, bool raw)
{
    struct err err = {0};
    rows->raw = raw;
    if (collection_open(rows, channel, column, &err) < 0)
        die_err(&err);
}

static void keep_rows(struct collection *rows)
{
    struct err err = {0};
    if (collection_keep(rows, &err) < 0)
        die_err(&err);
}

/* A whole collection whose rows are compared with each other. */
static void read_all(struct collection *rows, struct channel *channel, const struct listing *l)
{
    struct err err = {0};
    open_rows(rows, channel, l->column, l->null);
    keep_rows(rows);
    if (collection_once(rows, &err) < 0)
        die_err(&err);
    progress_start(rows->rows, "rows");
}

static void note_few(const struct collection *rows, int others, int neighbors)
{
    if (neighbors > others && !cli_common.quiet)
        warn("'%s' has %d rows to be neighbours, not %d: all of them are", rows->source, others,
            neighbors);
}

static struct search *new_search(
    const struct collection *queries, const struct listing *l, int neighbors, bool self)
{
    struct err err = {0};
    struct search *const search = search_new(
        queries->unit, queries->rows, queries->width, neighbors, self, l->parallel, &err);
    if (search == NULL)
        die_err(&err);
    return search;
}

/* Every row against all others. */
static struct search *search_self(const struct collection *rows, const struct listing *l)
{
    const int others = rows->rows - 1;
    const int neighbors = l->neighbors < others ? l->neighbors : others > 0 ? others : 1;
    note_few(rows, others, l->neighbors);
    struct search *const search = new_search(rows, l, neighbors, true);
    for (int from = 0; from < rows->rows; from += SEARCH_ROWS) {
        const int left = rows->rows - from;
        progress_update(from, NULL);
        search_offer(search, rows->unit + (size_t)from * (size_t)rows->width, rows->id, from,
            left < SEARCH_ROWS ? left : SEARCH_ROWS, NULL);
    }
    progress_end(rows->rows);
    return search;
}

/* Lines of a query and its neighbours, as far as they are near enough; how many there were. */
static int list(struct table *table, struct search *search, const struct collection *queries,
    const struct collection *rows, int query, double least)
{
    int count, i = 0;
    const struct candidate *const found = search_found(&count, search, rows->id, query);
    for (; i < count && found[i].similarity >= least; i++)
        table_line(table, collection_name(queries, query), collection_name(rows, found[i].row),
            (double)found[i].similarity);
    return i;
}

/* ---- the lists -------------------------------------------------------------------------------- */

void listing_neighbours(struct channel *collection, const struct listing *l)
{
    struct collection rows = {0};
    read_all(&rows, collection, l);
    struct search *const search = search_self(&rows, l);
    struct table *const table = table_new("query\tneighbour\tcosine\n", l);
    for (int i = 0; i < rows.rows; i++)
        list(table, search, &rows, &rows, i, -INFINITY);
    table_finish(table);
    search_free(search);
    collection_free(&rows);
}

/* Rows of length 1, taken from the records of a collection, however these are cut. */
struct stage {
    struct collection *rows;
    float *unit; /* [SEARCH_ROWS,D] */
    int held;    /* rows that are here */
    int got,
        taken; /* rows of the record that was read last, and those of them that went to a stage */
    bool ended;
    struct err err;
};

/* Fill the stage; it is not full only at the end, or after an error. */
static void fill(void *context)
{
    struct stage *const s = context;
    const size_t width = (size_t)s->rows->width;
    for (s->held = 0; s->held < SEARCH_ROWS && !s->ended;) {
        if (s->taken == s->got) {
            s->taken = 0;
            s->got = collection_next(s->rows, &s->err);
            s->ended = s->got <= 0;
            continue;
        }
        const int left = s->got - s->taken, room = SEARCH_ROWS - s->held;
        const int take = left < room ? left : room;
        collection_unit(s->unit + (size_t)s->held * width, s->rows, s->taken, take);
        s->held += take;
        s->taken += take;
    }
}

/* The ids of the rows up to row `rows`: the collection moves its own while others look at these. */
static int64_t *copy_ids(int64_t *id, int *room, const struct collection *from, int known, int rows)
{
    if (rows > *room) {
        *room = rows + rows / 2;
        id = realloc(id, (size_t)*room * sizeof *id);
        if (id == NULL)
            die(ERR_FAILED, "cannot allocate memory for the ids of %d rows", *room);
    }
    memcpy(id + known, from->id + known, (size_t)(rows - known) * sizeof *id);
    return id;
}

/* The rows of `rows` pass by `search`, many at a time: while some are compared the next are read. */
static void pass(struct search *search, struct collection *rows)
{
    struct err err = {0};
    const size_t size = SEARCH_ROWS * (size_t)rows->width;
    float *const unit[2] = {room(size, sizeof(float)), room(size, sizeof(float))};
    struct stage stage = {.rows = rows, .unit = unit[0]};
    const struct search_aside next = {fill, &stage};
    int64_t *id = NULL;
    int ids = 0, from = 0;
    progress_start(0, "rows");
    fill(&stage);
    for (int turn = 1; stage.err.status == ERR_NONE && stage.held > 0; turn = 1 - turn) {
        const int held = stage.held;
        const float *const offer = stage.unit;
        id = copy_ids(id, &ids, rows, from, from + held);
        stage.unit = unit[turn];
        search_offer(search, offer, id, from, held, &next);
        from += held;
        progress_update(from, NULL);
    }
    if (stage.err.status != ERR_NONE)
        die_err(&stage.err);
    if (collection_once(rows, &err) < 0)
        die_err(&err);
    progress_end(rows->rows);
    free(unit[0]);
    free(unit[1]);
    free(id);
}

static void find(const char *head, struct channel *query_in, struct channel *rows_in,
    const struct listing *l, double least)
{
    struct collection queries = {0}, rows = {0};
    open_rows(&rows, rows_in, l->column, l->null);
    open_rows(&queries, query_in, rows.column, l->null);
    if (queries.width != rows.width)
        die(ERR_INPUT, "'%s' has %d features a row, '%s' has %d", rows.source, rows.width,
            queries.source, queries.width);
    keep_rows(&queries);
    struct search *const search = new_search(&queries, l, l->neighbors, false);
    pass(search, &rows);
    if (least < 0)
        note_few(&rows, rows.rows, l->neighbors);
    struct table *const table = table_new(head, l);
    int hits = 0;
    for (int i = 0; i < queries.rows; i++)
        hits += list(table, search, &queries, &rows, i, least) > 0;
    table_finish(table);
    if (least >= 0 && cli_common.verbose)
        warn("%d of %d rows of '%s' have a copy in '%s'", hits, queries.rows, queries.source,
            rows.source);
    search_free(search);
    collection_free(&queries);
    collection_free(&rows);
}

void listing_queries(struct channel *queries, struct channel *collection, const struct listing *l)
{
    find("query\tneighbour\tcosine\n", queries, collection, l, -INFINITY);
}

void listing_leaks(struct channel *test, struct channel *train, const struct listing *l)
{
    find("test\ttrain\tcosine\n", test, train, l, (float)l->threshold - GROUPS_SLACK);
}

/* Rows of one group stand together, and those of a lower id first; groups by their first row. */
struct member {
    int64_t first, id; /* the lowest id of the group; that of the row */
    int group, row;
};

static int by_group(const void *a, const void *b)
{
    const struct member *const x = a, *const y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Those rows that are not alone: [*count]. */
static struct member *members(
    int *count, const int *group, const float *nearest, const struct collection *rows)
{
    struct member *const member = room((size_t)rows->rows, sizeof *member);
    int64_t *const first = room((size_t)rows->rows, sizeof *first);
    for (int i = 0; i < rows->rows; i++)
        first[group[i]] =
            group[i] == i || rows->id[i] < first[group[i]] ? rows->id[i] : first[group[i]];
    *count = 0;
    for (int i = 0; i < rows->rows; i++)
        if (nearest[i] > 0)
            member[(*count)++] = (struct member){first[group[i]], rows->id[i], group[i], i};
    free(first);
    qsort(member, (size_t)*count, sizeof *member, by_group);
    return member;
}

static void progress(int64_t done)
{
    progress_update(done, NULL);
}

void listing_duplicates(struct channel *collection, const struct listing *l)
{
    struct err err = {0};
    struct collection rows = {0};
    int count, groups = 0;
    read_all(&rows, collection, l);
    int *const group = room((size_t)rows.rows, sizeof *group);
    float *const nearest = room((size_t)rows.rows, sizeof *nearest);
    if (groups_find(group, nearest, rows.unit, rows.rows, rows.width, l->threshold, progress,
            l->parallel, &err) < 0)
        die_err(&err);
    progress_end(rows.rows);
    struct member *const member = members(&count, group, nearest, &rows);
    struct table *const table = table_new("group\tpicture\tcosine\n", l);
    for (int i = 0; i < count; i++) {
        char number[24];
        groups += i == 0 || member[i].group != member[i - 1].group;
        snprintf(number, sizeof number, "%d", groups);
        table_line(
            table, number, collection_name(&rows, member[i].row), (double)nearest[member[i].row]);
    }
    table_finish(table);
    if (cli_common.verbose)
        warn("%d groups of %d rows in all, of the %d of '%s'", groups, count, rows.rows,
            rows.source);
    free(member);
    free(group);
    free(nearest);
    collection_free(&rows);
}

struct outlier {
    double cosine;
    int64_t id;
    int row;
};

static int by_cosine(const void *a, const void *b)
{
    const struct outlier *const x = a, *const y = b;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

void listing_outliers(struct channel *collection, const struct listing *l)
{
    struct collection rows = {0};
    read_all(&rows, collection, l);
    struct search *const search = search_self(&rows, l);
    struct outlier *const outlier = room((size_t)rows.rows, sizeof *outlier);
    for (int i = 0; i < rows.rows; i++) {
        int count;
        double sum = 0;
        const struct candidate *const found = search_found(&count, search, rows.id, i);
        for (int n = 0; n < count; n++)
            sum += (double)found[n].similarity;
        outlier[i] = (struct outlier){count > 0 ? sum / count : 0, rows.id[i], i};
    }
    qsort(outlier, (size_t)rows.rows, sizeof *outlier, by_cosine);
    struct table *const table = table_new("picture\tcosine\n", l);
    for (int i = 0; i < rows.rows && i < l->outliers; i++)
        table_line(table, collection_name(&rows, outlier[i].row), NULL, outlier[i].cosine);
    table_finish(table);
    free(outlier);
    search_free(search);
    collection_free(&rows);
}
