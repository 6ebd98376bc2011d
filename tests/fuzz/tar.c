/* tar -- fuzz target: any bytes as an archive, plain or compressed, from a pipe and as a file.
 *
 * An input that begins with '!' is an archive behind it, whose checksums are made right first, so
 * that they do not keep the fuzzer out.
 * SPDX-License-Identifier: MIT */
#include "formats/webdataset.h"
#include "tests/fuzz/file.h"

#include <string.h>

static void mend(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 512 <= size; at += 512) {
        unsigned sum = 8 * ' ';
        if (memcmp(data + at + 257, "ustar", 5) != 0)
            continue;
        for (int i = 0; i < 512; i++)
            sum += i >= 148 && i < 156 ? 0 : data[at + (size_t)i];
        snprintf((char *)data + at + 148, 8, "%06o", sum);
    }
}

/* The pictures of an archive; how many, or -1 for damage. */
static int pictures(struct unpack *unpack, int bytes, size_t *total)
{
    struct err err = {0};
    struct tar *const tar = tar_new(unpack, &err);
    struct webdataset *const set = webdataset_new(tar, "x", bytes, &err);
    struct webdataset_picture p;
    int count = 0, got;
    while ((got = webdataset_next(set, &p, &err)) == 1) {
        require(p.size > 0 && strlen(p.name) > 0 && (p.label == NULL || strlen(p.label) > 0));
        for (int64_t i = 0; bytes && i < p.size; i += 100)
            *total += p.bytes[i];
        count++;
    }
    require(got == 0 || err.status == ERR_INPUT);
    webdataset_free(set);
    tar_free(tar);
    return got == 0 ? count : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file;
    struct err err = {0};
    char path[32];
    size_t total = 0;
    uint8_t *const copy = malloc(size + 1);
    require(copy != NULL);
    memcpy(copy, data, size);
    const size_t skip = size > 0 && data[0] == '!';
    if (skip)
        mend(copy + 1, size - 1);
    const int is_plain = unpack_kind(copy + skip, size - skip) == UNPACK_PLAIN;
    file_fill(&file, path, copy + skip, size - skip);
    free(copy);
    struct channel *const channel = channel_open(path, &err);
    struct unpack *const packed = unpack_new(channel, &err);
    const int piped = pictures(packed, 1, &total);
    unpack_free(packed);
    channel_abandon(channel);
    struct unpack *const plain = unpack_file(fileno(file), "x", &err);
    const int listed = pictures(plain, 0, &total);
    unpack_free(plain);
    require(!is_plain || listed < 0 || listed == piped); /* what is listed can be read */
    return total == SIZE_MAX;
}
