/* prediction -- the filter side of simclr-linprobe.
 * SPDX-License-Identifier: MIT */
#include "tools/prediction.h"

#include "tools/die.h"
#include "tools/progress.h"

#include <stdlib.h>

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

static int predict(struct prediction *p, const struct record *in, const char *source,
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
    if (make_room(p, in->rows, err) < 0 ||
        classifier_score(NULL, p->label, p->share, p->model, &view, parallel, err) < 0 ||
        record_select(&p->out, p->to, in, p->from, NULL, in->rows, err) < 0)
        return -1;
    for (int i = 0; i < in->rows; i++)
        p->wide[i] = p->label[i];
    p->out.field[p->predicted].data = p->wide;
    p->out.field[p->probability].data = p->share;
    return 0;
}

/* The header of the output: two columns more. */
static int make_header(struct prediction *p, const struct header *from, const char *column,
    const char *source, const struct cli_tool *tool, struct err *err)
{
    int width;
    p->from = from;
    p->column = features_column(&width, from, column, source, err);
    if (p->column < 0)
        return -1;
    if (width != p->model->width)
        return err_set(err, ERR_INPUT, "'%s' has %d features a row, the classifier takes %d",
            source, width, p->model->width);
    header_free(p->to);
    p->to = header_copy(from, err);
    if (p->to == NULL)
        return -1;
    char digest[65];
    classifier_digest(digest, p->model);
    json_t *const arguments = cli_arguments(tool);
    json_object_del(arguments, "fraction"); /* of fitting, not of this */
    json_object_del(arguments, "seed");
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
