/* safetensors -- documents of named tensors, read from hostile bytes and written canonically.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include "lib/base/shape.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH = 8 }; /* bytes of the length word */

static void put64(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get64(const unsigned char *in)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

/* ---- parsing ----------------------------------------------------------------------------------
 */

static int parse_metadata(struct safetensors *doc, json_t *value, struct err *err)
{
    const char *key;
    json_t *text;
    if (!json_is_object(value))
        return err_set(err, ERR_INPUT, "__metadata__ is not an object");
    json_object_foreach(value, key, text) if (!json_is_string(text)) return err_set(
        err, ERR_INPUT, "metadata '%.100s' is not a string", key);
    doc->metadata = json_incref(value);
    return 0;
}

static int parse_shape(struct tensor *tensor, const json_t *shape, struct err *err)
{
    if (!json_is_array(shape))
        return err_set(err, ERR_INPUT, "tensor '%.100s' has no shape", tensor->name);
    if (json_array_size(shape) > SAFETENSORS_DIMENSIONS)
        return err_set(err, ERR_INPUT, "tensor '%.100s' has %zu dimensions, more than %d",
            tensor->name, json_array_size(shape), SAFETENSORS_DIMENSIONS);
    tensor->rank = (int)json_array_size(shape);
    for (int i = 0; i < tensor->rank; i++) {
        const json_t *const extent = json_array_get(shape, (size_t)i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return err_set(
                err, ERR_INPUT, "tensor '%.100s' has an extent that is no count", tensor->name);
        tensor->shape[i] = json_integer_value(extent);
    }
    return 0;
}

/* One entry of the header; data is `size` bytes. */
static int parse_tensor(struct tensor *tensor, const char *name, const json_t *value, char *data,
    size_t size, struct err *err)
{
    tensor->name = strdup(name);
    if (tensor->name == NULL)
        return err_memory(err, "a tensor");
    const char *const type = json_string_value(json_object_get(value, "dtype"));
    if (type == NULL)
        return err_set(err, ERR_INPUT, "tensor '%.100s' has no dtype", name);
    const int dtype = dtype_parse(type);
    if (dtype < 0)
        return err_set(err, ERR_INPUT, "tensor '%.100s' has the unknown dtype '%.20s'", name, type);
    tensor->dtype = (enum dtype)dtype;
    if (parse_shape(tensor, json_object_get(value, "shape"), err) < 0)
        return -1;

    const json_t *const offsets = json_object_get(value, "data_offsets");
    const json_t *const first = json_array_get(offsets, 0), *const last =
                                                                json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return err_set(err, ERR_INPUT, "tensor '%.100s' has no data_offsets", name);
    const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (json_int_t)size < end)
        return err_set(err, ERR_INPUT,
            "tensor '%.100s' claims the bytes %lld to %lld of %zu bytes of data", name,
            (long long)begin, (long long)end, size);
    tensor->bytes = (size_t)(end - begin);
    tensor->data = data + begin;
    if (shape_bytes(tensor->rank, tensor->shape, dtype_size(tensor->dtype)) != tensor->bytes)
        return err_set(err, ERR_INPUT, "tensor '%.100s' has %zu bytes, not those of its shape",
            name, tensor->bytes);
    return 0;
}

/* By offset; empty tensors before the one that begins where they lie. */
static int compare_offsets(const void *a, const void *b)
{
    const struct tensor *const x = a, *const y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    if ((x->bytes == 0) != (y->bytes == 0))
        return x->bytes == 0 ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int check_layout(
    const struct safetensors *doc, const char *data, size_t size, struct err *err)
{
    const char *end = data;
    for (int i = 0; i < doc->count; i++) {
        const struct tensor *const t = &doc->tensor[i];
        if ((const char *)t->data != end)
            return err_set(err, ERR_INPUT, "%s before tensor '%.100s'",
                (const char *)t->data < end ? "data overlaps" : "data has a hole", t->name);
        end += t->bytes;
    }
    if (end != data + size)
        return err_set(
            err, ERR_INPUT, "%zu bytes of data belong to no tensor", (size_t)(data + size - end));
    return 0;
}

static int parse_header(
    struct safetensors *doc, json_t *root, char *data, size_t size, struct err *err)
{
    const char *name;
    json_t *value;
    const size_t count = json_object_size(root); /* the header's size bounds it */
    doc->tensor = calloc(count + 1, sizeof *doc->tensor);
    if (doc->tensor == NULL)
        return err_memory(err, "tensors");
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (parse_metadata(doc, value, err) < 0)
                return -1;
            continue;
        }
        doc->count++;
        if (parse_tensor(&doc->tensor[doc->count - 1], name, value, data, size, err) < 0)
            return -1;
    }
    if (doc->metadata == NULL && (doc->metadata = json_object()) == NULL)
        return err_memory(err, "metadata");
    qsort(doc->tensor, (size_t)doc->count, sizeof *doc->tensor, compare_offsets);
    return check_layout(doc, data, size, err);
}

