/* spool -- where it lies, and what it says when there is no room.
 * SPDX-License-Identifier: MIT */
#include "formats/spool.h"

#include "tests/unit/tap.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int entries(const char *path)
{
    DIR *const folder = opendir(path);
    int count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2;
}

int main(void)
{
    char folder[] = "/tmp/spool.XXXXXX", bytes[10];
    struct spool spool = {0};
    struct err err = {0};
    if (mkdtemp(folder) == NULL)
        return 1;
    setenv("TMPDIR", folder, 1);
    OK(spool_open(&spool, &err) == 0 && strcmp(spool.folder, folder) == 0, "opens in TMPDIR");
    OK(entries(folder) == 0, "without a name");
    const int fd = spool.fd;
    OK(spool_open(&spool, &err) == 0 && spool.fd == fd, "once");
    OK(spool_add(&spool, "hello", 5, &err) == 0 && spool_add(&spool, "", 0, &err) == 0 &&
            spool_add(&spool, "world", 5, &err) == 0 && spool.size == 10 &&
            pread(spool.fd, bytes, 5, 5) == 5 && memcmp(bytes, "world", 5) == 0,
        "what is added is there");
    const struct rlimit small = {1000, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    char much[2000] = "";
    OK(spool_add(&spool, much, sizeof much, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, folder) != NULL && strstr(err.text, strerror(EFBIG)) != NULL &&
            strstr(err.hint, "TMPDIR") != NULL && spool.size == 10,
        "no room: %s", err.text);
    spool_close(&spool);
    OK(spool.folder == NULL, "closed");

    memset(&err, 0, sizeof err);
    setenv("TMPDIR", "/none/such", 1);
    OK(spool_open(&spool, &err) < 0 && err.status == ERR_FAILED && spool.folder == NULL &&
            strstr(err.text, "/none/such") != NULL && strstr(err.text, "TMPDIR") != NULL,
        "a TMPDIR that is not there: %s", err.text);
    memset(&err, 0, sizeof err);
    unsetenv("TMPDIR");
    OK(spool_open(&spool, &err) == 0 &&
            (strcmp(spool.folder, "/var/tmp") == 0 || strcmp(spool.folder, "/tmp") == 0),
        "without TMPDIR in /var/tmp");
    spool_close(&spool);
    rmdir(folder);
    return tap_done();
}
