/* safetensors.h -- documents of named tensors, read from hostile bytes and written canonically.
 *
 * A document is: 8 bytes little-endian length of the header, the header (a JSON object: name ->
 * dtype, shape, data_offsets; and "__metadata__": an object of strings), then the tensor data.
 *
 * Limits, checked before anything is allocated: header 1 MiB (16 MiB for files of weights is not
 * needed by any known model), 8 dimensions, data without holes or overlap when sorted by offset.
 * Source: https://github.com/huggingface/safetensors (format description).
 * SPDX-License-Identifier: MIT */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include "formats/channel.h"
#include "lib/base/err.h"
#include "lib/base/sha256.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SAFETENSORS_DIMENSIONS = 8,
    SAFETENSORS_HEADER = 1 << 20 /* bytes a header may have */
};

enum dtype {
    DTYPE_BOOL,
    DTYPE_U8,
    DTYPE_I8,
    DTYPE_U16,
    DTYPE_I16,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_U32,
    DTYPE_I32,
    DTYPE_F32,
    DTYPE_U64,
    DTYPE_I64,
    DTYPE_F64,
    DTYPE_COUNT
};

size_t dtype_size(enum dtype dtype);      /* bytes of one element */
const char *dtype_name(enum dtype dtype); /* "F32" */
int dtype_parse(const char *name);        /* enum dtype, or -1 */

struct tensor {
    char *name;
    enum dtype dtype;
    int rank; /* 0 .. 8 */
    int64_t shape[SAFETENSORS_DIMENSIONS];
    void *data; /* row-major, little-endian; not aligned when parsed */
    size_t bytes;
};

/* A parsed document. Names and the array are owned; data points into the bytes it was parsed from,
 * which safetensors_load() owns too (`buffer`) and safetensors_parse() borrows (`buffer` NULL). */
struct safetensors {
    json_t *metadata; /* object of strings; empty when absent, never NULL */
    int count;
    struct tensor *tensor; /* [count], by offset */
    void *buffer;
};

/* Take `size` bytes for a document. The document borrows `bytes`. On failure nothing is kept.
 * Errors: ERR_INPUT; the sentence begins with what is wrong ("header is not JSON"), without a name;
 * callers that know a file name put it in front. */
int safetensors_parse(struct safetensors *out, void *bytes, size_t size, struct err *err);

/* Read a file of at most `limit` bytes.
 * Errors: ERR_MISUSE cannot open; ERR_FAILED I/O; ERR_INPUT damaged: "'x.safetensors': ...". */
int safetensors_load(struct safetensors *out, const char *path, size_t limit, struct err *err);

/* The same from a channel, up to its end; the channel stays the caller's. */
int safetensors_read(
    struct safetensors *out, struct channel *channel, size_t limit, struct err *err);

void safetensors_free(struct safetensors *doc);

/* NULL when there is none. */
const struct tensor *safetensors_find(const struct safetensors *doc, const char *name);

/* The string under `key`, or NULL. */
const char *safetensors_metadata(const struct safetensors *doc, const char *key);

/* Bytes of the length word and header of a document of these tensors (in this order, data back to
 * back; header padded with blanks to a multiple of 8; metadata keys sorted). Owned by the caller;
 * NULL on failure. The document is these bytes, then the data of each tensor in turn. */
unsigned char *safetensors_header(
    size_t *size, const json_t *metadata, int count, const struct tensor *tensor, struct err *err);

/* Write a file: PATH.part, fsync, rename, fsync of the folder. On failure PATH is untouched and
 * PATH.part removed. Errors: ERR_FAILED. */
int safetensors_save(const char *path, const json_t *metadata, int count,
    const struct tensor *tensor, struct err *err);

/* SHA-256 over every tensor's name, dtype, shape and bytes, sorted by name, as 64 hex digits: what
 * the tensors are, whatever order or metadata the file has. */
void safetensors_digest(char hex[65], int count, const struct tensor *tensor);

/* The same, into a digest of many documents. For each tensor: its name, a zero byte, its dtype, a
 * zero byte, then as 64-bit little-endian numbers its rank and shape, then its bytes. */
void safetensors_hash(struct sha256 *hash, int count, const struct tensor *tensor);

#endif
