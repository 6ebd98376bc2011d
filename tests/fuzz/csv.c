/* csv -- fuzz target: any bytes as a CSV file.
 * SPDX-License-Identifier: MIT */
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_any(IMPORT_CSV, data, size);
    return 0;
}
