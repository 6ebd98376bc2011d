/* header -- what a stream says of itself: kind, columns, plan, provenance.
 *
 * The metadata is kept as the strings that came, so what this version does not know goes through
 * unchanged; only `kind` and `columns` are taken out, and made again when the header is written.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "lib/base/shape.h"
#include "lib/base/version.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 64,
    COLUMNS_MAX = 256,
    DUMP = JSON_COMPACT | JSON_ENCODE_ANY,
    LOAD = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY
};

/* ---- life -------------------------------------------------------------------------------------
 */

struct header *header_new(const char *kind, struct err *err)
{
    struct header *h = calloc(1, sizeof *h);
    if (h != NULL)
        h->metadata = json_object();
    if (h == NULL || h->metadata == NULL || header_set_kind(h, kind, err) < 0) {
        header_free(h);
        err_memory(err, "a header");
        return NULL;
    }
    return h;
}

struct header *header_copy(const struct header *header, struct err *err)
{
    struct header *copy = header_new(header->kind, err);
    if (copy == NULL)
        return NULL;
    int failed = json_object_update(copy->metadata, header->metadata); /* strings: never changed */
    for (int i = 0; i < header->columns && !failed; i++) {
        const struct column *const c = &header->column[i];
        failed = header_add(copy, c->name, c->dtype, c->ragged ? -1 : c->rank, c->shape, err);
    }
    if (failed) {
        header_free(copy);
        err_memory(err, "a header");
        return NULL;
    }
    copy->plan = header->plan;
    copy->sizes = header->sizes;
    memcpy(copy->size, header->size, sizeof copy->size);
    return copy;
}

static void free_column(struct column *column)
{
    free(column->name);
    free(column->offsets_name);
}

void header_free(struct header *header)
{
    if (header == NULL)
        return;
    for (int i = 0; i < header->columns; i++)
        free_column(&header->column[i]);
    free(header->column);
    free(header->kind);
    json_decref(header->metadata);
    free(header);
}

int header_set_kind(struct header *header, const char *kind, struct err *err)
{
    char *const copy = strdup(kind);
    if (copy == NULL)
        return err_memory(err, "a header");
    free(header->kind);
    header->kind = copy;
    return 0;
}

/* ---- columns ----------------------------------------------------------------------------------
 */

/* Letters, digits, '_' and '-': the dot is for NAME.offsets. */
static bool name_fits(const char *name)
{
    const size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX_BYTES &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
               length;
}

int header_find(const struct header *header, const char *name)
{
    for (int i = 0; i < header->columns; i++)
        if (strcmp(header->column[i].name, name) == 0)
            return i;
    return -1;
}

int header_add(struct header *header, const char *name, enum dtype dtype, int rank,
    const int *shape, struct err *err)
{
    if (!name_fits(name))
        return err_set(err, ERR_INPUT, "'%.100s' cannot be the name of a column", name);
    if (header_find(header, name) >= 0)
        return err_set(err, ERR_INPUT, "there is a column '%s' already", name);
    if (header->columns == COLUMNS_MAX)
        return err_set(err, ERR_INPUT, "more than %d columns", COLUMNS_MAX);
    if (rank >= SAFETENSORS_DIMENSIONS || (rank < 0 && dtype != DTYPE_U8))
        return err_set(err, ERR_INPUT, "column '%s' has an impossible shape", name);
    struct column c = {.dtype = dtype, .ragged = rank < 0, .rank = rank < 0 ? 0 : rank};
    c.row_bytes = c.ragged ? 0 : dtype_size(dtype);
    for (int i = 0; i < c.rank; i++) {
        const bool varies = shape[i] == STREAM_VARIES && c.rank > 1;
        if (shape[i] < 1 && !varies)
            return err_set(err, ERR_INPUT, "column '%s' has an extent of %d", name, shape[i]);
        c.shape[i] = shape[i];
        c.varies = c.varies || varies;
        c.row_bytes = shape_times(c.row_bytes, varies ? 1 : (size_t)shape[i]);
    }
    if (c.row_bytes > SIZE_MAX / 4)
        return err_set(err, ERR_INPUT, "a row of column '%s' is too large", name);
    if (c.varies)
        c.row_bytes = 0;

    struct column *const more =
        realloc(header->column, (size_t)(header->columns + 1) * sizeof *more);
    if (more != NULL)
        header->column = more;
    const size_t room = strlen(name) + sizeof ".offsets";
    c.name = strdup(name);
    c.offsets_name = c.ragged ? malloc(room) : NULL;
    if (more == NULL || c.name == NULL || (c.ragged && c.offsets_name == NULL)) {
        free_column(&c);
        return err_memory(err, "a column");
    }
    if (c.ragged)
        snprintf(c.offsets_name, room, "%s.offsets", name);
    header->column[header->columns++] = c;
    return 0;
}

