/* stream -- fuzz target: any bytes as a stream, read, chosen from, and written again.
 *
 * An input that begins with an odd byte is taken as documents, each behind two bytes of length, and
 * put into frames that are right: so the checksum does not keep the fuzzer out. Others are taken as
 * they are; vectors of the format begin with an even byte.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)1 << 22)

static void require(int condition)
{
    if (!condition)
        abort();
}

static void put(int fd, const void *data, size_t size)
{
    require(write(fd, data, size) == (ssize_t)size);
}

static void put_documents(int fd, const uint8_t *data, size_t size)
{
    ZSTD_CCtx *const zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        data += 2, size -= 2;
        length = length < size ? length : size;
        const size_t room = ZSTD_compressBound(length);
        void *const frame = malloc(room);
        const size_t bytes = ZSTD_compress2(zstd, frame, room, data, length);
        require(!ZSTD_isError(bytes));
        put(fd, frame, bytes);
        free(frame);
        data += length, size -= length;
    }
    ZSTD_freeCCtx(zstd);
}

/* Use a record as filters do: look at each row, take every other, hash and write it. */
static void use(const struct header *h, const struct record *record, struct record *chosen,
    struct writer *writer, struct sha256 *hash)
{
    struct err err = {0};
    struct tensor tensor[512];
    int row[64], rows = 0;
    for (int i = 0; i < record->rows && rows < 64; i += 2)
        row[rows++] = i;
    for (int column = 0; column < h->columns; column++) {
        for (int i = 0; i < record->rows; i++) {
            const void *data;
            const size_t bytes = record_row(h, record, column, i, &data);
            sha256_update(hash, data, bytes < 64 ? bytes : 64);
        }
        require((uintptr_t)record->field[column].data % 8 == 0);
    }
    safetensors_hash(hash, record_tensors(h, record, tensor), tensor);
    require(record_select(chosen, h, record, h, row, rows, &err) == 0);
    require(writer_record(writer, chosen, &err) == 0);
}

static int copy_stream(struct reader *reader, const struct header *h, struct channel *out)
{
    struct err err = {0}, trouble = {0};
    struct record record = {0}, chosen = {0};
    struct sha256 hash;
    struct header *const copy = header_copy(h, &trouble);
    json_t *const none = json_object();
    require(copy != NULL && header_provenance(copy, "fuzz", 1, none, NULL, &trouble) == 0);
    json_decref(none);
    struct writer *const writer = writer_new(out, 1, copy, &trouble);
    sha256_init(&hash);
    int got = 0;
    while (writer != NULL && (got = reader_record(reader, &record, &err)) == 1)
        use(copy, &record, &chosen, writer, &hash);
    if (writer != NULL && got == 0)
        require(writer_end(writer, &trouble) == 0);
    require(got == 0 || err.status == ERR_INPUT);
    writer_free(writer);
    header_free(copy);
    record_free(&record);
    record_free(&chosen);
    return writer == NULL ? -1 : got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    char path[32];
    FILE *const file = tmpfile();
    require(file != NULL);
    const int fd = fileno(file);
    if (size > 0 && data[0] % 2 == 1)
        put_documents(fd, data + 1, size - 1);
    else
        put(fd, data, size);
    lseek(fd, 0, SEEK_SET);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    struct channel *const in = channel_open(path, &err);
    struct channel *const out = channel_create("/dev/null", &err);
    struct reader *const reader = reader_new(in, LIMIT, &err);
    require(reader != NULL && out != NULL);
    const struct header *h;
    int got = 1;
    while (got == 1 && (got = reader_header(reader, &h, &err)) == 1)
        if (copy_stream(reader, h, out) < 0)
            break;
    require(got >= 0 || err.status == ERR_INPUT);
    reader_free(reader);
    channel_abandon(in);
    channel_abandon(out);
    fclose(file);
    return 0;
}
