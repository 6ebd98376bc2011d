/* reader -- zstd frames from a channel to headers and records; trusts no byte.
 *
 * A frame is decompressed in pieces into a buffer that doubles as content arrives, so a frame that
 * claims gigabytes costs what its bytes are worth. zstd itself takes the window beforehand, which
 * is bounded by STREAM_WINDOW. Frame header: RFC 8878, section 3.1.1.1.
 * SPDX-License-Identifier: MIT */
#include "formats/list.h"
#include "formats/npyhead.h"
#include "formats/picture.h"
#include "formats/sequence.h"
#include "formats/stream.h"
#include "formats/zip.h"
#include "lib/base/shape.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    INPUT = 128 << 10,
    FRAME_HEADER_MAX = 18,
    FIRST_ROOM = 64 << 10 /* for the content of a frame */
};

struct reader {
    struct channel *channel;
    size_t limit;
    ZSTD_DCtx *zstd;
    unsigned char *input; /* [INPUT] */
    size_t from, to;      /* bytes of input not used yet */
    void *scratch;        /* content of a header record */
    size_t scratch_size;
    struct header *header, *first; /* of this stream, and of the first in a concatenation */
    struct tensor *expected;       /* [2 columns], room for record_tensors */
    struct sequence sequence;
    int64_t number; /* records read, headers and ENDs too, for messages */
    bool inside;    /* between a header and its END */
    bool cut;
    struct err broken; /* the first error, given again on every later call */
};

struct reader *reader_new(struct channel *channel, size_t limit, struct err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->channel = channel;
        r->limit = limit;
        r->zstd = ZSTD_createDCtx();
        r->input = malloc(INPUT);
    }
    if (r == NULL || r->zstd == NULL || r->input == NULL) {
        reader_free(r);
        err_memory(err, "a reader");
        return NULL;
    }
    return r;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    ZSTD_freeDCtx(reader->zstd);
    free(reader->input);
    free(reader->scratch);
    free(reader->expected);
    header_free(reader->header);
    header_free(reader->first);
    free(reader);
}

bool reader_cut(const struct reader *reader)
{
    return reader->cut;
}

/* ---- errors -----------------------------------------------------------------------------------
 */

__attribute__((format(printf, 3, 4))) static int bad(
    struct reader *r, struct err *err, const char *format, ...)
{
    char text[400];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return err_set(err, ERR_INPUT, "cannot read record %lld of '%s': %s", (long long)r->number,
        channel_name(r->channel), text);
}

/* What a parser said of the bytes of this record. */
static int blame(struct reader *r, const struct err *why, struct err *err)
{
    return why->status == ERR_INPUT ? bad(r, err, "%s", why->text)
                                    : err_set(err, why->status, "%s", why->text);
}

static int end_of_input(struct reader *r, struct err *err)
{
    r->cut = true;
    return bad(r, err, "the input ends without an end record");
}

/* Remember an error, so that nobody reads on behind damage. */
static int result(struct reader *r, int code, const struct err *err)
{
    if (code < 0)
        r->broken = *err;
    return code;
}

