/* dataset, source -- several sources as one: ids, classes, and raw pictures among encoded ones.
 * SPDX-License-Identifier: MIT */
#include "formats/dataset.h"

#include "formats/picture.h"
#include "tests/unit/member.h"
#include "tests/unit/tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static void put(const char *name, const char *text)
{
    FILE *const out = fopen(name, "w");
    fputs(text, out);
    fclose(out);
}

static void put_cifar(const char *name, int count)
{
    FILE *const out = fopen(name, "wb");
    for (int i = 0; i < count * 3073; i++)
        fputc(i % 3073 == 0 ? i / 3073 : 42, out);
    fclose(out);
}

static void put_idx(const char *name, int side)
{
    const unsigned char head[16] = {
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, (unsigned char)side, 0, 0, 0, (unsigned char)side};
    FILE *const out = fopen(name, "wb");
    fwrite(head, 1, 16, out);
    for (int i = 0; i < 2 * side * side; i++)
        fputc(i, out);
    fclose(out);
}

static int open_set(struct dataset *set, const char *a, const char *b, int64_t limit)
{
    struct err err = {0};
    char *path[] = {(char *)a, (char *)b};
    const int got = dataset_open(set, path, b == NULL ? 1 : 2, DATASET_AGAIN, limit, &err);
    if (got < 0)
        printf("# %d '%s'\n", err.status, err.text);
    return got == 0 ? 0 : (int)err.status;
}

static int class_is(const struct dataset *set, int64_t id, const char *name)
{
    return strcmp(set->classes.name[dataset_label(set, id)], name) == 0;
}

static int described(const struct dataset *set, int labels, const char *want)
{
    struct err err = {0};
    json_t *const json = dataset_describe(set, labels, &err);
    char *const text = json_dumps(json, JSON_COMPACT);
    const int good = strcmp(text, want) == 0;
    if (!good)
        printf("# %s\n", text);
    free(text);
    json_decref(json);
    return good;
}

static void check_joined(void)
{
    struct dataset set;
    OK(open_set(&set, "train", "test", 0) == 0 && set.count == 6 && set.channels == 0 && set.named,
        "two folders");
    OK(set.classes.count == 4 && class_is(&set, 0, "cat") && class_is(&set, 1, "dog") &&
            class_is(&set, 2, "hen") && class_is(&set, 3, "ant") && class_is(&set, 4, "cat") &&
            class_is(&set, 5, "hen"),
        "classes of the same name are the same class");
    OK(strcmp(dataset_name(&set, 0), "cat/1.jpg") == 0 &&
            strcmp(dataset_name(&set, 5), "hen/1.jpg") == 0,
        "names");
    OK(described(&set, 1,
           "{\"images\":6,\"shard\":[0,1],\"classes\":4,\"class_names\":[\"cat\",\"dog\",\"hen\","
           "\"ant\"]}"),
        "what the header says");
    OK(described(&set, 0, "{\"images\":6,\"shard\":[0,1]}"), "and without labels");
    dataset_close(&set);

    OK(open_set(&set, "train", "test", 4) == 0 && set.count == 4, "limited");
    dataset_close(&set);

    OK(open_set(&set, "b.bin", "train", 0) == 0 && set.count == 8 && set.classes.count == 10 &&
            set.classes.named == 0 && dataset_label(&set, 4) == 4 && dataset_label(&set, 7) == 2,
        "numbers without names stay as they are");
    dataset_close(&set);
}

static void check_pixels(void)
{
    struct dataset set;
    struct bytes b = {0};
    struct err err = {0};
    struct picture p;
    OK(open_set(&set, "b.bin", "b.bin", 0) == 0 && set.count == 10 && set.height == 32 &&
            set.channels == 3 && !set.named && dataset_label(&set, 6) == 1,
        "the same size: pixels");
    OK(dataset_read(&set, 9, &b, &err) == 0 && b.size == 3072 && b.data[0] == 42, "raw samples");
    dataset_close(&set);

    b.size = 0;
    OK(open_set(&set, "b.bin", "i-images-idx3-ubyte", 0) == 0 && set.channels == 0 &&
            set.count == 7 && dataset_label(&set, 6) == -1,
        "two sizes: encoded");
    OK(dataset_read(&set, 6, &b, &err) == 0 &&
            picture_decode(&p, b.data, b.size, &(struct picture_rules){100, false}, &err) == 0 &&
            p.height == 4 && p.width == 4 && p.channels == 1 && p.pixels[0] == 16,
        "grey pictures as PGM %s", err.text);
    picture_free(&p);
    b.size = 0;
    OK(dataset_read(&set, 0, &b, &err) == 0 &&
            picture_decode(&p, b.data, b.size, &(struct picture_rules){1024, false}, &err) == 0 &&
            p.channels == 3 && p.pixels[3071] == 42,
        "colour pictures as PPM %s", err.text);
    picture_free(&p);
    dataset_close(&set);

    b.size = 0;
    OK(open_set(&set, "train/cat/1.jpg", NULL, 0) == 0 && set.count == 1 &&
            strcmp(dataset_name(&set, 0), "1.jpg") == 0 && dataset_label(&set, 0) == -1 &&
            dataset_read(&set, 0, &b, &err) == 0 && b.size == 3,
        "one picture file");
    dataset_close(&set);
    bytes_free(&b);
}

