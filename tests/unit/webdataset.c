/* webdataset -- which members are pictures, and what their labels are.
 * SPDX-License-Identifier: MIT */
#include "formats/webdataset.h"

#include "tests/unit/member.h"
#include "tests/unit/tap.h"

#include <unistd.h>

static struct bytes archive;

static void add(const char *name, const char *data)
{
    member_add(&archive, '0', name, data, strlen(data));
}

/* The pictures as text, "name=label:data|", from a file or with their bytes. */
static int pictures(
    char *out, size_t room, bool bytes, int64_t *ignored, bool *labelled, struct err *err)
{
    static FILE *file;
    struct webdataset_picture p;
    char name[32];
    if (file == NULL && (file = tmpfile()) == NULL)
        abort();
    const int fd = fileno(file);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, archive.data, archive.size, 0) != (ssize_t)archive.size)
        abort();
    lseek(fd, 0, SEEK_SET);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    struct channel *const channel = channel_open(name, err);
    struct unpack *const unpack = bytes ? unpack_new(channel, err) : unpack_file(fd, "x", err);
    struct tar *const tar = tar_new(unpack, err);
    struct webdataset *const set = webdataset_new(tar, "x.tar", bytes, err);
    int got;
    out[0] = '\0';
    while ((got = webdataset_next(set, &p, err)) == 1) {
        const size_t at = strlen(out);
        snprintf(out + at, room - at, "%.60s=%.300s:%.*s|", p.name, p.label == NULL ? "-" : p.label,
            (int)(p.size < 40 ? p.size : 40),
            bytes ? (const char *)p.bytes : (const char *)archive.data + p.at);
        if (memcmp(archive.data + p.at, bytes ? p.bytes : archive.data + p.at, (size_t)p.size) != 0)
            abort();
    }
    *ignored = webdataset_ignored(set);
    *labelled = webdataset_labelled(set);
    webdataset_free(set);
    tar_free(tar);
    unpack_free(unpack);
    channel_abandon(channel);
    return got;
}

/* Finish the archive, and start another one. */
static int gives(const char *want, int ignored_want, bool labelled_want)
{
    char text[2][8000];
    int64_t ignored = 0;
    bool labelled = false;
    int good = 1;
    member_end(&archive);
    for (int bytes = 0; bytes < 2; bytes++) {
        struct err err = {0};
        good =
            good && pictures(text[bytes], sizeof text[0], bytes, &ignored, &labelled, &err) == 0 &&
            strcmp(text[bytes], want) == 0 && ignored == ignored_want && labelled == labelled_want;
        if (!good)
            printf("# %d '%s' %lld %d '%s'\n", bytes, text[bytes], (long long)ignored, labelled,
                err.text);
    }
    archive.size = 0;
    return good;
}

static int refused(const char *why)
{
    char text[8000];
    int64_t ignored;
    bool labelled;
    struct err err = {0};
    member_end(&archive);
    const int got = pictures(text, sizeof text, true, &ignored, &labelled, &err);
    const int good = got < 0 && err.status == ERR_INPUT && strcmp(err.text, why) == 0;
    if (!good)
        printf("# %d %d '%s'\n", got, err.status, err.text);
    archive.size = 0;
    return good;
}