static int still_broken(const struct reader *r, struct err *err)
{
    return r->broken.status == ERR_NONE ? 0 : err_set(err, r->broken.status, "%s", r->broken.text);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

/* Have `want` bytes of input at hand. 1: they are; 0: the input ends before; -1. */
static int have(struct reader *r, size_t want, struct err *err)
{
    if (r->to - r->from >= want)
        return 1;
    memmove(r->input, r->input + r->from, r->to - r->from);
    r->to -= r->from;
    r->from = 0;
    while (r->to < want) {
        const ssize_t got = channel_read(r->channel, r->input + r->to, INPUT - r->to, err);
        if (got <= 0)
            return (int)got;
        r->to += (size_t)got;
    }
    return 1;
}

/* What people give instead of a stream: texts, arrays, archives of arrays, pictures. */
static int no_frame(struct reader *r, struct err *err)
{
    const unsigned char *const p = r->input + r->from;
    const size_t size = r->to - r->from;
    bad(r, err, "there is no zstd frame");
    if (r->number == 0 && picture_kind(p, size) != PICTURE_UNKNOWN)
        return err_hint(err, "simclr-images makes a stream of pictures");
    if (r->number == 0 && (list_is(p, size) || npyhead_is(p, size) || zip_is(p, size)))
        return err_hint(
            err, "simclr-convert makes a stream of features from .npy, .npz, CSV and JSON lines");
    return -1;
}

/* The frame header at the front of the input: *content is what it claims. */
static int check_frame(struct reader *r, size_t *content, struct err *err)
{
    static const size_t content_bytes[4] = {1, 2, 4, 8};
    int got = have(r, 5, err);
    if (got <= 0)
        return got < 0 ? -1 : end_of_input(r, err);
    const unsigned char *p = r->input + r->from;
    if ((p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
        return bad(r, err, "a skippable frame is no record");
    if (p[0] != 0x28 || p[1] != 0xb5 || p[2] != 0x2f || p[3] != 0xfd)
        return no_frame(r, err);
    const unsigned descriptor = p[4], size_flag = descriptor >> 6;
    const bool single = descriptor >> 5 & 1;
    if ((descriptor & 3) != 0)
        return bad(r, err, "the zstd frame needs a dictionary");
    if ((descriptor >> 2 & 1) == 0)
        return bad(r, err, "the zstd frame has no checksum");
    if (size_flag == 0 && !single)
        return bad(r, err, "the zstd frame does not say the size of its content");
    const size_t at = single ? 5 : 6, bytes = content_bytes[size_flag];
    if ((got = have(r, at + bytes, err)) <= 0)
        return got < 0 ? -1 : end_of_input(r, err);
    p = r->input + r->from;
    uint64_t size = size_flag == 1 ? 256 : 0;
    for (size_t i = 0; i < bytes; i++)
        size += (uint64_t)p[at + i] << 8 * i;
    if (size > r->limit)
        return bad(r, err, "its %llu bytes are more than the limit of %zu",
            (unsigned long long)size, r->limit);
    uint64_t window = size;
    if (!single) {
        window = (uint64_t)1 << (10 + (p[5] >> 3));
        window += window / 8 * (p[5] & 7);
    }
    if (window > STREAM_WINDOW)
        return bad(r, err, "the zstd frame needs a window of %llu MiB, more than %zu",
            (unsigned long long)window >> 20, STREAM_WINDOW >> 20);
    *content = (size_t)size;
    return 1;
}

/* Room for more content: twice as much, but not more than `most`. */
static int enlarge(void **buffer, size_t *capacity, size_t most, struct err *err)
{
    size_t size = *capacity < FIRST_ROOM ? FIRST_ROOM : shape_times(*capacity, 2);
    if (size > most)
        size = most;
    void *const more = realloc(*buffer, size);
    if (more == NULL)
        return err_memory(err, "a record");
    *buffer = more;
    *capacity = size;
    return 0;
}

/* One whole frame into the buffer. 1: *size bytes; 0: the input ended before it; -1. */
static int read_frame(
    struct reader *r, void **buffer, size_t *capacity, size_t *size, struct err *err)
{
    size_t content = 0, left = 1;
    const int there = have(r, 1, err);
    if (there <= 0)
        return there;
    if (check_frame(r, &content, err) < 0)
        return -1;
    ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
    ZSTD_outBuffer out = {*buffer, *capacity, 0};
    while (left != 0 && out.pos <= content) {
        /* A byte more than was claimed: a frame that is longer shows. */
        if (out.pos == out.size) {
            if (enlarge(buffer, capacity, content + 1, err) < 0)
                return -1;
            out.dst = *buffer;
            out.size = *capacity;
        }
        ZSTD_inBuffer in = {r->input, r->to, r->from};
        left = ZSTD_decompressStream(r->zstd, &out, &in);
        r->from = in.pos;
        if (ZSTD_isError(left) && ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation)
            return err_memory(err, "a record");
        if (ZSTD_isError(left))
            return bad(r, err, "zstd: %s", ZSTD_getErrorName(left));
        /* Room left and input used up: only then is there something to wait for. */
        if (left != 0 && r->from == r->to && out.pos < out.size) {
            const int got = have(r, 1, err);
            if (got <= 0)
                return got < 0 ? -1 : end_of_input(r, err);
        }
    }
    if (out.pos != content)
        return bad(r, err, "the zstd frame does not have the %zu bytes it claims", content);
    *size = content;
    return 1;
}

/* ---- headers ----------------------------------------------------------------------------------
 */

/* Give the columns the order of the first header. */
static int match_first(struct reader *r, struct header *h, struct err *err)
{
    for (int i = 0; i < r->first->columns; i++) {
        const struct column *const want = &r->first->column[i];
        const int j = header_find(h, want->name);
        if (j < i || h->columns != r->first->columns || !header_same_column(&h->column[j], want))
            return bad(r, err, "the columns differ from those of the first stream");
        const struct column moved = h->column[j];
        h->column[j] = h->column[i];
        h->column[i] = moved;
    }
    return 0;
}

static int take_header(struct reader *r, struct safetensors *doc, struct err *err)
{
    struct err why = {0};
    if (r->number > 0 && safetensors_metadata(doc, "tensor_stream") == NULL)
        return bad(r, err, "nothing but another stream may follow the end record");
    struct header *const h = header_parse(doc->metadata, &why);
    if (h == NULL)
        return blame(r, &why, err);
    header_free(r->header);
    r->header = h;
    if (doc->count > 0)
        return bad(r, err, "a header record has no tensors");
    if (r->first != NULL)
        return match_first(r, h, err);
    r->first = header_copy(h, err);
    r->expected = calloc(2 * (size_t)h->columns, sizeof *r->expected);
    if (r->first == NULL || r->expected == NULL)
        return err_memory(err, "a header");
    return 0;
}

static int read_header(struct reader *r, struct err *err)
{
    struct safetensors doc;
    struct err why = {0};
    size_t size;
    if (r->inside)
        return err_set(err, ERR_FAILED, "cannot read a header before the end record");
    const int got = read_frame(r, &r->scratch, &r->scratch_size, &size, err);
    if (got < 0 || (got == 0 && r->number > 0))
        return got;
    if (got == 0) {
        r->cut = true;
        return bad(r, err, "the input is empty");
    }
    if (safetensors_parse(&doc, r->scratch, size, &why) < 0)
        return blame(r, &why, err);
    const int failed = take_header(r, &doc, err);
    safetensors_free(&doc);
    if (failed)
        return -1;
    r->number++;
    r->inside = true;
    r->sequence = (struct sequence){0};
    return 1;
}

int reader_header(struct reader *reader, const struct header **out, struct err *err)
{
    if (still_broken(reader, err))
        return -1;
    const int got = result(reader, read_header(reader, err), err);
    *out = reader->header;
    return got;
}

int reader_more(struct reader *reader, struct err *err)
{
    if (still_broken(reader, err))
        return -1;
    return result(reader, have(reader, 1, err), err);
}

/* ---- records ----------------------------------------------------------------------------------
 */

/* A decimal number without sign or leading zeros. */
static int decimal(struct reader *r, const struct safetensors *doc, const char *key, int64_t most,
    int64_t *out, struct err *err)
{
    const char *const text = safetensors_metadata(doc, key);
    if (text == NULL)
        return bad(r, err, "the record has no '%s'", key);
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits] != '\0' || (digits > 1 && text[0] == '0') ||
        (*out = atoll(text)) > most)
        return bad(r, err, "'%s' cannot be '%.30s'", key, text);
    return 0;
}

static int check_offsets(struct reader *r, const char *name, const int64_t *offsets, int rows,
    size_t total, struct err *err)
{
    bool good = offsets[0] == 0 && (size_t)offsets[rows] == total;
    for (int i = 0; i < rows && good; i++)
        good = offsets[i] <= offsets[i + 1];
    return good ? 0 : bad(r, err, "'%s' does not rise from 0 to %zu", name, total);
}

/* Copy tensors that are not aligned behind the document, at *room; their data then is an offset into
 * the buffer, as that of all others, because the buffer may move. */
static int align(struct record *record, struct safetensors *doc, size_t size, struct err *err)
{
    size_t total = shape_plus(size, 7) / 8 * 8, next = total;
    for (int i = 0; i < doc->count; i++) {
        doc->tensor[i].data = (void *)((char *)doc->tensor[i].data - (char *)record->buffer);
        if ((size_t)doc->tensor[i].data % 8 != 0)
            total = shape_plus(total, shape_plus(doc->tensor[i].bytes, 7) / 8 * 8);
    }
    if (record_reserve(record, 0, total, err) < 0)
        return -1;
    record->used = total;
    char *const base = record->buffer;
    for (int i = 0; i < doc->count; i++) {
        struct tensor *const t = &doc->tensor[i];
        const size_t at = (size_t)t->data;
        t->data = base + at;
        if (at % 8 == 0)
            continue;
        t->data = memcpy(base + next, base + at, t->bytes);
        next += (t->bytes + 7) / 8 * 8;
    }
    return 0;
}

/* The tensor called `name`, of this dtype. */
static const struct tensor *need(struct reader *r, const struct safetensors *doc, const char *name,
    enum dtype dtype, int rank, struct err *err)
{
    const struct tensor *const t = safetensors_find(doc, name);
    if (t != NULL && t->dtype == dtype && t->rank == rank)
        return t;
    bad(r, err, t == NULL ? "there is no tensor '%s'" : "tensor '%s' is not what the header says",
        name);
    return NULL;
}

/* The row count as the document has it: that of its first column. */
static int count_rows(struct reader *r, const struct safetensors *doc, struct err *err)
{
    const struct column *const c = &r->header->column[0];
    const struct tensor *const t = need(r, doc, c->ragged ? c->offsets_name : c->name,
        c->ragged ? DTYPE_I64 : c->dtype, c->ragged ? 1 : c->rank + 1, err);
    if (t == NULL)
        return -1;
    const int64_t rows = t->shape[0] - (c->ragged ? 1 : 0);
    if (rows < 1 || rows > INT_MAX - 1)
        return bad(r, err, "a record cannot have %lld rows", (long long)rows);
    return (int)rows;
}

/* The extents of a row, where the header has them those of the header. */
static int take_shape(struct reader *r, struct field *field, const struct column *c,
    const struct tensor *t, struct err *err)
{
    for (int d = 0; d < c->rank; d++) {
        const int64_t extent = t->shape[d + 1];
        if (c->shape[d] != STREAM_VARIES && extent != c->shape[d])
            return bad(r, err, "tensor '%s' has not the shape the header says", c->name);
        if (extent < 1 || extent > INT_MAX)
            return bad(r, err, "tensor '%s' has an extent of %lld", c->name, (long long)extent);
        field->shape[d] = (int)extent;
    }
    return 0;
}

static int take_columns(
    struct reader *r, const struct safetensors *doc, struct record *record, struct err *err)
{
    const struct header *const h = r->header;
    for (int i = 0; i < h->columns; i++) {
        const struct column *const c = &h->column[i];
        const struct tensor *t = need(r, doc, c->name, c->dtype, c->rank + 1, err);
        if (t == NULL)
            return -1;
        record->field[i] = (struct field){.data = t->data};
        if (take_shape(r, &record->field[i], c, t, err) < 0)
            return -1;
        if (!c->ragged && t->shape[0] != record->rows)
            return bad(r, err, "column '%s' has %lld rows, others %d", c->name,
                (long long)t->shape[0], record->rows);
        if (!c->ragged)
            continue;
        const struct tensor *const o = need(r, doc, c->offsets_name, DTYPE_I64, 1, err);
        if (o == NULL)
            return -1;
        if (o->shape[0] != (int64_t)record->rows + 1)
            return bad(r, err, "'%s' has not one number more than rows", c->offsets_name);
        if (check_offsets(r, c->offsets_name, o->data, record->rows, t->bytes, err) < 0)
            return -1;
        record->field[i].offsets = o->data;
    }
    const int tensors = record_tensors(h, record, r->expected);
    return doc->count == tensors ? 0
                                 : bad(r, err, "there are %d tensors, not %d", doc->count, tensors);
}

static int take_record(
    struct reader *r, struct safetensors *doc, size_t size, struct record *record, struct err *err)
{
    struct err why = {0};
    int64_t part, parts;
    if (decimal(r, doc, "step", INT64_MAX, &record->step, err) < 0 ||
        decimal(r, doc, "epoch", INT64_MAX, &record->epoch, err) < 0 ||
        decimal(r, doc, "part", INT_MAX, &part, err) < 0 ||
        decimal(r, doc, "parts", INT_MAX, &parts, err) < 0 ||
        (record->rows = count_rows(r, doc, err)) < 0)
        return -1;
    record->part = (int)part;
    record->parts = (int)parts;
    if (align(record, doc, size, err) < 0 ||
        record_reserve(record, r->header->columns, 0, err) < 0 ||
        take_columns(r, doc, record, err) < 0)
        return -1;
    if (sequence_next(&r->sequence, record, &why) < 0)
        return blame(r, &why, err);
    return 1;
}

static int take_end(struct reader *r, const struct safetensors *doc, struct err *err)
{
    struct err why = {0};
    int64_t records, rows;
    if (strcmp(safetensors_metadata(doc, "end"), "1") != 0 || doc->count > 0)
        return bad(r, err, "the end record is not understood");
    if (decimal(r, doc, "records", INT64_MAX, &records, err) < 0 ||
        decimal(r, doc, "rows", INT64_MAX, &rows, err) < 0)
        return -1;
    if (records != r->sequence.records || rows != r->sequence.rows)
        return bad(r, err,
            "the end record counts %lld records of %lld rows, %lld of %lld have come",
            (long long)records, (long long)rows, (long long)r->sequence.records,
            (long long)r->sequence.rows);
    if (sequence_end(&r->sequence, &why) < 0)
        return blame(r, &why, err);
    r->inside = false;
    return 0;
}

static int read_record(struct reader *r, struct record *record, struct err *err)
{
    struct safetensors doc;
    struct err why = {0};
    size_t size;
    if (!r->inside)
        return err_set(err, ERR_FAILED, "cannot read a record before a header");
    const int got = read_frame(r, &record->buffer, &record->capacity, &size, err);
    if (got <= 0)
        return got < 0 ? -1 : end_of_input(r, err);
    if (safetensors_parse(&doc, record->buffer, size, &why) < 0)
        return blame(r, &why, err);
    int code;
    if (safetensors_metadata(&doc, "tensor_stream") != NULL)
        code = bad(r, err, "another stream begins before the end record");
    else if (safetensors_metadata(&doc, "end") != NULL)
        code = take_end(r, &doc, err);
    else
        code = take_record(r, &doc, size, record, err);
    safetensors_free(&doc);
    if (code >= 0)
        r->number++;
    return code;
}

int reader_record(struct reader *reader, struct record *record, struct err *err)
{
    if (still_broken(reader, err))
        return -1;
    return result(reader, read_record(reader, record, err), err);
}
