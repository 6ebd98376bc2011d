/* file.h -- inputs of fuzz targets as files.
 * SPDX-License-Identifier: MIT */
#ifndef FILE_H
#define FILE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((unused)) static void require(int condition)
{
    if (!condition)
        abort();
}

/* One file, filled anew at each call and at its beginning; its path. */
__attribute__((unused)) static const char *file_fill(
    FILE **file, char path[32], const void *data, size_t size)
{
    if (*file == NULL)
        *file = tmpfile();
    require(*file != NULL);
    const int fd = fileno(*file);
    require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    require(lseek(fd, 0, SEEK_SET) == 0);
    snprintf(path, 32, "/dev/fd/%d", fd);
    return path;
}

/* Two files side by side, for formats whose labels are found by name. */
__attribute__((unused)) static struct file_pair {
    char folder[32], first[64], second[64];
} file_pair;

__attribute__((unused)) static void file_tidy(void)
{
    remove(file_pair.first);
    remove(file_pair.second);
    rmdir(file_pair.folder);
}

/* Make the folder of the two at the first call; it goes when the program ends. */
__attribute__((unused)) static void file_beside(const char *first, const char *second)
{
    if (file_pair.folder[0] != '\0')
        return;
    strcpy(file_pair.folder, "/tmp/fuzz.XXXXXX");
    require(mkdtemp(file_pair.folder) != NULL && atexit(file_tidy) == 0);
    snprintf(file_pair.first, sizeof file_pair.first, "%s/%s", file_pair.folder, first);
    snprintf(file_pair.second, sizeof file_pair.second, "%s/%s", file_pair.folder, second);
}

/* Write a file anew, with zeros behind the data up to `padded` bytes, or cut to them. */
__attribute__((unused)) static void file_put(
    const char *path, const void *data, size_t size, size_t padded)
{
    remove(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size && ftruncate(fd, (off_t)padded) == 0);
    close(fd);
}

/* The beginning of the input, as long as its first two bytes say, is one file; the rest another. */
__attribute__((unused)) static size_t file_split(const uint8_t **data, size_t *size)
{
    if (*size < 2)
        return 0;
    const size_t length = (size_t)(*data)[0] << 8 | (*data)[1];
    *data += 2;
    *size -= 2;
    return length < *size ? length : *size;
}

#endif
