/* jsonl -- fuzz target: any bytes as JSON lines.
 * SPDX-License-Identifier: MIT */
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_any(IMPORT_JSONL, data, size);
    return 0;
}
