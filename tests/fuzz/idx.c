/* idx -- fuzz target: any bytes as pictures in an IDX file, plain or compressed, and as its labels.
 * SPDX-License-Identifier: MIT */
#include "formats/idx.h"

#include "tests/fuzz/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idx idx;
    struct err err = {0};
    file_beside("x-images-idx3-ubyte", "x-labels-idx1-ubyte");
    const size_t first = file_split(&data, &size);
    file_put(file_pair.first, data, first, first);
    remove(file_pair.second);
    if (size > first)
        file_put(file_pair.second, data + first, size - first, size - first);
    if (idx_open(&idx, file_pair.first, &err) < 0) {
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