int header_drop(struct header *header, const char *name)
{
    const int i = header_find(header, name);
    if (i < 0)
        return -1;
    free_column(&header->column[i]);
    header->columns--;
    memmove(&header->column[i], &header->column[i + 1],
        (size_t)(header->columns - i) * sizeof *header->column);
    return 0;
}

bool header_same_column(const struct column *a, const struct column *b)
{
    return strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->ragged == b->ragged &&
           a->rank == b->rank &&
           memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

/* "F32 [512]", "U8 [ragged]", "U8 [?,?,3]"; for messages. */
static void describe(char *out, size_t size, const struct column *c)
{
    int n = snprintf(out, size, "%s [%s", dtype_name(c->dtype), c->ragged ? "ragged" : "");
    for (int i = 0; i < c->rank; i++) {
        const char *const comma = i > 0 ? "," : "";
        if (c->shape[i] == STREAM_VARIES)
            n += snprintf(out + n, size - (size_t)n, "%s?", comma);
        else
            n += snprintf(out + n, size - (size_t)n, "%s%d", comma, c->shape[i]);
    }
    snprintf(out + n, size - (size_t)n, "]");
}

int header_need_varying(const struct header *header, const char *name, enum dtype dtype, int rank,
    const char *source, struct err *err)
{
    const int i = header_find(header, name);
    if (i < 0)
        return err_set(err, ERR_INPUT, "'%s' has no column '%s': it is a stream of %s", source,
            name, header->kind);
    const struct column *const c = &header->column[i];
    if (c->dtype == dtype && c->ragged == (rank < 0) && (c->ragged || c->rank == rank))
        return i;
    char has[160], want[40];
    describe(has, sizeof has, c);
    if (rank < 0)
        snprintf(want, sizeof want, "ragged");
    else
        snprintf(want, sizeof want, "of %d dimensions a row", rank);
    return err_set(err, ERR_INPUT, "column '%s' of '%s' is %s, not %s %s", name, source, has,
        dtype_name(dtype), want);
}

int header_need(const struct header *header, const char *name, enum dtype dtype, int rank,
    const char *source, struct err *err)
{
    const int i = header_need_varying(header, name, dtype, rank, source, err);
    if (i >= 0 && header->column[i].varies)
        return err_set(err, ERR_INPUT, "'%s' has '%s' of varying size, which this tool cannot take",
            source, name);
    return i;
}

/* ---- metadata ---------------------------------------------------------------------------------
 */

json_t *header_get(const struct header *header, const char *key)
{
    const char *const text = json_string_value(json_object_get(header->metadata, key));
    return text == NULL ? NULL : json_loads(text, LOAD, NULL);
}

int header_set(struct header *header, const char *key, const json_t *value, struct err *err)
{
    char *const text = json_dumps(value, DUMP);
    const int failed =
        text == NULL || json_object_set_new(header->metadata, key, json_string(text)) < 0;
    free(text);
    return failed ? err_memory(err, "a header") : 0;
}

int header_set_plan(struct header *header, const struct plan *plan, struct err *err)
{
    json_t *old = header_get(header, "plan"); /* members of later versions stay */
    if (!json_is_object(old)) {
        json_decref(old);
        old = json_object();
    }
    json_t *const new = json_pack("{s:i, s:i, s:i, s:I, s:I, s:I}", "batch", plan->batch, "views",
        plan->views, "epochs", plan->epochs, "steps", (json_int_t)plan->steps, "steps_per_epoch",
        (json_int_t)plan->steps_per_epoch, "seed", (json_int_t)plan->seed);
    int failed = 0;
    if (plan->steps == 0)
        json_object_del(header->metadata, "plan");
    else if (old == NULL || new == NULL || json_object_update(old, new) < 0)
        failed = err_memory(err, "a plan");
    else
        failed = header_set(header, "plan", old, err);
    json_decref(old);
    json_decref(new);
    if (!failed)
        header->plan = *plan;
    return failed;
}

int header_provenance(struct header *header, const char *tool, int64_t seed,
    const json_t *arguments, const char *weights, struct err *err)
{
    json_t *const entry = json_pack("{s:s, s:s, s:I, s:O}", "tool", tool, "version", VERSION_TEXT,
        "seed", (json_int_t)seed, "arguments", arguments);
    char *text = NULL;
    if (entry != NULL &&
        (weights == NULL || json_object_set_new(entry, "weights", json_string(weights)) == 0))
        text = json_dumps(entry, DUMP | JSON_REAL_PRECISION(15));
    json_decref(entry);

    /* Appended as text: what others wrote stays as they wrote it. */
    const char *const run = json_string_value(json_object_get(header->metadata, "run"));
    const char *const close = run != NULL ? strrchr(run, ']') : NULL;
    const char *const open = run != NULL ? strchr(run, '[') : NULL;
    const bool some = close != NULL && open != NULL && strchr(run, '{') != NULL;
    const size_t size = text == NULL ? 0 : strlen(text) + (some ? (size_t)(close - run) : 0) + 4;
    char *const longer = text != NULL ? malloc(size) : NULL;
    if (longer != NULL && some)
        snprintf(longer, size, "%.*s,%s]", (int)(close - run), run, text);
    else if (longer != NULL)
        snprintf(longer, size, "[%s]", text);
    const int failed =
        longer == NULL || json_object_set_new(header->metadata, "run", json_string(longer)) < 0;
    free(longer);
    free(text);
    return failed ? err_memory(err, "provenance") : 0;
}

/* [[H,W],...] */
static int parse_sizes(struct header *h, const json_t *value, struct err *err)
{
    const size_t count = json_array_size(value);
    bool good = count >= 1 && count <= STREAM_SIZES;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *const pair = json_array_get(value, i);
        good = json_array_size(pair) == 2;
        for (size_t d = 0; good && d < 2; d++) {
            const json_int_t n = json_integer_value(json_array_get(pair, d));
            good = n >= 1 && n <= INT_MAX;
            h->size[i][d] = good ? (int)n : 0;
        }
    }
    h->sizes = (int)count;
    return good ? 0
                : err_set(err, ERR_INPUT, "'sizes' is no array of 1 to %d pairs [height,width]",
                      STREAM_SIZES);
}

