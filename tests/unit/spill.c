/* spill -- memory beyond a limit: what is written stays, wherever the border is; the file has no name,
 * and no space is an error.
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* mincore */
#include "lib/base/spill.h"

#include "tests/unit/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = 300001 };

static char folder[] = "/tmp/simclr-unit-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static unsigned char value(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 13);
}

static off_t length_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static void test_open(void)
{
    struct err err = {0};
    const char *const path = path_of("file");
    const int one = spill_open(path, &err), two = spill_open(path, &err);
    struct stat a, b;
    OK(one >= 0 && two >= 0, "two files of one name %s", err.text);
    OK(access(path, F_OK) != 0, "and then none");
    OK(fstat(one, &a) == 0 && fstat(two, &b) == 0 && a.st_ino != b.st_ino, "they are not the same");
    close(one);
    close(two);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    const int stale = spill_open(path, &err);
    OK(stale >= 0 && access(path, F_OK) != 0, "an empty file is one that was left behind");
    close(stale);
    const int full = open(path, O_WRONLY | O_CREAT, 0600);
    OK(write(full, "x", 1) == 1 && spill_open(path, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "File exists") != NULL,
        "another is refused: %s", err.text);
    OK(length_of(full) == 1 && access(path, F_OK) == 0, "and left alone");
    close(full);
    unlink(path);
    err = (struct err){0};
    OK(spill_open(folder, &err) < 0 && strstr(err.text, "File exists") != NULL, "so is a folder");
    err = (struct err){0};
    OK(spill_open(path_of("no/file"), &err) < 0 && strstr(err.text, "No such file") != NULL, "%s",
        err.text);
}

/* Are all pages of the file part gone from the process? /proc knows; without it, nothing is said. */
static long resident_file(void)
{
    long kib = -1;
    char line[200];
    FILE *const file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssFile: %ld", &kib) == 1 || sscanf(line, "RssShmem: %ld", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kib;
}

static void test_border(size_t memory)
{
    struct err err = {0};
    struct spill s;
    size_t at = 0;
    const int fd = spill_open(path_of("file"), &err);
    OK(spill_map(&s, BYTES, memory, fd, &at, &err) == 0, "%zu of %d bytes in memory %s", memory,
        BYTES, err.text);
    OK(s.memory <= memory || s.memory >= BYTES, "no more than that: %zu", s.memory);
    OK((size_t)length_of(fd) == at && at + s.memory >= BYTES, "%zu in the file", at);
    int bits = 0;
    for (size_t i = 0; i < BYTES; i++)
        bits |= s.base[i];
    OK(bits == 0, "all zeros");
    for (size_t i = 0; i < BYTES; i++)
        s.base[i] = (char)value(i);
    spill_leave(&s, s.base + 5, 100);
    spill_leave(&s, s.base + 5000, 150000);
    spill_leave(&s, s.base, BYTES);
    spill_leave(NULL, s.base, BYTES);
    size_t wrong = 0;
    for (size_t i = 0; i < BYTES; i++)
        wrong += (unsigned char)s.base[i] != value(i);
    OK(wrong == 0, "what was left behind is still there");
    const off_t before = length_of(fd);
    struct spill second;
    OK(spill_map(&second, 5000, 0, fd, &at, &err) == 0 && length_of(fd) >= before + 5000 &&
            second.base[4999] == 0,
        "another behind it");
    memset(second.base, 7, 5000);
    OK((unsigned char)s.base[BYTES - 1] == value(BYTES - 1), "does not overlap");
    spill_unmap(&second);
    spill_unmap(&s);
    OK(s.base == NULL, "unmapped");
    spill_unmap(&s);
    close(fd);
}

static void test_resident(void)
{
    enum { LARGE = 64 << 20 };
    struct err err = {0};
    struct spill s;
    size_t at = 0;
    const long before = resident_file();
    const int fd = spill_open("simclr-unit-spill", &err);
    if (before < 0 || fd < 0 || spill_map(&s, LARGE, 0, fd, &at, &err) < 0) {
        SKIP("nobody says what is resident %s", err.text);
        return;
    }
    memset(s.base, 1, LARGE);
    const long full = resident_file();
    spill_leave(&s, s.base, LARGE);
    const long left = resident_file();
    OK(full - before > LARGE / 1024 / 2, "what is written is resident: %ld KiB", full - before);
    OK(left - before < LARGE / 1024 / 4, "what is left is not: %ld KiB", left - before);
    spill_unmap(&s);
    close(fd);
}

static void test_no_space(void)
{
    struct err err = {0};
    struct spill s;
    size_t at = 0;
    struct rlimit limit, old;
    const int fd = spill_open(path_of("file"), &err);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 65536;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    OK(spill_map(&s, BYTES, 100000, fd, &at, &err) < 0 && err.status == ERR_FAILED, "no space: %s",
        err.text);
    OK(s.base == NULL && at == 0, "nothing is mapped");
    setrlimit(RLIMIT_FSIZE, &old);
    err = (struct err){0};
    OK(spill_map(&s, (size_t)1 << 62, 0, fd, &at, &err) < 0 && s.base == NULL, "nor is this: %s",
        err.text);
    err = (struct err){0};
    OK(spill_map(&s, BYTES, BYTES, -1, &at, &err) == 0, "all in memory needs no file");
    spill_unmap(&s);
    close(fd);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    test_open();
    static const size_t memory[] = {0, 1, 4096, 8191, 150000, BYTES - 1, BYTES, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        test_border(memory[i]);
    test_resident();
    test_no_space();
    OK(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
