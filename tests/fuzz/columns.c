/* columns -- fuzz target: any bytes as a table, and as a chart of it.
 * SPDX-License-Identifier: MIT */
#include "formats/columns.h"

#include "lib/image/chart.h"
#include "tests/fuzz/file.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file;
    const char *const name[] = {"step", "loss"};
    char path[32];
    struct columns columns;
    struct bytes text = {0};
    struct err err = {0};
    file_fill(&file, path, data, size);
    struct channel *const channel = channel_open(path, &err);
    if (columns_read(&columns, channel, 2, name, &err) == 0) {
        struct chart chart = {.rows = columns.rows,
            .x = columns.value[0],
            .series = 1,
            .one = {{columns.value[1], "loss"}},
            .y_min = NAN,
            .y_max = NAN,
            .points = 3};
        chart_svg(&text, &chart, &err);
        bytes_free(&text);
    }
    require(err.status == ERR_NONE || err.status == ERR_INPUT);
    columns_free(&columns);
    channel_abandon(channel);
    return 0;
}