int header_set_sizes(struct header *header, int sizes, const int (*size)[2], struct err *err)
{
    json_t *const list = json_array();
    for (int i = 0; i < sizes; i++)
        json_array_append_new(list, json_pack("[i,i]", size[i][0], size[i][1]));
    int failed = 0;
    if (sizes == 0)
        json_object_del(header->metadata, "sizes");
    else if (json_array_size(list) != (size_t)sizes)
        failed = err_memory(err, "a header");
    else
        failed = header_set(header, "sizes", list, err) < 0 || parse_sizes(header, list, err) < 0;
    json_decref(list);
    header->sizes = sizes;
    return failed ? -1 : 0;
}

/* ---- the header record ------------------------------------------------------------------------
 */

static int parse_column(struct header *h, const char *name, const json_t *value, struct err *err)
{
    const char *const type = json_string_value(json_object_get(value, "dtype"));
    const json_t *const shape = json_object_get(value, "shape");
    if (type == NULL || !json_is_array(shape))
        return err_set(err, ERR_INPUT, "column '%.64s' has no dtype and shape", name);
    const int dtype = dtype_parse(type);
    if (dtype < 0)
        return err_set(err, ERR_INPUT, "column '%.64s' has the unknown dtype '%.20s'", name, type);
    int rank = (int)json_array_size(shape), extent[SAFETENSORS_DIMENSIONS];
    if (rank >= SAFETENSORS_DIMENSIONS)
        return err_set(err, ERR_INPUT, "column '%.64s' has too many dimensions", name);
    if (rank == 1 && json_is_null(json_array_get(shape, 0)))
        return header_add(h, name, (enum dtype)dtype, -1, NULL, err);
    for (int i = 0; i < rank; i++) {
        const json_t *const e = json_array_get(shape, (size_t)i);
        const json_int_t n = json_integer_value(e);
        const bool varies = json_is_null(e) && rank > 1;
        if (!varies && (!json_is_integer(e) || n < 1 || n > INT_MAX))
            return err_set(err, ERR_INPUT, "column '%.64s' has an impossible extent", name);
        extent[i] = varies ? STREAM_VARIES : (int)n;
    }
    return header_add(h, name, (enum dtype)dtype, rank, extent, err);
}

