/* replay -- run a fuzz target over files and folders of inputs, under any compiler.
 *
 * usage: replay PATH...    says how many inputs it has seen, in TAP; a crash is the finding
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int inputs, failures;

/* The name before the input: after a crash it is the last line. */
static void replay_file(const char *path, size_t size)
{
    FILE *const file = fopen(path, "rb");
    uint8_t *const data = malloc(size + (size == 0));
    printf("# %s\n", path);
    fflush(stdout);
    if (file != NULL && data != NULL && fread(data, 1, size, file) == size) {
        LLVMFuzzerTestOneInput(data, size);
        inputs++;
    } else {
        failures++;
    }
    if (file != NULL)
        fclose(file);
    free(data);
}

static void replay(const char *path)
{
    struct stat status;
    struct dirent **entry;
    if (stat(path, &status) != 0) {
        perror(path);
        failures++;
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path, (size_t)status.st_size);
        return;
    }
    const int count = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char below[4096];
        if (entry[i]->d_name[0] != '.') {
            snprintf(below, sizeof below, "%s/%s", path, entry[i]->d_name);
            replay(below);
        }
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    const int bad = failures > 0 || inputs == 0;
    printf("%sok 1 - %d inputs, %d unreadable\n1..1\n", bad ? "not " : "", inputs, failures);
    return bad;
}
