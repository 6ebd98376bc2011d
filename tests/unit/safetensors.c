/* safetensors -- written, read, digested; damaged in every way.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static float matrix[6] = {1, 2, 3, -4, 5.5f, 6};
static unsigned char odd[3] = {7, 8, 9};
static int64_t scalar = -1;

static struct tensor tensors[] = {
    {.name = "matrix", .dtype = DTYPE_F32, .rank = 2, .shape = {2, 3}, .data = matrix, .bytes = 24},
    {.name = "odd", .dtype = DTYPE_U8, .rank = 1, .shape = {3}, .data = odd, .bytes = 3},
    {.name = "empty", .dtype = DTYPE_F64, .rank = 2, .shape = {0, 9}, .data = odd, .bytes = 0},
    {.name = "a \"name\"", .dtype = DTYPE_I64, .rank = 0, .data = &scalar, .bytes = 8},
};
enum { COUNT = 4 };

static char folder[] = "/tmp/simclr-unit-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static unsigned char *make(size_t *size)
{
    struct err err = {0};
    size_t head;
    json_t *metadata = json_pack("{s:s, s:s}", "z", "last", "a", "first");
    unsigned char *bytes = safetensors_header(&head, metadata, COUNT, tensors, &err);
    json_decref(metadata);
    *size = head + 24 + 3 + 8;
    bytes = realloc(bytes, *size);
    unsigned char *at = bytes + head;
    for (int i = 0; i < COUNT; at += tensors[i++].bytes)
        memcpy(at, tensors[i].data, tensors[i].bytes);
    return bytes;
}

static void test_round_trip(void)
{
    struct err err = {0};
    struct safetensors doc;
    size_t size;
    unsigned char *bytes = make(&size);
    OK(size % 8 == 35 % 8, "the header is padded to a multiple of eight");
    OK(strstr((char *)bytes + 8, "{\"__metadata__\":{\"a\":\"first\",\"z\":\"last\"}") != NULL,
        "metadata keys are sorted");
    OK(safetensors_parse(&doc, bytes, size, &err) == 0 && doc.count == COUNT, "it is read %s",
        err.text);
    const struct tensor *t = safetensors_find(&doc, "matrix");
    OK(t != NULL && t->rank == 2 && t->shape[1] == 3 && t->dtype == DTYPE_F32 &&
            memcmp(t->data, matrix, sizeof matrix) == 0,
        "a matrix comes back");
    t = safetensors_find(&doc, "a \"name\"");
    OK(t != NULL && t->rank == 0 && memcmp(t->data, &scalar, 8) == 0, "a scalar comes back");
    t = safetensors_find(&doc, "empty");
    OK(t != NULL && t->bytes == 0 && t->shape[1] == 9, "an empty tensor comes back");
    OK(safetensors_find(&doc, "none") == NULL, "what is not there is not found");
    OK(strcmp(safetensors_metadata(&doc, "z"), "last") == 0 &&
            safetensors_metadata(&doc, "none") == NULL,
        "metadata come back");

    char a[65], b[65];
    struct tensor swapped[COUNT];
    for (int i = 0; i < COUNT; i++)
        swapped[i] = tensors[COUNT - 1 - i];
    safetensors_digest(a, doc.count, doc.tensor);
    safetensors_digest(b, COUNT, swapped);
    OK(strcmp(a, b) == 0, "the digest does not depend on the order");
    swapped[0].shape[0] = 0, swapped[0].rank = 1;
    safetensors_digest(b, COUNT, swapped);
    OK(strcmp(a, b) != 0, "it depends on a shape");
    safetensors_free(&doc);
    free(bytes);
}

/* Parse a copy of exactly `size` bytes, so that a sanitizer sees a step beyond. */
static int parse(const unsigned char *bytes, size_t size, struct err *err)
{
    struct safetensors doc;
    unsigned char *copy = malloc(size + (size == 0));
    memcpy(copy, bytes, size);
    const int failed = safetensors_parse(&doc, copy, size, err);
    if (!failed)
        safetensors_free(&doc);
    free(copy);
    return failed;
}

static void test_damage(void)
{
    size_t size, taken = 0, odd_status = 0;
    unsigned char *bytes = make(&size);
    for (size_t n = 0; n < size; n++) {
        struct err err = {0};
        taken += parse(bytes, n, &err) == 0;
        odd_status += err.status != ERR_INPUT;
    }
    OK(taken == 0 && odd_status == 0, "every prefix is ERR_INPUT");
    odd_status = 0;
    for (size_t i = 0; i < size; i++) {
        for (int value = 0; value < 256; value += 5) {
            struct err err = {0};
            const unsigned char was = bytes[i];
            bytes[i] = (unsigned char)value;
            odd_status += parse(bytes, size, &err) != 0 && err.status != ERR_INPUT;
            bytes[i] = was;
        }
    }
    OK(odd_status == 0, "a changed byte is taken or ERR_INPUT");
    free(bytes);
}

static void test_files(void)
{
    struct err err = {0};
    struct safetensors doc;
    struct stat status;
    const char *const path = path_of("w.safetensors");
    OK(safetensors_save(path, NULL, COUNT, tensors, &err) == 0, "a file is written");
    OK(safetensors_load(&doc, path, 1 << 20, &err) == 0 && doc.count == COUNT, "and read");
    safetensors_free(&doc);
    OK(safetensors_load(&doc, path, 100, &err) == -1 && err.status == ERR_INPUT,
        "a limit is kept: %s", err.text);
    OK(truncate(path, 100) == 0, "(cut)");
    err = (struct err){0};
    OK(safetensors_load(&doc, path, 1 << 20, &err) == -1 && err.status == ERR_INPUT &&
            strstr(err.text, "w.safetensors") != NULL,
        "damage names the file");
    err = (struct err){0};
    OK(safetensors_load(&doc, "/no/such/file", 1 << 20, &err) == -1 && err.status == ERR_MISUSE,
        "a missing file is misuse");
    err = (struct err){0};
    OK(safetensors_save("/no/such/folder/x", NULL, COUNT, tensors, &err) == -1 &&
            err.status == ERR_FAILED,
        "a file that cannot be written is a failure");
    err = (struct err){0};
    OK(safetensors_save("/dev/full", NULL, COUNT, tensors, &err) == -1 && err.status == ERR_FAILED,
        "so is a full disk");

    struct tensor many[2] = {tensors[0], tensors[0]};
    char *long_name = malloc(SAFETENSORS_HEADER);
    memset(long_name, 'n', SAFETENSORS_HEADER - 1);
    long_name[SAFETENSORS_HEADER - 1] = '\0';
    many[1].name = long_name;
    err = (struct err){0};
    OK(safetensors_save(path, NULL, 2, many, &err) == -1 && err.status == ERR_FAILED,
        "a header beyond the limit is not written");
    OK(stat(path, &status) == 0 && status.st_size == 100, "and leaves the old file");
    OK(stat(path_of("w.safetensors.part"), &status) != 0, "and nothing else");
    free(long_name);
    unlink(path_of("w.safetensors"));
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    test_round_trip();
    test_damage();
    test_files();
    rmdir(folder);
    return tap_done();
}