int safetensors_parse(struct safetensors *out, void *bytes, size_t size, struct err *err)
{
    char *const header = (char *)bytes + LENGTH;
    *out = (struct safetensors){0};
    if (size < LENGTH)
        return err_set(err, ERR_INPUT, "a safetensors document cannot have %zu bytes", size);
    const uint64_t length = get64(bytes);
    if (length > SAFETENSORS_HEADER)
        return err_set(err, ERR_INPUT, "the header claims %llu bytes, more than %d",
            (unsigned long long)length, SAFETENSORS_HEADER);
    if (length > size - LENGTH)
        return err_set(err, ERR_INPUT, "the header claims %llu bytes, %zu are there",
            (unsigned long long)length, size - LENGTH);
    json_error_t why;
    json_t *const root = length > 0 && header[0] == '{'
                             ? json_loadb(header, (size_t)length, JSON_REJECT_DUPLICATES, &why)
                             : NULL;
    if (root == NULL && length > 0 && header[0] == '{' &&
        json_error_code(&why) == json_error_out_of_memory)
        return err_memory(err, "a header");
    if (root == NULL && length > 0 && header[0] == '{' &&
        json_error_code(&why) == json_error_duplicate_key)
        return err_set(err, ERR_INPUT, "header has a name twice: %.100s", why.text);
    if (root == NULL)
        return err_set(err, ERR_INPUT, "header is not JSON");
    const int failed =
        parse_header(out, root, header + length, size - LENGTH - (size_t)length, err);
    json_decref(root);
    if (failed)
        safetensors_free(out);
    return failed;
}

void safetensors_free(struct safetensors *doc)
{
    for (int i = 0; i < doc->count; i++)
        free(doc->tensor[i].name);
    free(doc->tensor);
    free(doc->buffer);
    json_decref(doc->metadata);
    *doc = (struct safetensors){0};
}

int safetensors_read(
    struct safetensors *out, struct channel *channel, size_t limit, struct err *err)
{
    size_t capacity = (size_t)64 << 10, size = 0;
    char *buffer = malloc(capacity);
    ssize_t got = 0;
    *out = (struct safetensors){0};
    while (
        buffer != NULL && (got = channel_read(channel, buffer + size, capacity - size, err)) > 0) {
        size += (size_t)got;
        if (size > limit) {
            got =
                err_set(err, ERR_INPUT, "'%s': more than %zu bytes", channel_name(channel), limit);
            break;
        }
        if (size == capacity) {
            char *const larger = realloc(buffer, capacity * 2);
            if (larger == NULL) {
                free(buffer);
                buffer = NULL;
                break;
            }
            buffer = larger;
            capacity *= 2;
        }
    }
    if (buffer == NULL)
        return err_memory(err, channel_name(channel));
    struct err why = {0};
    if (got < 0 || safetensors_parse(out, buffer, size, &why) < 0) {
        free(buffer);
        return err_set(err, why.status, "'%s': %s", channel_name(channel), why.text);
    }
    out->buffer = buffer;
    return 0;
}

int safetensors_load(struct safetensors *out, const char *path, size_t limit, struct err *err)
{
    *out = (struct safetensors){0};
    struct channel *const channel = channel_open(path, err);
    if (channel == NULL)
        return -1;
    const int failed = safetensors_read(out, channel, limit, err);
    channel_abandon(channel);
    return failed;
}

