/* classes -- lists of names.
 * SPDX-License-Identifier: MIT */
#include "formats/classes.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    struct classes c = {0};
    struct err err = {0};
    char name[20], folder[] = "/tmp/classes.XXXXXX", path[100];
    int good = 1;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "c%d", i);
        good &= classes_add(&c, name, &err) == i;
    }
    OK(good && c.count == 300 && c.named == 300, "names are numbered as they come");
    OK(classes_find(&c, "c299") == 299 && classes_find(&c, "c0") == 0, "names are found");
    OK(classes_find(&c, "c") == -1, "others are not");
    classes_free(&c);

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/names.txt", folder);
    FILE *const out = fopen(path, "w");
    fputs("cat\r\n\nsea horse\n", out);
    fclose(out);
    snprintf(path, sizeof path, "%s/data.bin", folder);
    OK(classes_beside(&c, 2, path, "names.txt", &err) == 0 && c.count == 2 && c.named == 2 &&
            strcmp(c.name[0], "cat") == 0 && strcmp(c.name[1], "sea horse") == 0,
        "lines of a file beside; blank lines and CR are no names");
    classes_free(&c);
    OK(classes_beside(&c, 3, path, "names.txt", &err) == 0 && c.count == 3 && c.named == 0,
        "a file with another number of lines names nothing");
    OK(classes_beside(&c, 3, path, "none.txt", &err) == 0 && c.count == 3 && c.named == 0,
        "neither does a file that is not there");
    snprintf(path, sizeof path, "%s/names.txt", folder);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
