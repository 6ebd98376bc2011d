/* file.h -- a file in memory, for tests of decoders.
 * SPDX-License-Identifier: MIT */
#ifndef FILE_H
#define FILE_H

#include "formats/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bytes load(const char *path)
{
    struct bytes out = {0};
    struct err err = {0};
    struct stat status;
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &status) < 0 ||
        bytes_read_at(&out, fd, 0, (size_t)status.st_size, path, &err) < 0)
        printf("Bail out! cannot read %s\n", path);
    close(fd);
    return out;
}

#endif
