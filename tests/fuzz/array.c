/* array -- fuzz target: any bytes as a NumPy array of features.
 * SPDX-License-Identifier: MIT */
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_any(IMPORT_NPY, data, size);
    return 0;
}
