/* png -- fuzz target: any bytes as a PNG picture, measured and decoded.
 *
 * An input that does not begin like a PNG file is taken for chunks: five bytes of header, then each
 * behind a byte that chooses its kind and one of length. They are packed and get checksums that are
 * right, so that neither keeps the fuzzer out.
 * SPDX-License-Identifier: MIT */
#include "formats/png.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 16 };

static void require(int condition)
{
    if (!condition)
        abort();
}

static void put_number(uint8_t *to, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> 8 * (3 - i));
}

static size_t put_chunk(uint8_t *to, const char *kind, const uint8_t *data, size_t size)
{
    put_number(to, (uint32_t)size);
    memcpy(to + 4, kind, 4);
    if (size > 0)
        memcpy(to + 8, data, size);
    put_number(to + 8 + size, (uint32_t)crc32(0, to + 4, (unsigned)size + 4));
    return size + 12;
}

/* The pixels: all chunks of that kind are one stream, which has to be packed in one go. */
static size_t put_pixels(uint8_t *to, const uint8_t *data, size_t size)
{
    uint8_t packed[1 << 12], rows[1 << 11] = {0};
    uLongf length = sizeof packed;
    if (size > 0)
        memcpy(rows, data, size < sizeof rows ? size : sizeof rows);
    compress2(packed, &length, rows, sizeof rows, 1);
    return put_chunk(to, "IDAT", packed, length);
}

/* Make a file of chunks; at most 1 << 17 bytes for 1 << 14 of input. */
static size_t build(uint8_t *to, const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {
        "PLTE", "tRNS", "IDAT", "gAMA", "zTXt", "eXIf", "IEND", "teSt"};
    uint8_t header[13] = {0, 0, 0, data[0], 0, 0, 0, data[1], (uint8_t)(1 << data[2] % 6),
        data[3] % 8, 0, 0, data[4] % 3};
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8 + put_chunk(to + 8, "IHDR", header, sizeof header);
    data += 5, size -= 5;
    while (size >= 2) {
        const int kind = data[0] % 9;
        size_t length = data[1];
        data += 2, size -= 2;
        length = length < size ? length : size;
        at += kind == 8 ? put_pixels(to + at, data, size)
                        : put_chunk(to + at, kinds[kind], data, length);
        length = kind == 8 ? size : length;
        data += length, size -= length;
    }
    return at + put_chunk(to + at, "IEND", NULL, 0);
}

static void try(const uint8_t *data, size_t size)
{
    struct picture whole, out;
    struct err err = {0}, trouble = {0};
    const int measured = png_measure(&whole, data, size, &err);
    const int decoded = png_decode(&out, data, size, LIMIT, &trouble);
    require(measured == 0 ? err.status == ERR_NONE && whole.pixels == NULL
                          : err.status == ERR_INPUT && err.text[0] != '\0' && decoded < 0);
    require(decoded == 0 ? trouble.status == ERR_NONE && out.pixels != NULL
                         : trouble.status == ERR_INPUT && trouble.text[0] != '\0' && !out.pixels);
    if (decoded == 0)
        require(out.height == whole.height && out.width == whole.width &&
                out.channels == whole.channels && (size_t)out.height * (size_t)out.width <= LIMIT);
    picture_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (png_is(data, size) || size < 5) {
        try(data, size);
    } else if (size <= 1 << 14) {
        uint8_t *const file = malloc(1 << 17);
        require(file != NULL);
        const size_t length = build(file, data, size);
        uint8_t *const exact = malloc(length);
        require(exact != NULL);
        memcpy(exact, file, length);
        free(file);
        try(exact, length);
        free(exact);
    }
    return 0;
}
