/* file.h -- a file in memory, for tests of decoders.
 * SPDX-License-Identifier: MIT */
#ifndef FILE_H
#define FILE_H

#include "formats/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct bytes load(const char *path)
{
    struct bytes out = {0};
    struct err err = {0};
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || bytes_read(&out, fd, 1 << 24, path, &err) < 0)
        printf("Bail out! cannot read %s\n", path);
    close(fd);
    return out;
}

#endif