static int parse_columns(struct header *h, const char *text, struct err *err)
{
    const char *name;
    json_t *value;
    int failed = 0;
    json_t *const columns = json_loads(text, LOAD, NULL);
    if (!json_is_object(columns))
        failed = err_set(err, ERR_INPUT, "'columns' is no JSON object");
    else if (json_object_size(columns) == 0)
        failed = err_set(err, ERR_INPUT, "there are no columns");
    json_object_foreach(columns, name, value)
    {
        if (failed == 0)
            failed = parse_column(h, name, value, err);
    }
    json_decref(columns);
    return failed;
}

/* An integer member in low .. high. */
static int parse_integer(int64_t *out, const json_t *object, const char *what, const char *key,
    int64_t low, int64_t high, struct err *err)
{
    const json_t *const value = json_object_get(object, key);
    if (!json_is_integer(value))
        return err_set(err, ERR_INPUT, "'%s' has no whole number '%s'", what, key);
    *out = json_integer_value(value);
    if (*out < low || *out > high)
        return err_set(err, ERR_INPUT, "'%s' of '%s' cannot be %lld", key, what, (long long)*out);
    return 0;
}

static int parse_plan(struct plan *plan, const json_t *value, struct err *err)
{
    int64_t batch = 0, views = 0, epochs = 0, steps = 0, each = 0, seed = 0;
    if (parse_integer(&batch, value, "plan", "batch", 1, INT_MAX, err) < 0 ||
        (json_object_get(value, "views") != NULL &&
            parse_integer(&views, value, "plan", "views", 0, INT_MAX, err) < 0) ||
        parse_integer(&epochs, value, "plan", "epochs", 1, INT_MAX, err) < 0 ||
        parse_integer(&steps, value, "plan", "steps", 1, INT64_MAX, err) < 0 ||
        parse_integer(&each, value, "plan", "steps_per_epoch", 1, INT64_MAX, err) < 0 ||
        parse_integer(&seed, value, "plan", "seed", INT64_MIN, INT64_MAX, err) < 0)
        return -1;
    if (shape_times((size_t)epochs, (size_t)each) != (size_t)steps)
        return err_set(err, ERR_INPUT, "'plan' has %lld steps in %lld epochs of %lld",
            (long long)steps, (long long)epochs, (long long)each);
    *plan = (struct plan){.batch = (int)batch,
        .views = (int)views,
        .epochs = (int)epochs,
        .steps = steps,
        .steps_per_epoch = each,
        .seed = seed};
    return 0;
}

/* [i, n]: piece i of n. */
static int check_shard(const json_t *value, struct err *err)
{
    const json_t *const i = json_array_get(value, 0), *const n = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(i) || !json_is_integer(n) ||
        json_integer_value(i) < 0 || json_integer_value(i) >= json_integer_value(n))
        return err_set(err, ERR_INPUT, "'shard' of 'dataset' is not [i,n] with i below n");
    return 0;
}

