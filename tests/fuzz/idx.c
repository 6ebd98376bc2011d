/* idx -- fuzz target: any bytes as pictures in an IDX file, plain or compressed, and as its labels.
 * SPDX-License-Identifier: MIT */
#include "formats/idx.h"

#include "tests/fuzz/file.h"

#include <fcntl.h>
#include <string.h>

static char folder[] = "/tmp/idx.XXXXXX", pictures[64], labels[64];

static void tidy(void)
{
    remove(pictures);
    remove(labels);
    rmdir(folder);
}

static void put(const char *path, const void *data, size_t size)
{
    remove(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idx idx;
    struct err err = {0};
    if (pictures[0] == '\0') {
        require(mkdtemp(folder) != NULL && atexit(tidy) == 0);
        snprintf(pictures, sizeof pictures, "%s/x-images-idx3-ubyte", folder);
        snprintf(labels, sizeof labels, "%s/x-labels-idx1-ubyte", folder);
    }
    const size_t first = file_split(&data, &size);
    put(pictures, data, first);
    remove(labels);
    if (size > first)
        put(labels, data + first, size - first);
    if (idx_open(&idx, pictures, &err) < 0) {
        require((err.status == ERR_INPUT || err.status == ERR_MISUSE) && idx.fd == -1);
        return 0;
    }
    unsigned char *const pixels = malloc((size_t)idx.height * (size_t)idx.width);
    require(pixels != NULL && idx.count > 0);
    require(
        idx_read(&idx, 0, pixels, &err) == 0 && idx_read(&idx, idx.count - 1, pixels, &err) == 0);
    free(pixels);
    idx_close(&idx);
    return 0;
}
