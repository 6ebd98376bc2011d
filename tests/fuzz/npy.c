/* npy -- fuzz target: any bytes as an array of pictures, and as its labels.
 * SPDX-License-Identifier: MIT */
#include "formats/npy.h"

#include "tests/fuzz/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    struct err err = {0};
    file_beside("x.npy", "x.labels.npy");
    const size_t first = file_split(&data, &size);
    file_put(file_pair.first, data, first, first);
    remove(file_pair.second);
    if (size > first)
        file_put(file_pair.second, data + first, size - first, size - first);
    if (npy_open(&npy, file_pair.first, &err) < 0) {
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
