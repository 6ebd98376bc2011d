/* prediction -- the filter side of simclr-linprobe.
 * SPDX-License-Identifier: MIT */
#include "tools/prediction.h"

#include "lib/eval/verdict.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prediction {
    const struct classifier *model;
    const struct header *from;
    struct header *to;
    int column, predicted, probability; /* of from; of to, twice */
    struct record out;
    int *label; /* [room] */
    float *share;
    int64_t *wide;
    int room;
};

/* Room for what is added to a record of `rows` rows. */
static int make_room(struct prediction *p, int rows, struct err *err)
{
    if (rows <= p->room)
        return 0;
    free(p->label);
    free(p->share);
    free(p->wide);
    p->label = malloc((size_t)rows * sizeof *p->label);
    p->share = malloc((size_t)rows * sizeof *p->share);
    p->wide = malloc((size_t)rows * sizeof *p->wide);
    p->room = p->label && p->share && p->wide ? rows : 0;
    return p->room > 0 ? 0 : err_memory(err, "predictions");
}

/* Classes and their probabilities: p->label, p->share. */
static int classify(struct prediction *p, const struct record *in, const char *source,
    struct parallel *parallel, struct err *err)
{
    const bool bytes = p->from->column[p->column].dtype == DTYPE_U8;
    void *const data = in->field[p->column].data;
    const struct features view = {.rows = in->rows,
        .width = p->model->width,
        .value = bytes ? NULL : data,
        .byte = bytes ? data : NULL};
    if (!bytes && features_finite(data, in->rows, view.width, in->step, source, err) < 0)
        return -1;
    return make_room(p, in->rows, err) < 0 ||
                   classifier_score(NULL, p->label, p->share, p->model, &view, parallel, err) < 0
               ? -1
               : 0;
}

static int predict(struct prediction *p, const struct record *in, const char *source,
    struct parallel *parallel, struct err *err)
{
    if (classify(p, in, source, parallel, err) < 0 ||
        record_select(&p->out, p->to, in, p->from, NULL, in->rows, err) < 0)
        return -1;
    for (int i = 0; i < in->rows; i++)
        p->wide[i] = p->label[i];
    p->out.field[p->predicted].data = p->wide;
    p->out.field[p->probability].data = p->share;
    return 0;
}

static int find_column(struct prediction *p, const struct header *from, const char *column,
    const char *source, struct err *err)
{
    int width;
    p->from = from;
    p->column = features_column(&width, from, column, source, err);
    if (p->column < 0)
        return -1;
    if (width != p->model->width)
        return err_set(err, ERR_INPUT, "'%s' has %d features a row, the classifier takes %d",
            source, width, p->model->width);
    return 0;
}

/* The header of the output: two columns more. */
static int make_header(struct prediction *p, const struct header *from, const char *column,
    const char *source, const struct cli_tool *tool, struct err *err)
{
    if (find_column(p, from, column, source, err) < 0)
        return -1;
    header_free(p->to);
    p->to = header_copy(from, err);
    if (p->to == NULL)
        return -1;
    char digest[65];
    classifier_digest(digest, p->model);
    json_t *const arguments = cli_arguments(tool);
    static const char *const fitting[] = {
        "solver", "learning-rate", "hold-out", "fraction", "seed"};
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
        json_object_del(arguments, fitting[i]);
    const int status = header_add(p->to, "predicted", DTYPE_I64, 0, NULL, err) < 0 ||
                               header_add(p->to, "probability", DTYPE_F32, 0, NULL, err) < 0 ||
                               header_provenance(p->to, tool->name, 0, arguments, digest, err) < 0
                           ? -1
                           : 0;
    json_decref(arguments);
    p->predicted = header_find(p->to, "predicted");
    p->probability = header_find(p->to, "probability");
    return status;
}

