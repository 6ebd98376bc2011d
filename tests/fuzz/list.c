/* list -- fuzz target: any bytes as a list of paths.
 * SPDX-License-Identifier: MIT */
#include "formats/list.h"

#include "tests/fuzz/file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file;
    char path[32];
    struct list list;
    struct err err = {0};
    file_fill(&file, path, data, size);
    list_is(data, size);
    struct channel *const channel = channel_open(path, &err);
    if (list_open(&list, "/", channel, &err) < 0) {
        require(err.status == ERR_INPUT || err.status == ERR_MISUSE);
    } else {
        for (int64_t i = 0; i < list.table.count; i++)
            require(strlen(table_name(&list.table, i)) > 0 &&
                    list.table.row[i].label < list.table.classes.count);
        list_close(&list);
    }
    channel_abandon(channel);
    return 0;
}
