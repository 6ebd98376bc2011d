/* cifar -- records of both kinds, single files and folders, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/cifar.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLANE = 1024 };

static char folder[] = "/tmp/cifar.XXXXXX";
static char made[20][100];
static int files;

/* A file in the folder; the path stays valid until the end. */
static const char *path_of(const char *name)
{
    snprintf(made[files], sizeof made[files], "%s/%s", folder, name);
    return made[files++];
}

/* `count` records: record i has label (first+i) mod classes and pixel values that tell i, plane and
 * place. */
static const char *make(const char *name, int count, int label_bytes, int first, int extra)
{
    const char *const path = path_of(name);
    FILE *const out = fopen(path, "wb");
    for (int i = 0; i < count; i++) {
        if (label_bytes == 2)
            fputc((first + i) % 20, out);
        fputc((first + i) % (label_bytes == 2 ? 100 : 10), out);
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < PLANE; p++)
                fputc((first + i + 50 * c + p) & 255, out);
    }
    for (int i = 0; i < extra; i++)
        fputc(1, out);
    fclose(out);
    return path;
}

static int same(const struct cifar *cifar, int64_t row, int number)
{
    unsigned char pixels[CIFAR_PIXELS];
    struct err err = {0};
    int good = cifar_read(cifar, row, pixels, &err) == 0;
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            good &= pixels[3 * p + c] == ((number + 50 * c + p) & 255);
    return good;
}

static int refused(const char *path, enum err_status status, const char *why)
{
    struct cifar cifar;
    struct err err = {0};
    const int got = cifar_open(&cifar, path, &err);
    const int good = got < 0 && err.status == status && strstr(err.text, why) != NULL;
    if (!good)
        printf("# %d %d '%s'\n", got, err.status, err.text);
    if (got == 0)
        cifar_close(&cifar);
    return good;
}

int main(void)
{
    struct cifar cifar;
    struct err err = {0};
    if (mkdtemp(folder) == NULL)
        return 1;
    const char *const second = make("data_batch_2.bin", 7, 1, 0, 0);
    OK(!cifar_folder("/") && cifar_folder(folder), "a folder is known by its training files");
    make("data_batch_4.bin", 300, 1, 7, 0);
    OK(cifar_open(&cifar, folder, &err) == 0 && cifar.count == 307 && cifar.files == 2,
        "a folder means the training files that are there %s", err.text);
    OK(cifar.classes.count == 10 && cifar.classes.named == 0, "ten classes");
    OK(same(&cifar, 0, 0) && same(&cifar, 6, 6) && same(&cifar, 7, 7) && same(&cifar, 306, 306),
        "rows run through; planes become pixels");
    int good = 1;
    for (int i = 0; i < 307; i++)
        good &= cifar.label[i] == i % 10;
    OK(good, "labels");
    cifar_close(&cifar);

    FILE *const meta = fopen(path_of("batches.meta.txt"), "w");
    for (int i = 0; i < 10; i++)
        fprintf(meta, "class%d\n", i);
    fclose(meta);
    OK(cifar_open(&cifar, second, &err) == 0 && cifar.count == 7 && cifar.classes.named == 10 &&
            strcmp(cifar.classes.name[9], "class9") == 0,
        "a file is taken as it is, with the names beside it");
    cifar_close(&cifar);

    const char *const hundred = make("x", 130, 2, 0, 0);
    OK(cifar_file(hundred, 130 * 3074) && !cifar_file(hundred, 130 * 3074 + 1), "told by its size");
    OK(cifar_open(&cifar, hundred, &err) == 0 && cifar.count == 130 && cifar.classes.count == 100 &&
            cifar.label[123] == 23 && same(&cifar, 129, 129),
        "CIFAR-100: the fine label counts");
    cifar_close(&cifar);

    /* 3073 records of CIFAR-100 have the size of 3074 of CIFAR-10: labels and names decide. */
    const char *const both = make("y.bin", 3073, 2, 0, 0);
    OK(cifar_open(&cifar, both, &err) == 0 && cifar.count == 3073 && same(&cifar, 3072, 3072),
        "a size that fits both: labels decide %s", err.text);
    cifar_close(&cifar);
    const char *const other = make("z.bin", 3074, 1, 0, 0);
    OK(cifar_open(&cifar, other, &err) == 0 && cifar.count == 3074 && same(&cifar, 3073, 3073),
        "and the other way round");
    cifar_close(&cifar);

    OK(refused(make("long.bin", 2, 1, 0, 1), ERR_INPUT, "6147 bytes"), "one byte too many");
    OK(refused(make("empty.bin", 0, 1, 0, 0), ERR_INPUT, "empty"), "an empty file");
    OK(refused("/tmp/cifar.none/x.bin", ERR_MISUSE, "No such file"), "a missing file");
    const char *const wrong = make("wrong.bin", 3, 1, 0, 0);
    FILE *const out = fopen(wrong, "r+b");
    fseek(out, 2 * 3073, SEEK_SET);
    fputc(77, out);
    fclose(out);
    OK(refused(wrong, ERR_INPUT, "picture 2 has label 77"), "a label that is none");
    const char *const short_one = make("short.bin", 3, 1, 0, 0);
    OK(cifar_open(&cifar, short_one, &err) == 0, "a good file");
    unsigned char pixels[CIFAR_PIXELS];
    if (truncate(short_one, 4000) == 0)
        OK(cifar_read(&cifar, 2, pixels, &err) < 0 && err.status == ERR_FAILED,
            "that is cut while it is read");
    cifar_close(&cifar);

    for (int i = 0; i < files; i++)
        unlink(made[i]);
    OK(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
