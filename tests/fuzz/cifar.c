/* cifar -- fuzz target: any bytes as a CIFAR file, whose size is made right, and as names of classes.
 * SPDX-License-Identifier: MIT */
#include "formats/cifar.h"

#include "tests/fuzz/file.h"

#include <fcntl.h>
#include <string.h>

static char folder[] = "/tmp/cifar.XXXXXX", pictures[64], names[64];

static void tidy(void)
{
    remove(pictures);
    remove(names);
    rmdir(folder);
}

static void put(const char *path, const void *data, size_t size, size_t padded)
{
    remove(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size && ftruncate(fd, (off_t)padded) == 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cifar cifar;
    struct err err = {0};
    unsigned char pixels[CIFAR_PIXELS];
    if (pictures[0] == '\0') {
        require(mkdtemp(folder) != NULL && atexit(tidy) == 0);
        snprintf(pictures, sizeof pictures, "%s/x.bin", folder);
        snprintf(names, sizeof names, "%s/batches.meta.txt", folder);
    }
    const size_t first = file_split(&data, &size);
    const size_t unit = CIFAR_PIXELS + 1 + (size > first && data[first] % 2);
    put(pictures, data, first, first % 5 == 0 ? first : (first + unit - 1) / unit * unit);
    put(names, data + first, size - first, size - first);
    if (cifar_open(&cifar, pictures, &err) < 0) {
        require(err.status == ERR_INPUT);
        return 0;
    }
    require(cifar.count > 0 && cifar.classes.count > 0);
    for (int64_t i = 0; i < cifar.count; i++)
        require(cifar.label[i] < cifar.classes.count && cifar_read(&cifar, i, pixels, &err) == 0);
    cifar_close(&cifar);
    return 0;
}
