/* file.h -- inputs of fuzz targets as files without a name.
 * SPDX-License-Identifier: MIT */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