static int check_names(const json_t *value, struct err *err)
{
    bool good = json_is_array(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        good = good && json_is_string(json_array_get(value, i));
    return good ? 0 : err_set(err, ERR_INPUT, "'class_names' of 'dataset' is no array of strings");
}

static int check_dataset(const json_t *value, struct err *err)
{
    int64_t count;
    const json_t *const shard = json_object_get(value, "shard");
    const json_t *const names = json_object_get(value, "class_names");
    if (!json_is_object(value))
        return err_set(err, ERR_INPUT, "'dataset' is no JSON object");
    if (json_object_get(value, "images") != NULL &&
        parse_integer(&count, value, "dataset", "images", 0, INT64_MAX, err) < 0)
        return -1;
    if (json_object_get(value, "classes") != NULL &&
        parse_integer(&count, value, "dataset", "classes", 0, INT64_MAX, err) < 0)
        return -1;
    if (names != NULL && check_names(names, err) < 0)
        return -1;
    return shard != NULL ? check_shard(shard, err) : 0;
}

static int check_run(const json_t *value, struct err *err)
{
    size_t i;
    json_t *entry;
    if (!json_is_array(value))
        return err_set(err, ERR_INPUT, "'run' is no JSON array");
    json_array_foreach(value, i, entry)
    {
        if (!json_is_string(json_object_get(entry, "tool")))
            return err_set(err, ERR_INPUT, "entry %zu of 'run' names no tool", i);
    }
    return 0;
}

/* The keys that have a form: `plan`, `sizes`, `dataset`, `run`. */
static int parse_known(struct header *h, const char *key, struct err *err)
{
    if (json_object_get(h->metadata, key) == NULL)
        return 0;
    json_t *const value = header_get(h, key);
    int failed;
    if (value == NULL)
        failed = err_set(err, ERR_INPUT, "'%s' is not JSON", key);
    else if (strcmp(key, "plan") == 0)
        failed = parse_plan(&h->plan, value, err);
    else if (strcmp(key, "sizes") == 0)
        failed = parse_sizes(h, value, err);
    else if (strcmp(key, "dataset") == 0)
        failed = check_dataset(value, err);
    else
        failed = check_run(value, err);
    json_decref(value);
    return failed;
}

struct header *header_parse(const json_t *metadata, struct err *err)
{
    const char *const version = json_string_value(json_object_get(metadata, "tensor_stream"));
    const char *const kind = json_string_value(json_object_get(metadata, "kind"));
    const char *const columns = json_string_value(json_object_get(metadata, "columns"));
    struct header *h = NULL;
    if (version == NULL)
        err_set(err, ERR_INPUT, "it is no header of a tensor stream");
    else if (strcmp(version, STREAM_VERSION) != 0)
        err_set(err, ERR_INPUT, "the stream has version '%.20s', this program reads version %s",
            version, STREAM_VERSION);
    else if (kind == NULL || !name_fits(kind))
        err_set(err, ERR_INPUT, "the header has no kind");
    else if (columns == NULL)
        err_set(err, ERR_INPUT, "the header has no columns");
    else
        h = header_new(kind, err);
    if (h == NULL)
        return NULL;
    if (json_object_update(h->metadata, (json_t *)metadata) < 0)
        err_memory(err, "a header");
    json_object_del(h->metadata, "tensor_stream");
    json_object_del(h->metadata, "kind");
    json_object_del(h->metadata, "columns");
    if (err->status == ERR_NONE && parse_columns(h, columns, err) == 0 &&
        parse_known(h, "plan", err) == 0 && parse_known(h, "sizes", err) == 0 &&
        parse_known(h, "dataset", err) == 0 && parse_known(h, "run", err) == 0)
        return h;
    header_free(h);
    return NULL;
}

static json_t *format_columns(const struct header *header)
{
    json_t *const all = json_object();
    for (int i = 0; i < header->columns; i++) {
        const struct column *const c = &header->column[i];
        json_t *const shape = json_array();
        if (c->ragged)
            json_array_append_new(shape, json_null());
        for (int d = 0; d < c->rank; d++)
            json_array_append_new(
                shape, c->shape[d] == STREAM_VARIES ? json_null() : json_integer(c->shape[d]));
        json_t *const value =
            json_pack("{s:s, s:o}", "dtype", dtype_name(c->dtype), "shape", shape);
        if (value == NULL || json_array_size(shape) != (size_t)(c->ragged ? 1 : c->rank) ||
            json_object_set_new(all, c->name, value) < 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

json_t *header_metadata(const struct header *header, struct err *err)
{
    json_t *const all = json_copy(header->metadata), *const columns = format_columns(header);
    char *const text = columns != NULL ? json_dumps(columns, DUMP) : NULL;
    const int failed = all == NULL || text == NULL ||
                       json_object_set_new(all, "columns", json_string(text)) < 0 ||
                       json_object_set_new(all, "kind", json_string(header->kind)) < 0 ||
                       json_object_set_new(all, "tensor_stream", json_string(STREAM_VERSION)) < 0;
    free(text);
    json_decref(columns);
    if (!failed)
        return all;
    json_decref(all);
    err_memory(err, "a header");
    return NULL;
}
