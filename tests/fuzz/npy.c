/* npy -- fuzz target: any bytes as an array of pictures, and as its labels.
 * SPDX-License-Identifier: MIT */
#include "formats/npy.h"

#include "tests/fuzz/file.h"

#include <fcntl.h>
#include <string.h>

static char folder[] = "/tmp/npy.XXXXXX", pictures[64], labels[64];

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
    struct npy npy;
    struct err err = {0};
    if (pictures[0] == '\0') {
        require(mkdtemp(folder) != NULL && atexit(tidy) == 0);
        snprintf(pictures, sizeof pictures, "%s/x.npy", folder);
        snprintf(labels, sizeof labels, "%s/x.labels.npy", folder);
    }
    const size_t first = file_split(&data, &size);
    put(pictures, data, first);
    remove(labels);
    if (size > first)
        put(labels, data + first, size - first);
    if (npy_open(&npy, pictures, &err) < 0) {
        require((err.status == ERR_INPUT || err.status == ERR_MISUSE) && npy.fd == -1);
        return 0;
    }
    require(npy.count > 0 && (size_t)npy.count <= first && npy.height > 0 && npy.width > 0 &&
            (npy.label != NULL) == (size > first));
    for (int64_t i = 0; npy.label != NULL && i < npy.count; i++)
        require(npy.label[i] >= -1 && npy.label[i] < npy.classes.count + (npy.label[i] < 0));
    npy_close(&npy);
    return 0;
}
