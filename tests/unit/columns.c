/* columns -- tables that are good, cut, odd and wrong.
 * SPDX-License-Identifier: MIT */
#include "formats/columns.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/columns-XXXXXX";

/* Read `text` as a table, for columns a and c. */
static int table(struct columns *out, const char *text, size_t size, struct err *err)
{
    const char *const name[] = {"a", "c"};
    FILE *const file = fopen(path, "w");
    if (file == NULL || fwrite(text, 1, size, file) != size || fclose(file) != 0)
        printf("Bail out! cannot write '%s'\n", path);
    memset(err, 0, sizeof *err);
    struct channel *const in = channel_open(path, err);
    const int got = in == NULL ? -1 : columns_read(out, in, 2, name, err);
    struct err ignored = {0};
    channel_finish(in, &ignored);
    return got;
}

static void refused(const char *text, const char *why)
{
    struct columns columns;
    struct err err;
    OK(table(&columns, text, strlen(text), &err) < 0 && err.status == ERR_INPUT &&
            strstr(err.text, why) != NULL,
        "refuses: %s", err.text);
    OK(columns.value[0] == NULL, "and keeps nothing");
}

int main(void)
{
    struct columns columns;
    struct err err;
    const int file = mkstemp(path);
    if (file < 0)
        printf("Bail out! no temporary file\n");
    close(file);

    const char good[] = "b\tc\ta\nx\t1.5\t-2e3\n\tnan\t7\n \t-\t\n";
    OK(table(&columns, good, strlen(good), &err) == 0 && columns.rows == 3, "three rows %s",
        err.text);
    OK(columns.value[0][0] == -2000 && columns.value[1][0] == 1.5, "columns by name, not by place");
    OK(isnan(columns.value[1][1]) && columns.value[0][1] == 7, "nan is no number");
    OK(isnan(columns.value[0][2]) && isnan(columns.value[1][2]), "nor is nothing, or a dash");
    columns_free(&columns);

    const char cut[] = "a\tc\n1\t2\n3\t4";
    OK(table(&columns, cut, strlen(cut), &err) == 0 && columns.rows == 1,
        "a line without an end is left out");
    columns_free(&columns);
    OK(table(&columns, "a\tc\n", 4, &err) == 0 && columns.rows == 0, "a table without rows");
    columns_free(&columns);

    size_t size = 4;
    char *const many = malloc(5000 * 16);
    memcpy(many, "a\tc\n", 4);
    for (int i = 0; i < 5000; i++)
        size += (size_t)sprintf(many + size, "%d\t%d\n", i, -i);
    OK(table(&columns, many, size, &err) == 0 && columns.rows == 5000 &&
            columns.value[0][4999] == 4999 && columns.value[1][4999] == -4999,
        "5000 rows");
    columns_free(&columns);
    free(many);

    refused("", "no header");
    refused("a\tc", "no header");
    refused("a\tb\n1\t2\n", "no column 'c'");
    refused("a\tc\n1\n", "1 fields in line 2, not 2");
    refused("a\tc\n1\t2\t3\n", "3 fields");
    refused("a\tc\n1\t2x\n", "'2x' in line 2");
    refused("a\tc\n1\t0x10\n", "not a number");
    refused("a\tc\n1\tinf\n", "not a number");
    refused("a\tc\n1\t1e999\n", "not a number");
    OK(table(&columns, "a\tc\n1\t\0002\n", 9, &err) == 0 && isnan(columns.value[1][0]),
        "a zero byte ends a field");
    columns_free(&columns);
    unlink(path);
    return tap_done();
}
