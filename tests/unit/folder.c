/* folder -- what is listed, in which order, and with which label.
 * SPDX-License-Identifier: MIT */
#include "formats/folder.h"

#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    FILE *const out = fopen(name, "w");
    fputs(text, out);
    fclose(out);
}

static int has(const struct folder *f, int64_t row, const char *name, int label)
{
    return strcmp(folder_name(f, row), name) == 0 && f->file[row].label == label;
}

int main(void)
{
    char root[] = "/tmp/folder.XXXXXX", command[60];
    struct folder f;
    struct bytes b = {0};
    struct err err = {0};
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    mkdir("in", 0777);
    OK(folder_open(&f, "in", &err) < 0 && err.status == ERR_MISUSE && strstr(err.text, "empty"),
        "an empty folder");
    memset(&err, 0, sizeof err);
    OK(folder_open(&f, "none", &err) < 0 && err.status == ERR_MISUSE, "a missing folder");

    put("in/notes.TXT", "x");
    put("in/.hidden.jpg", "x");
    put("in/nothing.jpg", "");
    memset(&err, 0, sizeof err);
    OK(folder_open(&f, "in", &err) < 0 && strstr(err.text, "2 files were left out"),
        "a folder without pictures");

    put("in/b.jpg", "picture b");
    put("in/B.jpg", "picture B");
    memset(&err, 0, sizeof err);
    OK(folder_open(&f, "in", &err) == 0 && f.count == 2 && f.classes.count == 0 && f.ignored == 2 &&
            has(&f, 0, "B.jpg", -1) && has(&f, 1, "b.jpg", -1),
        "files without classes, in bytewise order %s", err.text);
    folder_close(&f);

    mkdir("in/dog", 0777);
    mkdir("in/cat", 0777);
    mkdir("in/cat/more", 0777);
    mkdir("in/empty", 0777);
    mkdir("in/.git", 0777);
    put("in/.git/x.jpg", "x");
    put("in/dog/1.jpg", "dog 1");
    put("in/cat/2", "cat 2");
    put("in/cat/more/3.jpg", "cat 3");
    put("aside.jpg", "aside");
    const int linked = symlink("../../aside.jpg", "in/dog/0.jpg") + symlink("..", "in/dog/up") +
                       symlink("nowhere", "in/dog/9.jpg") + mkfifo("in/dog/fifo.jpg", 0666);
    OK(folder_open(&f, "in/", &err) == 0 && f.count == 6 && linked == 0, "six files %s", err.text);
    OK(has(&f, 0, "B.jpg", -1) && has(&f, 1, "b.jpg", -1) && has(&f, 2, "cat/2", 0) &&
            has(&f, 3, "cat/more/3.jpg", 0) && has(&f, 4, "dog/0.jpg", 1) &&
            has(&f, 5, "dog/1.jpg", 1),
        "sub-folders are classes, links are followed but not in circles");
    OK(f.classes.count == 3 && strcmp(f.classes.name[0], "cat") == 0 &&
            strcmp(f.classes.name[2], "empty") == 0,
        "classes in bytewise order, an empty one too");
    OK(f.ignored == 4, "a dead link, a FIFO, an empty file and a text are left out");

    OK(folder_read(&f, 4, &b, &err) == 0 && folder_read(&f, 3, &b, &err) == 0 && b.size == 10 &&
            memcmp(b.data, "asidecat 3", 10) == 0,
        "bytes are appended");
    unlink("in/cat/2");
    OK(folder_read(&f, 2, &b, &err) < 0 && err.status == ERR_INPUT && b.size == 10 &&
            strstr(err.text, "'in//cat/2': No such file") != NULL,
        "a file that has gone is named: %s", err.text);
    memset(&err, 0, sizeof err);
    OK(mkfifo("in/cat/2", 0666) == 0 && folder_read(&f, 2, &b, &err) < 0 &&
            err.status == ERR_INPUT && strstr(err.text, "'in//cat/2' is no file") != NULL,
        "a FIFO in its place is not waited for: %s", err.text);
    unlink("in/cat/2");
    memset(&err, 0, sizeof err);
    OK(symlink("2", "in/cat/2") == 0 && folder_read(&f, 2, &b, &err) < 0 &&
            err.status == ERR_INPUT && strstr(err.text, "symbolic links") != NULL,
        "nor is a link to itself followed: %s", err.text);
    folder_close(&f);

    memset(&err, 0, sizeof err);
    OK(folder_open_file(&f, "in/dog/1.jpg", &err) == 0 && f.count == 1 && has(&f, 0, "1.jpg", -1),
        "one file");
    b.size = 0;
    OK(folder_read(&f, 0, &b, &err) == 0 && b.size == 5, "is read");
    folder_close(&f);

    snprintf(command, sizeof command, "rm -r %s", root);
    bytes_free(&b);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