void prediction_run(struct channel *out, struct channel *in, const struct classifier *model,
    const char *column, const struct cli_tool *tool, struct parallel *parallel)
{
    struct err err = {0};
    struct prediction p = {.model = model};
    struct record record = {0};
    const struct header *header;
    const char *const source = channel_name(in);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    int more = reader == NULL ? -1 : 1, got;
    int64_t rows = 0;
    progress_start(0, "rows");
    while (more > 0 && (more = reader_header(reader, &header, &err)) == 1) {
        struct writer *writer = NULL;
        more = make_header(&p, header, column ? column : model->column, source, tool, &err);
        if (more < 0 || (writer = writer_new(out, cli_common.level, p.to, &err)) == NULL)
            break;
        while ((got = reader_record(reader, &record, &err)) == 1) {
            if (predict(&p, &record, source, parallel, &err) < 0 ||
                writer_record(writer, &p.out, &err) < 0)
                break;
            progress_update(rows += record.rows, NULL);
        }
        more = got == 0 && writer_end(writer, &err) == 0 ? 1 : -1;
        writer_free(writer);
    }
    if (err.status != ERR_NONE)
        die_err(&err);
    progress_end(rows);
    record_free(&p.out);
    record_free(&record);
    header_free(p.to);
    free(p.label);
    free(p.share);
    free(p.wide);
    reader_free(reader);
}

/* ---- as text ---------------------------------------------------------------------------------- */

/* The lines of one record, in one write. */
static int write_lines(struct channel *out, struct prediction *p, struct roster *roster,
    const struct record *in, int64_t first, struct err *err)
{
    const int id = header_find(p->from, "id"), label = header_find(p->from, "label");
    char *text = NULL;
    size_t size = 0;
    FILE *const lines = open_memstream(&text, &size);
    int status = lines == NULL ? err_memory(err, "predictions") : 0;
    roster_clear(roster);
    for (int i = 0; i < in->rows && status == 0; i++) {
        const int64_t own = id < 0 ? first + i : ((const int64_t *)in->field[id].data)[i];
        status = roster_take(roster, p->from, in, i, own, err);
        if (status == 0)
            verdict_line(lines, roster, i,
                label < 0 ? -1 : ((const int64_t *)in->field[label].data)[i], p->label[i],
                p->share[i]);
    }
    const bool lost = lines != NULL && ferror(lines);
    if (lines != NULL && (fclose(lines) != 0 || lost))
        status = err_memory(err, "predictions");
    if (status == 0)
        status = channel_write(out, text, size, err);
    free(text);
    return status;
}

static int check_columns(const struct header *from, const char *source, struct err *err)
{
    static const char *const numbers[] = {"id", "label"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (header_find(from, numbers[i]) >= 0 &&
            header_need(from, numbers[i], DTYPE_I64, 0, source, err) < 0)
            return -1;
    return 0;
}

void prediction_table(struct channel *out, struct channel *in, const struct classifier *model,
    const char *column, struct parallel *parallel)
{
    struct err err = {0};
    struct prediction p = {.model = model};
    struct record record = {0};
    struct roster roster = {0};
    const struct header *header;
    const char *const source = channel_name(in);
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    int64_t rows = 0;
    bool begun = false;
    progress_start(0, "rows");
    while (reader != NULL && err.status == ERR_NONE && reader_header(reader, &header, &err) == 1) {
        if (find_column(&p, header, column ? column : model->column, source, &err) < 0 ||
            check_columns(header, source, &err) < 0 ||
            (!begun && channel_write(out, VERDICT_HEADING, strlen(VERDICT_HEADING), &err) < 0))
            break;
        begun = true;
        while (reader_record(reader, &record, &err) == 1) {
            if (classify(&p, &record, source, parallel, &err) < 0 ||
                write_lines(out, &p, &roster, &record, rows, &err) < 0)
                break;
            progress_update(rows += record.rows, NULL);
        }
    }
    if (err.status != ERR_NONE)
        die_err(&err);
    progress_end(rows);
    roster_free(&roster);
    record_free(&record);
    free(p.label);
    free(p.share);
    free(p.wide);
    reader_free(reader);
}
