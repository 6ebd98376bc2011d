/* stream.h -- the tensor stream: what the tools exchange over pipes. simclr-stream(5) is the norm.
 *
 * A stream is a header record, data records, and an END record; a record is one zstd frame (with
 * content size and checksum) that holds one safetensors document. Columns are tensors whose first
 * dimension is the row; a ragged column is two tensors, `NAME` U8 [total] and `NAME.offsets` I64
 * [rows+1]. A column may leave some extents of its rows open: all rows of a record have the same, and
 * each record says which (views of two sizes in one stream).
 *
 * What a reader has checked when it hands out a record: columns, dtypes and shapes are those of the
 * header; all columns have the same number of rows, at least one; offsets rise from 0 to total;
 * parts of a step come in order and complete, steps rise, epochs never fall. What it has checked at
 * END: the counts, and that no step is incomplete.
 *
 * Errors: ERR_INPUT for anything wrong with the bytes, naming the channel and the record;
 * ERR_FAILED for memory and I/O; what channel.h says of the channel.
 * SPDX-License-Identifier: MIT */
#ifndef STREAM_H
#define STREAM_H

#include "formats/channel.h"
#include "formats/safetensors.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_VERSION "1"

/* What a training run will be; simclr-images writes it with --epochs. */
struct plan {
    int batch; /* pictures a step */
    int views; /* views a picture; 0 until simclr-augment has set it */
    int epochs;
    int64_t steps; /* epochs * steps_per_epoch; 0: the stream has no plan */
    int64_t steps_per_epoch;
    int64_t seed;
};

#define STREAM_VARIES (-1) /* an extent that each record has its own of */

struct column {
    char *name;
    char *offsets_name; /* "NAME.offsets" when ragged, else NULL */
    enum dtype dtype;
    bool ragged;                       /* shape [null]: rows of U8 of any length */
    bool varies;                       /* some extent is STREAM_VARIES */
    int rank;                          /* of one row: 0 is a scalar a row; ragged: 0 */
    int shape[SAFETENSORS_DIMENSIONS]; /* of one row */
    size_t row_bytes; /* of one row; 0 when ragged or varying: record_row_bytes() */
};

enum { STREAM_SIZES = 16 }; /* of pictures, in one stream */

struct header {
    char *kind; /* images, views, features, projections, gradients */
    int columns;
    struct column *column;
    json_t *metadata; /* every other key as it came: `dataset`, `run`, ... */
    struct plan plan; /* parsed from metadata */
    int sizes;        /* of `pixels` with open extents: the [H,W] that records have; 0: not said */
    int size[STREAM_SIZES][2];
};

/* One column of one record. */
struct field {
    void *data;                        /* [rows][shape], or the bytes of all rows; 8-byte aligned */
    int64_t *offsets;                  /* [rows+1] when ragged, else NULL */
    int shape[SAFETENSORS_DIMENSIONS]; /* of one row of this record, for a column that varies */
};

/* One data record. field[i] belongs to column[i] of the header. */
struct record {
    int64_t step, epoch;
    int part, parts;
    int rows;
    struct field *field; /* [columns] */
    int fields;          /* room in field */
    void *buffer;        /* owned by records that the library filled, else NULL */
    size_t capacity;
    size_t used; /* bytes of buffer that hold the record, in what a reader has filled */
};

/* ---- headers -------------------------------------------------------------------------------- */

struct header *header_new(const char *kind, struct err *err);
struct header *header_copy(const struct header *header, struct err *err);
void header_free(struct header *header); /* NULL is fine */
int header_set_kind(struct header *header, const char *kind, struct err *err);

/* Index of a column, or -1. */
int header_find(const struct header *header, const char *name);

/* Append a column. rank -1 means ragged; with a rank from 2 an extent may be STREAM_VARIES.
 * ERR_INPUT when the name is there already. */
int header_add(struct header *header, const char *name, enum dtype dtype, int rank,
    const int *shape, struct err *err);
int header_drop(struct header *header, const char *name); /* 0, or -1 when there was none */

/* The column as a tool wants it, or -1 with ERR_INPUT that says what the stream has instead: a
 * `dtype` and a rank of one row (-1: ragged). `source` is a name for the message. header_need()
 * refuses open extents; whoever takes them asks record_shape() of each record. */
int header_need(const struct header *header, const char *name, enum dtype dtype, int rank,
    const char *source, struct err *err);
int header_need_varying(const struct header *header, const char *name, enum dtype dtype, int rank,
    const char *source, struct err *err);

/* One name, dtype and shape (with the same extents open). */
bool header_same_column(const struct column *a, const struct column *b);

