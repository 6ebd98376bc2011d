/* table -- labels as numbers and names, folders as classes.
 * SPDX-License-Identifier: MIT */
#include "formats/table.h"

#include "tests/unit/tap.h"

#include <string.h>

/* A table of names and labels, which end with NULL. */
static struct table make(const char *const *name, const char *const *label)
{
    struct table t = {0};
    struct err err = {0};
    for (int i = 0; name[i] != NULL; i++)
        table_add(&t, 10 * i, i, name[i], label == NULL ? NULL : label[i], &err);
    return t;
}

static int labels_are(const struct table *t, const int *want)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->row[i].label != want[i]) {
            printf("# row %lld has label %d\n", (long long)i, t->row[i].label);
            return 0;
        }
    return 1;
}

static void check_folders(
    const char *const *name, const int *want, int classes, const char *first, const char *what)
{
    struct err err = {0};
    struct table t = make(name, NULL);
    OK(table_finish_folders(&t, &err) == 0 && t.classes.count == classes && labels_are(&t, want) &&
            (classes == 0 || strcmp(t.classes.name[0], first) == 0),
        "%s", what);
    table_free(&t);
}

int main(void)
{
    struct err err = {0};
    const char *const name[] = {"a", "b", "c", "d", "e", NULL};
    struct table t = make(name, (const char *const[]){"7", "-1", "3", NULL, "07", NULL});
    OK(table_finish(&t, true, &err) == 0 && t.classes.count == 8 && t.classes.named == 0 &&
            labels_are(&t, (const int[]){7, -1, 3, -1, 7}),
        "numbers stay numbers");
    OK(t.row[3].at == 30 && t.row[3].size == 3 && strcmp(table_name(&t, 3), "d") == 0, "places");
    table_free(&t);

    const char *const words[] = {"dog", "cat", "", "2019", "dog"};
    t = make(name, words);
    OK(table_finish(&t, true, &err) == 0 && t.classes.count == 3 &&
            strcmp(t.classes.name[0], "2019") == 0 && strcmp(t.classes.name[2], "dog") == 0 &&
            labels_are(&t, (const int[]){2, 1, -1, 0, 2}),
        "one name among them makes all of them names, in bytewise order");
    table_free(&t);
    t = make(name, words);
    OK(table_finish(&t, false, &err) == 0 && t.classes.count == 3 &&
            strcmp(t.classes.name[0], "dog") == 0 && labels_are(&t, (const int[]){0, 1, -1, 2, 0}),
        "or as they came");
    table_free(&t);
    t = make(name, NULL);
    OK(table_finish(&t, true, &err) == 0 && t.classes.count == 0, "no labels");
    table_free(&t);

    check_folders((const char *const[]){"./top/b/1", "./top/a/x/2", "./top/3", NULL},
        (const int[]){1, 0, -1}, 2, "a", "classes behind the common folder");
    check_folders((const char *const[]){"b/1", "a/2", "./7/3", "/b/4", NULL},
        (const int[]){2, 1, 0, 2}, 3, "7", "classes from the top; numbers are names of folders");
    check_folders((const char *const[]){"cats/1", "cat/2", NULL}, (const int[]){1, 0}, 2, "cat",
        "folders that begin alike");
    check_folders((const char *const[]){"x/y/1", "x/y/2", NULL}, (const int[]){-1, -1}, 0, "",
        "all in one folder");
    check_folders((const char *const[]){"1", NULL}, (const int[]){-1}, 0, "", "no folder");
    return tap_done();
}
