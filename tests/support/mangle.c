/* mangle -- run a command on every prefix of a file, or with every byte of it damaged in turn.
 *
 * usage: mangle prefix|damage FILE STRIDE COMMAND...
 *
 * Every STRIDE-th length or byte, and each of the last eight. The command finds what was made of FILE
 * in the file `cut`; it must refuse it: status 3 and one line on stderr (`leaves out` and `hint:` do
 * not count), or, of damage, print what it prints of FILE. Says which one it did not refuse, and leaves
 * with 1. A shell loop of the same would take most of its time for head(1) and grep(1).
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ROOM = 1 << 20 };

static size_t load(const char *path, char *out)
{
    FILE *const file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(out, 1, ROOM, file);
    if (file != NULL)
        fclose(file);
    return size;
}

static void store(const char *data, size_t size)
{
    FILE *const file = fopen("cut", "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror("mangle: cut");
        exit(2);
    }
}

/* Status of the command, stdout in `made`, stderr in `said`. */
static int run(char **words)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "made", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_addopen(&actions, 2, "said", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (posix_spawnp(&pid, words[0], &actions, NULL, words, environ) != 0 ||
        waitpid(pid, &status, 0) < 0) {
        perror("mangle: cannot run");
        exit(2);
    }
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One line that says why; notes of what was left out or what to do do not count. */
static bool said_why(char *said)
{
    int lines = 0;
    for (char *line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n"))
        lines += strstr(line, "leaves out") == NULL && strstr(line, ": hint: ") == NULL &&
                 strstr(line, "left out") == NULL;
    return lines == 1;
}

int main(int argc, char **argv)
{
    static char whole[ROOM], good[ROOM], made[ROOM], said[ROOM + 1];
    const int stride = argc < 5 ? 0 : atoi(argv[3]);
    if (stride < 1 || (strcmp(argv[1], "prefix") != 0 && strcmp(argv[1], "damage") != 0)) {
        fputs("usage: mangle prefix|damage FILE STRIDE COMMAND...\n", stderr);
        return 2;
    }
    const bool damage = strcmp(argv[1], "damage") == 0;
    const size_t size = load(argv[2], whole);
    store(whole, size);
    if (run(argv + 4) != 0 || size == 0) {
        fputs("mangle: the command fails with the whole file\n", stderr);
        return 2;
    }
    const size_t good_size = load("made", good);
    int refused = 0;
    for (size_t at = 0; at < size; at += at + (size_t)stride + 8 < size ? (size_t)stride : 1) {
        if (damage)
            whole[at] ^= 0x55;
        store(whole, damage ? size : at);
        if (damage)
            whole[at] ^= 0x55;
        const int status = run(argv + 4);
        said[load("said", said)] = '\0';
        if (status == 3 && said_why(said))
            refused++;
        else if (!damage || status != 0 || load("made", made) != good_size ||
                 memcmp(made, good, good_size) != 0) {
            printf("%s %zu: status %d: %s\n", argv[1], at, status, said);
            return 1;
        }
    }
    printf("%d of %zu refused\n", refused, size);
    return refused > 0 ? 0 : 1;
}
