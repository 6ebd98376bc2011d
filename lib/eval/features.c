/* features -- a whole stream as one matrix with labels.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/features.h"

#include "lib/base/cpu.h"
#include "lib/base/rng.h"
#include "lib/base/shape.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---------------------------------------------------------------------------------- */

int features_column(
    int *width, const struct header *header, const char *name, const char *source, struct err *err)
{
    static const char *const usual[] = {"h", "z", "pixels"};
    int found = name != NULL ? header_find(header, name) : -1;
    for (size_t i = 0; name == NULL && found < 0 && i < sizeof usual / sizeof *usual; i++)
        found = header_find(header, usual[i]);
    if (found < 0 && name != NULL)
        return err_set(err, ERR_INPUT, "'%s' has no column '%s'", source, name);
    if (found < 0)
        return err_set(err, ERR_INPUT, "'%s' has none of the columns h, z, pixels", source);
    const struct column *const column = &header->column[found];
    if (column->ragged || (column->dtype != DTYPE_F32 && column->dtype != DTYPE_U8))
        return err_set(err, ERR_INPUT, "column '%s' of '%s' is %s%s, not F32 or U8 of one shape",
            column->name, source, column->ragged ? "ragged " : "", dtype_name(column->dtype));
    if (column->varies)
        return err_set(err, ERR_INPUT, "'%s' has '%s' of varying size, which this tool cannot take",
            source, column->name);
    size_t numbers = 1;
    for (int i = 0; i < column->rank; i++)
        numbers = shape_times(numbers, (size_t)column->shape[i]);
    if (numbers == 0 || numbers > INT_MAX / sizeof(float))
        return err_set(err, ERR_INPUT, "column '%s' of '%s' has rows of %s numbers", column->name,
            source, numbers == 0 ? "no" : "too many");
    *width = (int)numbers;
    return found;
}

/* The reader has seen to it that they are strings. */
json_t *features_names(const struct header *header)
{
    json_t *const dataset = header_get(header, "dataset");
    json_t *const names = json_incref(json_object_get(dataset, "class_names"));
    json_decref(dataset);
    return names;
}

int features_open(struct features *out, struct channel *channel, const char *name, struct err *err)
{
    out->source = channel_name(channel);
    out->reader = reader_new(channel, STREAM_RECORD, err);
    if (out->reader == NULL || reader_header(out->reader, &out->header, err) < 0)
        return -1;
    const int column = features_column(&out->width, out->header, name, out->source, err);
    if (column < 0 || header_need(out->header, "label", DTYPE_I64, 0, out->source, err) < 0)
        return -1;
    out->ids = header_find(out->header, "id") >= 0;
    if (out->ids && header_need(out->header, "id", DTYPE_I64, 0, out->source, err) < 0)
        return -1;
    out->names = features_names(out->header);
    out->run = header_get(out->header, "run");
    out->column = strdup(out->header->column[column].name);
    return out->column == NULL ? err_memory(err, "features") : 0;
}

int features_label(int64_t label, int64_t step, int row, const char *source, struct err *err)
{
    if (label >= -1 && label < FEATURES_LABELS)
        return 0;
    return err_set(err, ERR_INPUT,
        "label %lld in '%s' (step %lld, row %d) is not within 0 .. %d, nor -1", (long long)label,
        source, (long long)step, row, FEATURES_LABELS - 1);
}

void *features_larger(void *memory, size_t count, size_t unit, struct err *err)
{
    const size_t bytes = shape_times(count, unit);
    void *const moved = bytes == SIZE_MAX ? NULL : realloc(memory, bytes);
    if (moved == NULL)
        err_memory(err, "features");
    return moved;
}

/* Room for `rows` more, half as much again at a time: memory follows what has arrived. */
static int make_room(struct features *f, bool bytes, int rows, struct err *err)
{
    const size_t wanted = (size_t)f->rows + (size_t)rows, width = (size_t)f->width;
    if (wanted > INT_MAX)
        return err_set(err, ERR_INPUT, "'%s' has more than %d rows", f->source, INT_MAX);
    if (wanted <= f->room)
        return 0;
    const size_t room = wanted + f->room / 2;
    void *const rows_of = features_larger(bytes ? (void *)f->byte : f->value, room,
        shape_times(width, bytes ? 1 : sizeof *f->value), err);
    if (rows_of == NULL)
        return -1;
    if (bytes)
        f->byte = rows_of;
    else
        f->value = rows_of;
    int *const label = features_larger(f->label, room, sizeof *label, err);
    f->label = label != NULL ? label : f->label;
    int64_t *const id = label != NULL ? features_larger(f->id, room, sizeof *id, err) : NULL;
    if (id == NULL)
        return -1;
    f->id = id;
    f->room = room;
    return 0;
}

