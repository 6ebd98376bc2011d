/* list -- lines, labels, paths, and what is no list.
 * SPDX-License-Identifier: MIT */
#include "formats/list.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    FILE *const out = fopen(name, "w");
    fputs(text, out);
    fclose(out);
}

/* Open a list of this text, as a file in the folder `sub` or through a pipe; 0 or the status. */
static int open_text(struct list *list, const char *text, bool piped, struct err *err)
{
    memset(err, 0, sizeof *err);
    put("sub/list", text);
    struct channel *const channel = channel_open("sub/list", err);
    const int failed = list_open(list, piped ? NULL : "sub/list", channel, err);
    channel_abandon(channel);
    if (failed)
        printf("# %d '%s' '%s'\n", err->status, err->text, err->hint);
    return failed ? (int)err->status : 0;
}

/* The same of any bytes, through a pipe. */
static int open_bytes(struct list *list, const char *bytes, size_t size, struct err *err)
{
    FILE *const out = fopen("sub/bytes", "w");
    memset(err, 0, sizeof *err);
    fwrite(bytes, 1, size, out);
    fclose(out);
    struct channel *const channel = channel_open("sub/bytes", err);
    const int failed = list_open(list, NULL, channel, err);
    channel_abandon(channel);
    return failed ? (int)err->status : 0;
}

int main(void)
{
    char root[] = "/tmp/list.XXXXXX", command[60];
    struct list l;
    struct err err;
    struct bytes b = {0};
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    mkdir("sub", 0777);
    put("sub/a b.jpg", "one");
    put("c.jpg", "two");

    OK(open_text(&l, "a b.jpg\n\n../c.jpg", false, &err) == 0 && l.table.count == 2 &&
            l.table.classes.count == 0 && strcmp(table_name(&l.table, 1), "../c.jpg") == 0 &&
            list_read(&l, 0, &b, &err) == 0 && list_read(&l, 1, &b, &err) == 0 && b.size == 6 &&
            memcmp(b.data, "onetwo", 6) == 0,
        "paths are relative to the list; empty lines and a missing end of line are fine");
    list_close(&l);
    OK(open_text(&l, "c.jpg\n", true, &err) == 0 && list_read(&l, 0, &b, &err) == 0,
        "through a pipe they are relative to the current folder");
    list_close(&l);
    char *const absolute = malloc(100);
    snprintf(absolute, 100, "%s/c.jpg\tcat\n", root);
    OK(open_text(&l, absolute, false, &err) == 0 && list_read(&l, 0, &b, &err) == 0 &&
            l.table.classes.count == 1,
        "or absolute");
    list_close(&l);
    free(absolute);

    OK(open_text(&l,
           "\xef\xbb\xbf"
           "a b.jpg\t5\r\ngone\t\r\nx\t2\r\n",
           false, &err) == 0 &&
            l.table.count == 3 && l.table.classes.count == 6 && l.table.row[0].label == 5 &&
            l.table.row[1].label == -1 && l.table.row[2].label == 2,
        "numbers; CR LF and a byte order mark");
    OK(list_read(&l, 1, &b, &err) < 0 && err.status == ERR_INPUT &&
            strstr(err.text, "'sub/gone': No such file") != NULL,
        "a file that is not there: %s", err.text);
    list_close(&l);
    OK(open_text(&l, "a b.jpg\tzebra\n../c.jpg\tant\tand more\n", false, &err) == 0 &&
            l.table.classes.named == 2 && strcmp(l.table.classes.name[0], "ant\tand more") == 0 &&
            l.table.row[0].label == 1,
        "names of classes, in bytewise order");
    list_close(&l);

    OK(open_text(&l, "hello\nworld\n", false, &err) == ERR_MISUSE &&
            strstr(err.text, "'sub/list' is not a data set") != NULL &&
            strstr(err.hint, "no 'sub/hello'") != NULL,
        "a text without a file in it is no list");
    OK(open_text(&l, "\n\n", false, &err) == ERR_MISUSE && err.hint[0] == '\0', "blank lines");
    OK(open_text(&l, "1\n2\n3\n4\n5\n6\n7\n8\n9\na b.jpg\n", false, &err) == 0,
        "one of the first ten is there");
    list_close(&l);

    char *const text = malloc(3 * LIST_LINE);
    memset(text, 'x', 3 * LIST_LINE);
    text[3 * LIST_LINE - 1] = '\0';
    memcpy(text, "a b.jpg\n", 8);
    OK(open_text(&l, text, false, &err) == ERR_INPUT && strstr(err.text, "65536") != NULL,
        "a line that is too long");
    text[8 + LIST_LINE - 1] = text[2 * LIST_LINE] = '\n';
    OK(open_text(&l, text, false, &err) == 0 && l.table.count == 4 &&
            strlen(table_name(&l.table, 1)) == LIST_LINE - 1,
        "lines of all lengths that are not");
    list_close(&l);
    free(text);
    OK(open_bytes(&l, "c.jpg\n\0x\n", 9, &err) == ERR_MISUSE, "zero bytes end paths");
    put("a\tb\r\n\x1b\xff.jpg", "odd");
    OK(open_bytes(&l, "a\tb\r\n\x1b\xff.jpg\0\xef\xbb\xbf\0\0c.jpg", 22, &err) == 0 &&
            l.table.count == 3 && l.table.classes.count == 0 &&
            strcmp(table_name(&l.table, 1), "\xef\xbb\xbf") == 0 &&
            strcmp(table_name(&l.table, 2), "c.jpg") == 0 && list_read(&l, 0, &b, &err) == 0 &&
            memcmp(b.data + b.size - 3, "odd", 3) == 0,
        "paths with zero bytes behind them may have any other byte");
    list_close(&l);
    char *const late = malloc(3 * LIST_LINE);
    for (int i = 0; i < 3 * LIST_LINE; i += 6)
        memcpy(late + i, "c.jpg\n", 6);
    late[2 * LIST_LINE] = '\0';
    OK(open_bytes(&l, late, 3 * LIST_LINE, &err) == ERR_INPUT, "a zero byte in a later line");
    free(late);

    OK(list_is("a\tb\r\nc", 6) && !list_is("", 0) && !list_is("\x1b", 1), "what can be a text");
    OK(list_is("a\x1b\0b", 4) && !list_is("\0a", 2) && !list_is("a\0\0", 3),
        "what can be paths with zero bytes behind them");
    snprintf(command, sizeof command, "rm -r %s", root);
    bytes_free(&b);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
