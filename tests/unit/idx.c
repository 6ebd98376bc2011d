/* idx -- plain and compressed files, labels beside, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/idx.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { H = 3, W = 5, N = 4 };

static char folder[] = "/tmp/idx.XXXXXX", images[100], labels[100];

static void put(const char *path, const unsigned char *bytes, size_t size, int packed)
{
    if (packed) {
        gzFile out = gzopen(path, "wb");
        gzwrite(out, bytes, (unsigned)size);
        gzclose(out);
    } else {
        FILE *const out = fopen(path, "wb");
        fwrite(bytes, 1, size, out);
        fclose(out);
    }
}

static size_t get(const char *path, unsigned char *bytes, size_t room)
{
    FILE *const in = fopen(path, "rb");
    const size_t size = fread(bytes, 1, room, in);
    fclose(in);
    return size;
}

static void names(int packed)
{
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte%s", folder, packed ? ".gz" : "");
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte%s", folder, packed ? ".gz" : "");
}

static int refused(const char *path, int status, const char *why)
{
    struct idx idx;
    struct err err = {0};
    const int got = idx_open(&idx, path, &err);
    const int good =
        got < 0 && (int)err.status == status && strstr(err.text, why) != NULL && idx.fd == -1;
    if (!good)
        printf("# %d %d '%s'\n", got, err.status, err.text);
    if (got == 0)
        idx_close(&idx);
    return good;
}

/* Every prefix and every flipped byte of a file: an error, or the pictures; never a crash. */
static void check_hostile(const char *path, const char *what)
{
    unsigned char bytes[300];
    const size_t size = get(path, bytes, sizeof bytes);
    int cut = 1, survived = 1;
    for (size_t n = 0; n < size; n++) {
        put(path, bytes, n, 0);
        cut &= refused(images, ERR_INPUT, "'");
    }
    OK(cut, "every prefix of the %s is damaged input", what);
    for (size_t i = 0; i < size; i++) {
        struct idx idx;
        struct err err = {0};
        bytes[i] ^= 0xff;
        put(path, bytes, size, 0);
        if (idx_open(&idx, images, &err) == 0)
            idx_close(&idx);
        else
            survived &= err.status == ERR_INPUT || err.status == ERR_MISUSE;
        bytes[i] ^= 0xff;
    }
    OK(survived, "every flipped byte of the %s is survived", what);
    put(path, bytes, size, 0);
}

int main(void)
{
    unsigned char picture[16 + N * H * W + 1] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, H, 0, 0, 0, W};
    unsigned char label[8 + N + 1] = {0, 0, 8, 1, 0, 0, 0, N, 4, 0, 6, 2};
    struct idx idx;
    struct err err = {0};
    if (mkdtemp(folder) == NULL)
        return 1;
    for (int i = 0; i < N * H * W; i++)
        picture[16 + i] = (unsigned char)(3 * i);

    for (int packed = 0; packed < 2; packed++) {
        unsigned char pixels[H * W];
        names(packed);
        put(images, picture, sizeof picture - 1, packed);
        OK(idx_open(&idx, images, &err) == 0 && idx.count == N && idx.height == H &&
                idx.width == W && idx.labels.size == 0 && idx.classes.count == 0,
            "without labels %s", err.text);
        idx_close(&idx);
        put(labels, label, sizeof label - 1, packed);
        OK(idx_open(&idx, images, &err) == 0 && memcmp(idx.labels.data, label + 8, N) == 0 &&
                idx.classes.count == 7,
            "labels are found beside %s", err.text);
        int good = 1;
        for (int i = N - 1; i >= 0; i--)
            good &= idx_read(&idx, i, pixels, &err) == 0 &&
                    memcmp(pixels, picture + 16 + i * H * W, H * W) == 0;
        OK(good, "pictures in any order");
        idx_close(&idx);
        char *const found = idx_folder(folder);
        OK(found != NULL && strcmp(found, images) == 0, "a folder means its training pictures");
        free(found);
        check_hostile(images, packed ? "packed pictures" : "pictures");
        check_hostile(labels, packed ? "packed labels" : "labels");

        put(images, picture, sizeof picture, packed);
        OK(refused(images, ERR_INPUT, "longer than"), "a byte too many");
        put(images, picture, sizeof picture - 1, packed);
        put(labels, label, sizeof label, packed);
        OK(refused(images, ERR_INPUT, "longer than"), "a label too many");
        label[7] = N - 1;
        put(labels, label, sizeof label - 2, packed);
        OK(refused(images, ERR_INPUT, "3 labels for 4 pictures"), "as many labels as pictures");
        label[7] = N;
        OK(refused(labels, ERR_MISUSE, "holds labels"), "labels are no pictures");
        memcpy(picture + 4, "\xff\xff\xff\xff\0\0\xff\xff\0\0\x03\xff", 12);
        put(images, picture, sizeof picture - 1, packed);
        OK(refused(images, ERR_INPUT, "'"), "a claim of terabytes allocates nothing");
        memcpy(picture + 4, "\0\0\0\x04\0\0\0\0\0\0\0\x05", 12);
        put(images, picture, sizeof picture - 1, packed);
        OK(refused(images, ERR_INPUT, "no pictures"), "no height");
        memcpy(picture + 4, "\0\0\0\x04\0\0\0\x03\0\0\0\x05", 12);
        unlink(images);
        unlink(labels);
    }
    names(1);
    put(labels, label, sizeof label - 1, 1);
    names(0);
    put(images, picture, sizeof picture - 1, 0);
    OK(idx_open(&idx, images, &err) == 0 && idx.labels.size == N, "plain with packed labels");
    idx_close(&idx);
    unlink(images);
    names(1);
    unlink(labels);
    OK(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
