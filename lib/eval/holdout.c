/* holdout -- a share of the rows of every class, set aside to measure on.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/holdout.h"

#include "lib/base/shape.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Which rows go: their number, or -1. */
static int choose(
    bool *goes, const struct features *f, double fraction, int64_t seed, struct err *err)
{
    int *const rank = malloc((size_t)f->rows * sizeof *rank);
    int *const count = calloc(FEATURES_LABELS, sizeof *count);
    int rows = 0;
    if (rank == NULL || count == NULL) {
        rows = err_memory(err, "the draw of rows");
    } else if (features_rank(rank, f, seed, "hold out", err) < 0) {
        rows = -1;
    } else {
        for (int i = 0; i < f->rows; i++)
            count[f->label[i]]++;
        for (int i = 0; i < f->rows; i++) {
            const int all = count[f->label[i]];
            goes[i] = rank[i] < fmin(all - 1, round(fraction * all));
            rows += goes[i];
        }
    }
    free(rank);
    free(count);
    return rows;
}

static size_t row_bytes(const struct features *f)
{
    return shape_times((size_t)f->width, f->byte != NULL ? 1 : sizeof(float));
}

static char *row_data(const struct features *f, int row)
{
    char *const data = f->byte != NULL ? (char *)f->byte : (char *)f->value;
    return data + row_bytes(f) * (size_t)row;
}

static int make(struct features *held, const struct features *f, int rows, struct err *err)
{
    const size_t bytes = shape_times(row_bytes(f), (size_t)rows);
    void *const data = bytes < SIZE_MAX ? malloc(bytes) : NULL;
    if (f->byte != NULL)
        held->byte = data;
    else
        held->value = data;
    held->label = malloc((size_t)rows * sizeof *held->label);
    held->id = malloc((size_t)rows * sizeof *held->id);
    held->column = f->column != NULL ? strdup(f->column) : NULL;
    if (data == NULL || held->label == NULL || held->id == NULL ||
        (held->column == NULL) != (f->column == NULL))
        return err_memory(err, "the rows held out");
    held->source = f->source;
    held->width = f->width;
    held->ids = f->ids;
    held->names = json_incref(f->names);
    held->room = (size_t)rows;
    return 0;
}

static void put(struct features *to, int at, const struct features *from, int row)
{
    memmove(row_data(to, at), row_data(from, row), row_bytes(from));
    to->label[at] = from->label[row];
    to->id[at] = from->id[row];
}

int holdout_take(
    struct features *held, struct features *f, double fraction, int64_t seed, struct err *err)
{
    bool *const goes = malloc((size_t)f->rows * sizeof *goes);
    const int rows =
        goes != NULL ? choose(goes, f, fraction, seed, err) : err_memory(err, "the draw of rows");
    int status = rows < 0 ? -1 : 0;
    if (rows == 0)
        status = err_set(err, ERR_INPUT,
            "'%s' has too few labelled rows of a class to hold out a share of %g", f->source,
            fraction);
    if (status == 0)
        status = make(held, f, rows, err);
    int kept = 0;
    for (int i = 0; status == 0 && i < f->rows; i++) {
        if (!goes[i]) {
            put(f, kept++, f, i);
            continue;
        }
        put(held, held->rows++, f, i);
        if (held->roster != NULL && f->roster != NULL) {
            size_t size;
            const char *const name = roster_name(f->roster, i, &size);
            status = roster_add(held->roster, name, size, err);
        }
    }
    if (status == 0)
        f->rows = kept;
    free(goes);
    return status;
}
