/* cifar -- fuzz target: any bytes as a CIFAR file, whose size is made right, and as names of classes.
 * SPDX-License-Identifier: MIT */
#include "formats/cifar.h"

#include "tests/fuzz/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cifar cifar;
    struct err err = {0};
    unsigned char pixels[CIFAR_PIXELS];
    file_beside("x.bin", "batches.meta.txt");
    const size_t first = file_split(&data, &size);
    const size_t unit = CIFAR_PIXELS + 1 + (size > first && data[first] % 2);
    file_put(
        file_pair.first, data, first, first % 5 == 0 ? first : (first + unit - 1) / unit * unit);
    file_put(file_pair.second, data + first, size - first, size - first);
    if (cifar_open(&cifar, file_pair.first, &err) < 0) {
        require(err.status == ERR_INPUT);
        return 0;
    }
    require(cifar.count > 0 && cifar.classes.count > 0);
    for (int64_t i = 0; i < cifar.count; i++)
        require(cifar.label[i] < cifar.classes.count && cifar_read(&cifar, i, pixels, &err) == 0);
    cifar_close(&cifar);
    return 0;
}
