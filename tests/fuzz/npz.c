/* npz -- fuzz target: any bytes as a NumPy archive.
 * SPDX-License-Identifier: MIT */
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_any(IMPORT_NPZ, data, size);
    return 0;
}
