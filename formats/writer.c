/* writer -- headers and records to zstd frames: the same bytes for the same content.
 * SPDX-License-Identifier: MIT */
#include "formats/sequence.h"
#include "formats/stream.h"
#include "lib/base/shape.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct writer {
    struct channel *channel;
    const struct header *header;
    ZSTD_CCtx *zstd;
    char *frame; /* the frame being made */
    size_t capacity;
    struct tensor *tensor; /* [2 columns] */
    struct sequence sequence;
    bool ended;
};

/* Compress one piece of the frame; `last` closes it. */
static int compress(
    struct writer *w, size_t *used, const void *data, size_t size, bool last, struct err *err)
{
    ZSTD_inBuffer in = {data, size, 0};
    size_t left;
    do {
        if (w->capacity - *used < ZSTD_CStreamOutSize()) {
            const size_t larger = shape_plus(shape_times(w->capacity, 2), ZSTD_CStreamOutSize());
            char *const more = realloc(w->frame, larger);
            if (more == NULL)
                return err_memory(err, "a record");
            w->frame = more;
            w->capacity = larger;
        }
        ZSTD_outBuffer out = {w->frame, w->capacity, *used};
        left = ZSTD_compressStream2(w->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(
                err, ERR_FAILED, "cannot compress a record: %s", ZSTD_getErrorName(left));
        *used = out.pos;
    } while (in.pos < in.size || (last && left > 0));
    return 0;
}

/* One frame that holds one document, in one write. */
static int write_frame(struct writer *w, const json_t *metadata, int count,
    const struct tensor *tensor, struct err *err)
{
    size_t head, total, used = 0;
    unsigned char *const header = safetensors_header(&head, metadata, count, tensor, err);
    if (header == NULL)
        return -1;
    total = head;
    for (int i = 0; i < count; i++)
        total = shape_plus(total, tensor[i].bytes);
    ZSTD_CCtx_reset(w->zstd, ZSTD_reset_session_only);
    ZSTD_CCtx_setPledgedSrcSize(w->zstd, total);
    int failed = compress(w, &used, header, head, false, err);
    for (int i = 0; i < count && !failed; i++)
        failed = compress(w, &used, tensor[i].data, tensor[i].bytes, false, err);
    /* Closed by a call without data: given data and enough room, zstd would cut blocks otherwise, and
     * the room depends on what was written before. */
    if (!failed)
        failed = compress(w, &used, NULL, 0, true, err);
    free(header);
    return failed ? -1 : channel_write(w->channel, w->frame, used, err);
}

struct writer *writer_new(
    struct channel *channel, int level, const struct header *header, struct err *err)
{
    struct writer *w = calloc(1, sizeof *w);
    json_t *const metadata = header_metadata(header, err);
    if (w != NULL) {
        w->channel = channel;
        w->header = header;
        w->zstd = ZSTD_createCCtx();
        w->tensor = calloc(2 * (size_t)header->columns + 1, sizeof *w->tensor);
    }
    if (w == NULL || w->zstd == NULL || w->tensor == NULL) {
        err_memory(err, "a writer");
    } else if (metadata != NULL) {
        ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
        if (write_frame(w, metadata, 0, NULL, err) == 0) {
            json_decref(metadata);
            return w;
        }
    }
    json_decref(metadata);
    writer_free(w);
    return NULL;
}

/* Wide elements first, so that each tensor lies at a multiple of its element's size; then by name. */
static int compare_widths(const void *a, const void *b)
{
    const struct tensor *const x = a, *const y = b;
    const size_t wide = dtype_size(x->dtype), other = dtype_size(y->dtype);
    if (wide != other)
        return wide > other ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Whoever made the record has said the extents that the header leaves open, and they agree with it. */
static bool shapes_fit(const struct header *header, const struct record *record)
{
    for (int i = 0; i < header->columns; i++) {
        const struct column *const c = &header->column[i];
        const int *const shape = record_shape(header, record, i);
        for (int d = 0; d < c->rank; d++)
            if (shape[d] < 1 || (c->shape[d] != STREAM_VARIES && shape[d] != c->shape[d]))
                return false;
        if (!c->ragged &&
            shape_times(record_row_bytes(header, record, i), (size_t)record->rows) > SIZE_MAX / 4)
            return false;
    }
    return true;
}

int writer_record(struct writer *writer, const struct record *record, struct err *err)
{
    struct err why = {0};
    if (writer->ended || sequence_next(&writer->sequence, record, &why) < 0)
        return err_set(err, ERR_FAILED, "cannot write '%s': %s", channel_name(writer->channel),
            writer->ended ? "the stream has ended" : why.text);
    if (!shapes_fit(writer->header, record))
        return err_set(err, ERR_FAILED, "cannot write '%s': a record of step %lld has no shape",
            channel_name(writer->channel), (long long)record->step);
    const int count = record_tensors(writer->header, record, writer->tensor);
    qsort(writer->tensor, (size_t)count, sizeof *writer->tensor, compare_widths);
    json_t *const metadata =
        json_pack("{s:o, s:o, s:o, s:o}", "step", json_sprintf("%lld", (long long)record->step),
            "epoch", json_sprintf("%lld", (long long)record->epoch), "part",
            json_sprintf("%d", record->part), "parts", json_sprintf("%d", record->parts));
    if (metadata == NULL)
        return err_memory(err, "a record");
    const int failed = write_frame(writer, metadata, count, writer->tensor, err);
    json_decref(metadata);
    return failed;
}

int writer_end(struct writer *writer, struct err *err)
{
    struct err why = {0};
    if (writer->ended || sequence_end(&writer->sequence, &why) < 0)
        return err_set(err, ERR_FAILED, "cannot end '%s': %s", channel_name(writer->channel),
            writer->ended ? "the stream has ended" : why.text);
    json_t *const metadata = json_pack("{s:s, s:o, s:o}", "end", "1", "records",
        json_sprintf("%lld", (long long)writer->sequence.records), "rows",
        json_sprintf("%lld", (long long)writer->sequence.rows));
    if (metadata == NULL)
        return err_memory(err, "a record");
    const int failed = write_frame(writer, metadata, 0, NULL, err);
    json_decref(metadata);
    writer->ended = failed == 0;
    return failed;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    ZSTD_freeCCtx(writer->zstd);
    free(writer->frame);
    free(writer->tensor);
    free(writer);
}