static void check_samples(void)
{
    add("n/0.jpg", "a");
    add("n/0.cls", "3\n");
    add("n/1.cls", " red fox ");
    add("n/1.JPEG", "b");
    add("n/2.png", "c");
    add("n/3.ppm", "d");
    add("n/3.pgm", "e");
    add("n/3.cls", "");
    OK(gives("n/0.jpg=3:a|n/1.JPEG=red fox:b|n/2.png=-:c|n/3.ppm=-:d|n/3.pgm=-:e|", 0, true),
        "labels before and behind, or none");
    add("0.json", "{\"label\": 7, \"cls\": 8}");
    add("0.jpg", "a");
    add("1.jpg", "b");
    add("1.json", "{\"label\": null, \"cls\": \"cat\"}");
    add("2.jpg", "c");
    add("2.json", "{\"class\": 0, \"caption\": \"words\"}");
    add("3.jpg", "d");
    add("3.json", "[1, 2]");
    add("4.jpg", "e");
    add("4.json", "{\"label\": 5}");
    add("4.cls", "6");
    OK(gives("0.jpg=7:a|1.jpg=cat:b|2.jpg=0:c|3.jpg=-:d|4.jpg=6:e|", 0, true), "labels in JSON");
    add("a.txt", "words");
    add("a.json", "{\"label\": 1}");
    add("b.jpg", "b");
    add("c.jpg", "");
    member_add(&archive, '2', "d.jpg", "", 0);
    OK(gives("b.jpg=-:b|", 3, false), "what has no picture gives no label; the rest is counted");
    OK(gives("", 0, false), "nothing");
}

static void check_names(void)
{
    add("p/IMG.2020.jpg", "a");
    add("p/IMG.2021.jpg", "b");
    add("p/IMG.seg.cls", "4");
    OK(gives("p/IMG.2020.jpg=-:a|p/IMG.2021.jpg=-:b|", 1, false), "dots in names of pictures");
    add("p/0.jpg", "a");
    add("p/0.seg.png", "b");
    add("p/0.cls", "4");
    OK(gives("p/0.jpg=4:a|", 1, true), "a mask beside a picture is no picture");
    add(".hidden.jpg", "a");
    add("p/._0.jpg", "b");
    add(".git/c.jpg", "c");
    add("./p/../0.jpg", "d");
    add("/1.jpg", "e");
    add("//p//.jpg", "f");
    OK(gives("./p/../0.jpg=-:d|/1.jpg=-:e|", 0, false), "hidden names are skipped, without a word");
    add("a.b/0.jpg", "a");
    add("a.b/1.jpg", "b");
    add("noextension", "c");
    add("jpg", "d");
    add("x.jpg.txt", "e");
    OK(gives("a.b/0.jpg=-:a|a.b/1.jpg=-:b|", 3, false), "dots in folders, and other names");
}

static void check_limits(void)
{
    char name[40], want[200];
    int64_t ignored;
    bool labelled;
    struct err err = {0};
    static char text[100000];
    for (int i = 0; i < WEBDATASET_PICTURES + 1; i++) {
        snprintf(name, sizeof name, "p/IMG.%d.jpg", i);
        add(name, "x");
    }
    add("p/IMG.cls", "late");
    member_end(&archive);
    snprintf(want, sizeof want, "p/IMG.%d.jpg=late:x|", WEBDATASET_PICTURES);
    OK(pictures(text, sizeof text, true, &ignored, &labelled, &err) == 0 &&
            strstr(text, "p/IMG.0.jpg=-:x|") == text && strstr(text, want) != NULL,
        "a sample of too many pictures is two");
    archive.size = 0;

    char *const large = malloc(5000);
    memset(large, 'x', 5000);
    large[4999] = '\0';
    add("a.jpg", "a");
    add("a.cls", large);
    OK(refused("'a.cls' in 'x.tar' is no label"), "a label of 5000 bytes");
    large[300] = '\0';
    add("a.jpg", "a");
    add("a.cls", large);
    OK(refused("'a.cls' in 'x.tar' is no label"), "a label of 300 bytes");
    free(large);
    add("p/a.jpg", "a");
    add("p/a.cls", "a\nb");
    OK(refused("'p/a.cls' in 'x.tar' is no label"), "a label of two lines");
    add("a.jpg", "a");
    add("a.json", "{\"label\"");
    OK(refused("'a.json' in 'x.tar' is no JSON"), "JSON that is none");
    add("a.jpg", "a");
    add("a.json", "{\"label\": \"a\\u0007b\"}");
    OK(refused("'a.json' in 'x.tar' is no label"), "a bell in a label");
}

int main(void)
{
    check_samples();
    check_names();
    check_limits();
    bytes_free(&archive);
    return tap_done();
}