/* One after another, as dataset_next() gives them, is the same as by number. */
static void check_next(void)
{
    struct dataset set;
    struct dataset_row row;
    struct bytes a = {0}, b = {0};
    struct err err = {0};
    int same = 1, got;
    OK(open_set(&set, "train", "b.bin", 7) == 0, "seven of eight pictures");
    for (int64_t id = 0; (got = dataset_next(&set, &row, &a, &err)) == 1; id++) {
        same = same && row.id == id && row.label == dataset_label(&set, id) &&
               strcmp(row.name, dataset_name(&set, id)) == 0 &&
               dataset_read(&set, id, &b, &err) == 0 && a.size == b.size;
    }
    OK(got == 0 && row.id == 6 && same && memcmp(a.data, b.data, a.size) == 0,
        "one after another is the same as by number");
    dataset_close(&set);

    a.size = 0;
    put("train/cat/2.jpg", "gone");
    OK(open_set(&set, "train", NULL, 0) == 0 && unlink("train/cat/2.jpg") == 0 &&
            dataset_next(&set, &row, &a, &err) == 1 && dataset_next(&set, &row, &a, &err) == 2 &&
            row.id == 1 && strcmp(row.name, "cat/2.jpg") == 0 && row.label == 0 &&
            err.status == ERR_INPUT && a.size == 3,
        "a picture that has gone: %s", err.text);
    memset(&err, 0, sizeof err);
    OK(dataset_next(&set, &row, &a, &err) == 1 && row.id == 2 && strcmp(row.name, "dog/1.jpg") == 0,
        "and on it goes");
    dataset_close(&set);
    bytes_free(&a);
    bytes_free(&b);
}

static int open_once(struct dataset *set, char *a, char *b, int64_t limit)
{
    struct err err = {0};
    char *path[] = {a, b};
    const int got = dataset_open(set, path, b == NULL ? 1 : 2, DATASET_ONCE, limit, &err);
    if (got < 0)
        printf("# %d '%s'\n", err.status, err.text);
    return got;
}

/* Archives of one sample each, with this class; the second twice. */
static void put_archive(const char *name, const char *class, int samples)
{
    struct bytes a = {0};
    char file[20];
    for (int i = 0; i < samples; i++) {
        snprintf(file, sizeof file, "%d.jpg", i);
        member_add(&a, '0', file, "\xff\xd8\xff", 3);
        snprintf(file, sizeof file, "%d.cls", i);
        member_add(&a, '0', file, class, strlen(class));
    }
    member_end(&a);
    gzFile out = gzopen(name, "wb");
    gzwrite(out, a.data, (unsigned)a.size);
    gzclose(out);
    bytes_free(&a);
}

/* What passes by is joined as it comes. */
static void check_once(void)
{
    struct dataset set;
    struct dataset_row row;
    struct bytes b = {0};
    struct err err = {0};
    int label[8] = {0}, got, n = 0;
    put_archive("cat.tgz", "cat", 2);
    put_archive("fox.tgz", "fox", 1);
    put_archive("five.tgz", "5", 1);
    OK(open_once(&set, "cat.tgz", "train", 0) == 0 && set.count == -1 && set.named && set.open &&
            described(&set, 1, "{\"shard\":[0,1]}"),
        "an archive and a folder, once: what is not known is not said");
    while (n < 8 && (got = dataset_next(&set, &row, &b, &err)) == 1 && row.id == n)
        label[n++] = row.label;
    OK(got == 0 && n == 5 && set.count == -1 && label[0] == label[2] && label[1] == label[0] &&
            label[3] != label[0] && label[4] != label[3] && set.classes.count == 3 &&
            dataset_next(&set, &row, &b, &err) == 0,
        "ids run through, classes of the same name are the same");
    dataset_close(&set);
    OK(open_once(&set, "cat.tgz", "five.tgz", 0) == 0, "names, then numbers");
    for (n = 0; (got = dataset_next(&set, &row, &b, &err)) == 1;)
        label[n++] = row.label;
    OK(got == 0 && n == 3 && label[0] == 0 && label[2] == 5, "numbers stay as they are");
    dataset_close(&set);
    b.size = 0;
    OK(open_once(&set, "b.bin", "cat.tgz", 6) == 0 && set.channels == 0, "limited, and mixed");
    for (n = 0; (got = dataset_next(&set, &row, &b, &err)) == 1;)
        label[n++] = row.label;
    OK(got == 0 && n == 6 && label[4] == 4 && row.id == 5 && b.size == 5 * (3072 + 13) + 3,
        "six pictures, raw ones with their headers");
    dataset_close(&set);
    OK(open_once(&set, "train", "b.bin", 0) == 0 && set.count == 8 && !set.open,
        "what does not pass by is known, though it is asked for once");
    dataset_close(&set);

    struct dataset again;
    OK(open_set(&again, "cat.tgz", "fox.tgz", 2) == 0 && again.count == 2 &&
            described(&again, 1,
                "{\"images\":2,\"shard\":[0,1],\"classes\":2,\"class_names\":[\"cat\",\"fox\"]}"),
        "copied, with a limit");
    dataset_close(&again);
    FILE *const out = fopen("cut.tgz", "wb");
    FILE *const in = fopen("cat.tgz", "rb");
    char some[100];
    fwrite(some, 1, fread(some, 1, sizeof some, in), out);
    fclose(in);
    fclose(out);
    OK(open_set(&set, "cut.tgz", NULL, 0) == ERR_INPUT, "cut short");
    bytes_free(&b);
}

