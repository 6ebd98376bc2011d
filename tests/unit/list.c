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
    FILE *const out = fopen("sub/nul", "w");
    fwrite("c.jpg\n\0\n", 1, 8, out);
    fclose(out);
    struct channel *const channel = channel_open("sub/nul", &err);
    OK(list_open(&l, NULL, channel, &err) < 0 && err.status == ERR_INPUT, "a NUL in a line");
    channel_abandon(channel);

    OK(list_is("a\tb\r\nc", 6) && !list_is("", 0) && !list_is("a\0b", 3) && !list_is("\x1b", 1),
        "what can be a text");
    snprintf(command, sizeof command, "rm -r %s", root);
    bytes_free(&b);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