const struct tensor *safetensors_find(const struct safetensors *doc, const char *name)
{
    for (int i = 0; i < doc->count; i++)
        if (strcmp(doc->tensor[i].name, name) == 0)
            return &doc->tensor[i];
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *doc, const char *key)
{
    return json_string_value(json_object_get(doc->metadata, key));
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static json_t *describe(const struct tensor *tensor, size_t begin)
{
    json_t *const shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        if (json_array_append_new(shape, json_integer(tensor->shape[i])) < 0)
            break;
    if (shape == NULL || json_array_size(shape) != (size_t)tensor->rank) {
        json_decref(shape);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", dtype_name(tensor->dtype), "shape", shape,
        "data_offsets", (json_int_t)begin, (json_int_t)(begin + tensor->bytes));
}

/* The metadata with sorted keys: jansson keeps the order of insertion. */
static json_t *sorted(const json_t *metadata)
{
    char *const text = json_dumps(metadata, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *const copy = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return copy;
}

unsigned char *safetensors_header(
    size_t *size, const json_t *metadata, int count, const struct tensor *tensor, struct err *err)
{
    json_t *const root = json_object();
    size_t offset = 0;
    int failed = root == NULL;
    if (metadata != NULL && json_object_size(metadata) > 0)
        failed |= json_object_set_new(root, "__metadata__", sorted(metadata)) < 0;
    for (int i = 0; i < count && !failed; i++) {
        failed |= json_object_set_new(root, tensor[i].name, describe(&tensor[i], offset)) < 0;
        offset += tensor[i].bytes;
    }
    char *const text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        err_memory(err, "a header");
        return NULL;
    }
    const size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    unsigned char *const header = padded > SAFETENSORS_HEADER ? NULL : malloc(LENGTH + padded);
    if (padded > SAFETENSORS_HEADER) {
        err_set(err, ERR_FAILED, "cannot write a header of %zu bytes, more than %d", padded,
            SAFETENSORS_HEADER);
    } else if (header == NULL) {
        err_memory(err, "a header");
    } else {
        put64(header, padded);
        memcpy(header + LENGTH, text, length);
        memset(header + LENGTH + length, ' ', padded - length);
        *size = LENGTH + padded;
    }
    free(text);
    return header;
}

int safetensors_save(const char *path, const json_t *metadata, int count,
    const struct tensor *tensor, struct err *err)
{
    size_t size;
    unsigned char *const header = safetensors_header(&size, metadata, count, tensor, err);
    if (header == NULL)
        return -1;
    struct err why = {0};
    struct channel *const channel = channel_create(path, &why);
    int failed = channel == NULL || channel_write(channel, header, size, &why) < 0;
    for (int i = 0; i < count && !failed; i++)
        failed = channel_write(channel, tensor[i].data, tensor[i].bytes, &why) < 0;
    free(header);
    if (failed)
        channel_abandon(channel);
    else
        failed = channel_finish(channel, &why) < 0;
    return failed ? err_set(err, ERR_FAILED, "%s", why.text) : 0;
}

/* ---- digest -----------------------------------------------------------------------------------
 */

static void hash_tensor(struct sha256 *hash, const struct tensor *tensor)
{
    unsigned char word[8];
    sha256_update(hash, tensor->name, strlen(tensor->name) + 1);
    sha256_update(hash, dtype_name(tensor->dtype), strlen(dtype_name(tensor->dtype)) + 1);
    put64(word, (uint64_t)tensor->rank);
    sha256_update(hash, word, sizeof word);
    for (int i = 0; i < tensor->rank; i++) {
        put64(word, (uint64_t)tensor->shape[i]);
        sha256_update(hash, word, sizeof word);
    }
    sha256_update(hash, tensor->data, tensor->bytes);
}

void safetensors_hash(struct sha256 *hash, int count, const struct tensor *tensor)
{
    /* In the order of their names, found one after another: names differ, and no memory is needed. */
    const char *last = NULL;
    for (int done = 0; done < count; done++) {
        const struct tensor *next = NULL;
        for (int i = 0; i < count; i++)
            if ((last == NULL || strcmp(tensor[i].name, last) > 0) &&
                (next == NULL || strcmp(tensor[i].name, next->name) < 0))
                next = &tensor[i];
        if (next == NULL)
            return;
        hash_tensor(hash, next);
        last = next->name;
    }
}

void safetensors_digest(char hex[65], int count, const struct tensor *tensor)
{
    struct sha256 hash;
    sha256_init(&hash);
    safetensors_hash(&hash, count, tensor);
    sha256_final(&hash, hex);
}