/* One thread of several: all pictures, from a place of its own on. */
struct worker {
    const struct dataset *set;
    int first, good;
    pthread_t thread;
};

static void *work(void *context)
{
    struct worker *const w = context;
    struct bytes b = {0};
    struct err err = {0};
    w->good = 1;
    for (int64_t i = 0; i < 10 * w->set->count; i++) {
        const int64_t id = (w->first + i) % w->set->count;
        b.size = 0;
        w->good = w->good && dataset_read(w->set, id, &b, &err) == 0 && b.size >= 3 &&
                  dataset_label(w->set, id) >= -1 && dataset_name(w->set, id) != NULL;
    }
    bytes_free(&b);
    return NULL;
}

static void check_threads(void)
{
    static const char *const paths[] = {
        "train", "b.bin", "i-images-idx3-ubyte", "cat.tgz", "plain.tar", "list", "x.npy"};
    struct dataset set;
    struct err err = {0};
    struct worker worker[4];
    int good = 1;
    OK(system("gzip -dc cat.tgz >plain.tar; ls train/*/*.jpg >list; printf "
              "'\\223NUMPY\\1\\0\\100\\0%-63s\\n12345678' \"{'descr': '|u1', 'fortran_order': "
              "False, 'shape': (2, 2, 2)}\" >x.npy") == 0 &&
            dataset_open(&set, (char *const *)paths, 7, DATASET_AGAIN, 0, &err) == 0,
        "every kind of source %s", err.text);
    for (int i = 0; i < 4; i++) {
        worker[i] = (struct worker){.set = &set, .first = 5 * i};
        pthread_create(&worker[i].thread, NULL, work, &worker[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(worker[i].thread, NULL);
        good = good && worker[i].good;
    }
    OK(good, "%lld pictures are read by four threads", (long long)set.count);
    dataset_close(&set);
}

int main(void)
{
    char root[] = "/tmp/dataset.XXXXXX", command[60];
    struct dataset set;
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    static const char *const folders[] = {"train", "train/cat", "train/dog", "train/hen", "test",
        "test/ant", "test/cat", "test/hen", "\xff", "\xff/\xe9t\xe9"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char file[40];
        mkdir(folders[i], 0777);
        snprintf(file, sizeof file, "%s/1.jpg", folders[i]);
        if (strchr(folders[i], '/') != NULL)
            put(file, "\xff\xd8\xff");
    }
    put_cifar("b.bin", 5);
    put_idx("i-images-idx3-ubyte", 4);
    check_joined();
    check_pixels();
    check_next();
    check_once();
    check_threads();

    OK(open_set(&set, "\xff", NULL, 0) == 0 &&
            described(
                &set, 1, "{\"images\":1,\"shard\":[0,1],\"classes\":1,\"class_names\":[\"?t?\"]}"),
        "names that are not UTF-8");
    dataset_close(&set);

    put("text", "hello");
    OK(open_set(&set, "train", "text", 0) == ERR_MISUSE, "a file of no kind");
    OK(open_set(&set, "train", "none", 0) == ERR_MISUSE, "a missing file");
    OK(open_set(&set, "/dev/null", NULL, 0) == ERR_MISUSE, "a device");
    OK(freopen("cat.tgz", "rb", stdin) != NULL &&
            open_set(&set, "-", "/dev/stdin", 0) == ERR_MISUSE,
        "standard input twice");
    put("odd.bin", "hello");
    OK(open_set(&set, "odd.bin", NULL, 0) == ERR_INPUT, "a damaged file");
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
