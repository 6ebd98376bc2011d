/* fetch -- what is read ahead is what was asked for; what cannot be used has a reason.
 * SPDX-License-Identifier: MIT */
#include "formats/fetch.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 200 };

/* File i: a PGM of i + 1 pixels of value i; every seventh is none. */
static void put(int i)
{
    char name[40];
    sprintf(name, "in/c%d/%03d.pgm", i % 3, i);
    FILE *const out = fopen(name, "w");
    fprintf(out, i % 7 == 6 ? "no picture %d\n" : "P5 %d 1 255\n", i + 1);
    for (int j = 0; j <= i; j++)
        fputc(i, out);
    fclose(out);
}

/* The file that an id of the folder is: they are listed class by class. */
static int file_of(int64_t id)
{
    const int of_0 = (FILES + 2) / 3, of_1 = (FILES + 1) / 3;
    if (id < of_0)
        return (int)id * 3;
    return id < of_0 + of_1 ? ((int)id - of_0) * 3 + 1 : ((int)id - of_0 - of_1) * 3 + 2;
}

/* Row as it should be? `gone` is a file that has been removed, or -1. */
static int right(const struct fetch *f, const struct fetch_row *row, int i, int gone)
{
    const int file = file_of(row->id);
    char name[40];
    sprintf(name, "c%d/%03d.pgm", file % 3, file);
    if (strcmp(row->name, name) != 0 || row->label != file % 3)
        return 0;
    if (file % 7 == 6 || file == gone || file >= 150)
        return row->reason != NULL && row->size == 0;
    const unsigned char *const data = fetch_picture(f, i);
    return row->reason == NULL && row->size > (size_t)file && memcmp(data, "P5", 2) == 0 &&
           data[row->size - 1] == file && data[row->size - 1 - (size_t)file] == file;
}

static void test_files(void)
{
    char path[] = "in", *paths[] = {path};
    struct err err = {0};
    struct dataset set;
    for (int i = 0; i < FILES; i++)
        put(i);
    OK(dataset_open(&set, paths, 1, DATASET_AGAIN, 0, &err) == 0, "a folder%s", err.text);
    struct fetch *const f = fetch_new(&set, 60, 150, 0, 1, &err);
    OK(f != NULL, "started%s", err.text);
    remove("in/c1/010.pgm");
    for (int round = 0; round < 40; round++) {
        const int rows = 1 + round * 37 % 60;
        int good = 1;
        for (int i = 0; i < rows; i++)
            fetch_row(f, i)->id = (round * 31 + i * 7) % FILES;
        fetch_start(f, rows);
        if (round % 3 == 0)
            fetch_some(f);
        OK(fetch_wait(f, &err) == rows, "round %d%s", round, err.text);
        for (int i = 0; i < rows; i++)
            good &= right(f, fetch_row(f, i), i, 10);
        OK(good, "%d rows with names, labels and pictures, or with reasons", rows);
    }

    int bad = 0;
    for (int64_t id = 0; id < FILES && bad < 5; id++)
        if (file_of(id) % 7 == 6)
            fetch_row(f, bad++)->id = id;
    fetch_start(f, bad);
    OK(!fetch_some(f), "none of five can be used");
    fetch_wait(f, &err);
    fetch_row(f, 5)->id = 0;
    for (int i = 0; i < 5; i++)
        fetch_row(f, i)->id = fetch_row(f, 0)->id;
    fetch_start(f, 6);
    OK(fetch_some(f), "one of six can");
    fetch_free(f); /* while it may still read */
    dataset_close(&set);
}

/* Pictures of one size need no check, and blocks of theirs are larger. */
static void test_pixels(void)
{
    FILE *const out = fopen("test_batch.bin", "w");
    char path[] = "test_batch.bin", *paths[] = {path};
    struct err err = {0};
    struct dataset set;
    for (int i = 0; i < 100; i++) {
        fputc(i % 10, out);
        for (int j = 0; j < 3072; j++)
            fputc(i, out);
    }
    fclose(out);
    OK(dataset_open(&set, paths, 1, DATASET_AGAIN, 0, &err) == 0, "a CIFAR file%s", err.text);
    struct fetch *const f = fetch_new(&set, 100, 1, 0, 1, &err);
    for (int round = 0; round < 3; round++) {
        int good = 1;
        for (int i = 0; i < 100; i++)
            fetch_row(f, i)->id = 99 - i;
        fetch_start(f, 100);
        good &= fetch_wait(f, &err) == 100;
        for (int i = 0; i < 100; i++) {
            const struct fetch_row *const row = fetch_row(f, i);
            const unsigned char *const data = fetch_picture(f, i);
            good &= row->reason == NULL && row->size == 3072 && row->label == (99 - i) % 10 &&
                    data[0] == 99 - i && data[3071] == 99 - i;
        }
        OK(good, "100 pictures of pixels");
    }
    OK(fetch_bytes(f) == 3 * 100 * 3072, "what was read is counted");
    fetch_free(f);
    dataset_close(&set);
}

int main(void)
{
    char root[] = "/tmp/fetch.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    mkdir("in", 0777);
    mkdir("in/c0", 0777);
    mkdir("in/c1", 0777);
    mkdir("in/c2", 0777);
    test_files();
    test_pixels();
    sprintf(command, "rm -rf '%s'", root);
    OK(chdir("/") == 0 && system(command) == 0, "cleaned up");
    return tap_done();
}