int header_set_plan(struct header *header, const struct plan *plan, struct err *err);

/* The sizes [H,W] that `pixels` of varying size will have, that of view 0 first; 0 of them: none. */
int header_set_sizes(struct header *header, int sizes, const int (*size)[2], struct err *err);

/* A JSON value under a key of the metadata, as text; header_get gives a new reference or NULL. */
int header_set(struct header *header, const char *key, const json_t *value, struct err *err);
json_t *header_get(const struct header *header, const char *key);

/* Append one object to `run`: what made this stream. `arguments` is borrowed; `weights` (a digest)
 * may be NULL. No clock, host, user or file name goes in. */
int header_provenance(struct header *header, const char *tool, int64_t seed,
    const json_t *arguments, const char *weights, struct err *err);

/* The metadata of a header record: to and from. header_parse checks the version, the columns, and
 * the forms of `plan`, `sizes`, `dataset` and `run`. New references, NULL on failure. */
struct header *header_parse(const json_t *metadata, struct err *err);
json_t *header_metadata(const struct header *header, struct err *err);

/* ---- reading -------------------------------------------------------------------------------- */

struct reader;

/* The largest window a frame may ask for; RFC 8878 wants every decoder to have this much. */
#define STREAM_WINDOW ((size_t)8 << 20)

/* Read from a channel, which stays the caller's. A reader may live in a thread of its own. `limit`
 * bounds one record, in bytes (STREAM_RECORD is the default). */
#define STREAM_RECORD ((size_t)2 << 30)
struct reader *reader_new(struct channel *channel, size_t limit, struct err *err);
void reader_free(struct reader *reader); /* NULL is fine */

/* The next header: at the start, and again after each END, since streams may be concatenated
 * (a further header must have the columns of the first). 1: here it is, the reader's until the
 * next call; 0: the input ended where it may; -1. Empty input is ERR_INPUT. */
int reader_header(struct reader *reader, const struct header **out, struct err *err);

/* The next record of the stream whose header was read. 1: filled, and the caller's until
 * record_free() or the next use of the same struct; 0: END; -1. Start with a zeroed record. */
int reader_record(struct reader *reader, struct record *record, struct err *err);

/* After END: does anything follow? 1: it does; 0: the input has ended; -1. Waits until it is known;
 * the header stays. */
int reader_more(struct reader *reader, struct err *err);

/* True when the input ended where no END had been read: tells a stop from damage after an
 * ERR_INPUT. */
bool reader_cut(const struct reader *reader);

/* ---- writing -------------------------------------------------------------------------------- */

struct writer;

#define STREAM_LEVEL (-5) /* zstd level between processes: over 1 GB/s */

/* Start a stream: writes the header record. The channel and the header stay the caller's; the
 * header must outlive the writer. */
struct writer *writer_new(
    struct channel *channel, int level, const struct header *header, struct err *err);

/* One data record, flushed. The fields are borrowed during the call. */
int writer_record(struct writer *writer, const struct record *record, struct err *err);

/* END. The channel stays open: another stream may follow. */
int writer_end(struct writer *writer, struct err *err);

void writer_free(struct writer *writer); /* without END, if it was not written; NULL is fine */

/* ---- records --------------------------------------------------------------------------------- */

/* Free buffer and field of a record that the library filled. */
void record_free(struct record *record);

/* Room for `fields` fields and `capacity` bytes in the record's own buffer; what was there stays,
 * but may move: set the fields again. */
int record_reserve(struct record *record, int fields, size_t capacity, struct err *err);

/* The tensors of a record as they stand in the document, borrowed; returns their number. Room for
 * two a column. */
int record_tensors(const struct header *header, const struct record *record, struct tensor *out);

/* The extents of a row of a column that is not ragged, [rank], and its bytes, in this record. */
const int *record_shape(const struct header *header, const struct record *record, int column);
size_t record_row_bytes(const struct header *header, const struct record *record, int column);

/* Bytes of one row of a column in a record (ragged: of that row). */
size_t record_row(const struct header *header, const struct record *record, int column, int row,
    const void **data);

/* Copy the given rows of a record into out (a record with its own buffer), column by column;
 * columns of `from` are matched to those of `to` by name, dtype and shape, and those of `to` that
 * `from` lacks stay NULL for the caller to fill. `row` NULL means rows 0 .. rows-1.
 * This is how a filter passes on what it does not consume. */
int record_select(struct record *out, const struct header *to, const struct record *in,
    const struct header *from, const int *row, int rows, struct err *err);

#endif