static int append(struct features *f, const struct record *record, int64_t *seen, struct err *err)
{
    const int column = header_find(f->header, f->column), id = header_find(f->header, "id");
    const bool bytes = f->header->column[column].dtype == DTYPE_U8;
    const int64_t *const label = record->field[header_find(f->header, "label")].data;
    const void *const values = record->field[column].data;
    const char *const data = values;
    const size_t size = f->header->column[column].row_bytes;
    if (!bytes && features_finite(values, record->rows, f->width, record->step, f->source, err) < 0)
        return -1;
    if (make_room(f, bytes, record->rows, err) < 0)
        return -1;
    for (int i = 0; i < record->rows; i++, ++*seen) {
        if (label[i] == -1) {
            f->unlabelled++;
            continue;
        }
        if (features_label(label[i], record->step, i, f->source, err) < 0)
            return -1;
        memcpy((bytes ? (char *)f->byte : (char *)f->value) + size * (size_t)f->rows,
            data + size * (size_t)i, size);
        f->label[f->rows] = (int)label[i];
        f->id[f->rows] = id < 0 ? *seen : ((const int64_t *)record->field[id].data)[i];
        if (f->roster != NULL &&
            roster_take(f->roster, f->header, record, i, f->id[f->rows], err) < 0)
            return -1;
        f->rows++;
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int features_once(const int64_t *ids, int count, const char *place, struct err *err)
{
    const size_t rows = (size_t)count;
    int64_t *const id = malloc(rows * sizeof *id);
    if (id == NULL)
        return err_memory(err, "ids");
    memcpy(id, ids, rows * sizeof *id);
    qsort(id, rows, sizeof *id, by_number);
    size_t i = 1;
    while (i < rows && id[i] != id[i - 1])
        i++;
    const int64_t twin = i < rows ? id[i] : 0;
    free(id);
    if (i >= rows)
        return 0;
    err_set(err, ERR_INPUT, "id %lld occurs more than once in %s", (long long)twin, place);
    return err_hint(err, "one row a picture: no concatenated streams, one view (--recipe eval)");
}

static int refuse_twins(const struct features *f, struct err *err)
{
    char place[300];
    snprintf(place, sizeof place, "training set '%.250s'", f->source);
    return features_once(f->id, f->rows, place, err);
}

int features_read(struct features *f, bool training, struct err *err)
{
    struct record record = {0};
    int64_t seen = 0;
    int more = 1;
    while (more > 0) {
        while ((more = reader_record(f->reader, &record, err)) > 0)
            if (append(f, &record, &seen, err) < 0)
                break;
        more = err->status != ERR_NONE ? -1 : reader_header(f->reader, &f->header, err);
    }
    record_free(&record);
    f->header = NULL;
    if (more < 0)
        return -1;
    if (f->rows == 0)
        return err_set(err, ERR_INPUT, "none of the %lld rows of '%s' has a label",
            (long long)f->unlabelled, f->source);
    return training && f->ids ? refuse_twins(f, err) : 0;
}

void features_free(struct features *f)
{
    free(f->value);
    free(f->byte);
    free(f->label);
    free(f->id);
    free(f->column);
    json_decref(f->names);
    json_decref(f->run);
    reader_free(f->reader);
    *f = (struct features){0};
}

/* ---- checks ----------------------------------------------------------------------------------- */

int features_match(const struct features *test, int width, const json_t *names, const char *source,
    struct err *err)
{
    if (test->width != width)
        return err_set(err, ERR_INPUT, "'%s' has %d features a row, '%s' has %d", source, width,
            test->source, test->width);
    for (size_t i = 0; i < json_array_size(names) && i < json_array_size(test->names); i++) {
        const char *const a = json_string_value(json_array_get(names, i));
        const char *const b = json_string_value(json_array_get(test->names, i));
        if (strcmp(a, b) != 0)
            return err_set(err, ERR_INPUT, "class %zu is '%.80s' in '%s', but '%.80s' in '%s'", i,
                a, source, b, test->source);
    }
    return 0;
}

CPU_CLONES
static bool finite(const float *value, size_t n)
{
    uint32_t top = 0; /* the largest exponent; all ones is infinity or NaN */
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, value + i, sizeof bits);
        bits &= 0x7f800000;
        top = bits > top ? bits : top;
    }
    return top < 0x7f800000;
}

int features_finite(
    const float *value, int rows, int width, int64_t step, const char *source, struct err *err)
{
    const size_t n = (size_t)rows * (size_t)width;
    if (finite(value, n))
        return 0;
    size_t i = 0;
    while (isfinite(value[i]))
        i++;
    return err_set(err, ERR_FAILED, "'%s' has a feature that is %s (step %lld, row %d)", source,
        isnan(value[i]) ? "not a number" : "infinite", (long long)step, (int)(i / (size_t)width));
}

/* ---- draws within classes --------------------------------------------------------------------- */

struct draw {
    uint64_t key;
    int64_t id;
    int label, row;
};

static int by_draw(const void *a, const void *b)
{
    const struct draw *const x = a, *const y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

int features_rank(
    int *rank, const struct features *f, int64_t seed, const char *name, struct err *err)
{
    struct draw *const draw = malloc(((size_t)f->rows + 1) * sizeof *draw);
    if (draw == NULL)
        return err_memory(err, "the draw of rows");
    for (int i = 0; i < f->rows; i++) {
        struct rng rng = rng_key(seed, 0, f->id[i], 0, name);
        const uint64_t high = rng_u32(&rng), low = rng_u32(&rng);
        draw[i] = (struct draw){high << 32 | low, f->id[i], f->label[i], i};
    }
    qsort(draw, (size_t)f->rows, sizeof *draw, by_draw);
    for (int i = 0, first = 0; i < f->rows; i++) {
        if (draw[i].label != draw[first].label)
            first = i;
        rank[draw[i].row] = i - first;
    }
    free(draw);
    return 0;
}

int features_thin(struct features *f, double fraction, int64_t seed, struct err *err)
{
    int *const rank = malloc((size_t)f->rows * sizeof *rank);
    int *const count = calloc(FEATURES_LABELS, sizeof *count);
    int status = rank == NULL || count == NULL ? err_memory(err, "the draw of rows") : 0;
    if (status == 0)
        status = features_rank(rank, f, seed, "fraction", err);
    int kept = 0;
    for (int i = 0; status == 0 && i < f->rows; i++)
        count[f->label[i]]++;
    const size_t size = (size_t)f->width * (f->byte != NULL ? 1 : sizeof(float));
    char *const data = f->byte != NULL ? (char *)f->byte : (char *)f->value;
    for (int i = 0; status == 0 && i < f->rows; i++) {
        const double share = fmax(1, round(fraction * count[f->label[i]]));
        if (rank[i] >= share)
            continue;
        memmove(data + size * (size_t)kept, data + size * (size_t)i, size);
        f->label[kept] = f->label[i];
        f->id[kept++] = f->id[i];
    }
    if (status == 0)
        f->rows = kept;
    free(rank);
    free(count);
    return status;
}

int *features_classes(int *count, int *index, const struct features *f, struct err *err)
{
    int *const place = calloc(FEATURES_LABELS, sizeof *place);
    int *const classes = malloc(FEATURES_LABELS * sizeof *classes);
    if (place == NULL || classes == NULL) {
        free(place);
        free(classes);
        err_memory(err, "classes");
        return NULL;
    }
    for (int i = 0; i < f->rows; i++)
        place[f->label[i]] = 1;
    *count = 0;
    for (int label = 0; label < FEATURES_LABELS; label++) {
        if (place[label] != 0) {
            place[label] = *count;
            classes[(*count)++] = label;
        }
    }
    for (int i = 0; i < f->rows; i++)
        index[i] = place[f->label[i]];
    free(place);
    return classes;
}

int features_count(const struct features *f)
{
    bool seen[FEATURES_LABELS] = {false};
    int count = 0;
    for (int i = 0; i < f->rows; i++) {
        count += !seen[f->label[i]];
        seen[f->label[i]] = true;
    }
    return count;
}

/* ---- rows as floats --------------------------------------------------------------------------- */

CPU_CLONES
void features_scale(float *restrict out, const float *restrict value, const uint8_t *restrict byte,
    int width, const float *restrict shift, const float *restrict scale)
{
    if (value != NULL && shift != NULL)
        for (int d = 0; d < width; d++)
            out[d] = (value[d] - shift[d]) * scale[d];
    else if (value != NULL)
        memcpy(out, value, (size_t)width * sizeof *out);
    else if (shift != NULL)
        for (int d = 0; d < width; d++)
            out[d] = ((float)byte[d] * (1.0f / 255) - shift[d]) * scale[d];
    else
        for (int d = 0; d < width; d++)
            out[d] = (float)byte[d] * (1.0f / 255);
}

void features_block(float *out, const struct features *f, const int *row, int from, int rows,
    const float *shift, const float *scale)
{
    const size_t width = (size_t)f->width;
    for (int i = 0; i < rows; i++) {
        const size_t at = (size_t)(row != NULL ? row[from + i] : from + i) * width;
        features_scale(out + (size_t)i * width, f->value != NULL ? f->value + at : NULL,
            f->byte != NULL ? f->byte + at : NULL, f->width, shift, scale);
    }
}
