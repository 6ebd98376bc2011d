/* err -- the first error wins, and a sentence never overflows.
 * SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <string.h>

int main(void)
{
    struct err err = {0};
    OK(err_set(&err, ERR_INPUT, "record %d is bad", 3) == -1, "the result is -1");
    OK(err.status == ERR_INPUT && strcmp(err.text, "record 3 is bad") == 0, "status and sentence");
    errno = ENOENT;
    err_errno(&err, "cannot open '%s'", "x");
    err_memory(&err, "tensors");
    OK(err.status == ERR_INPUT && strcmp(err.text, "record 3 is bad") == 0, "the first error wins");
    OK(err_hint(&err, "try %s", "this") == -1 && err_hint(&err, "or that") == -1 &&
            strcmp(err.hint, "try this") == 0,
        "the first hint wins");

    err = (struct err){0};
    errno = ENOENT;
    OK(err_errno(&err, "cannot open '%s'", "x") == -1 && err.status == ERR_FAILED &&
            strcmp(err.text, "cannot open 'x': No such file or directory") == 0,
        "strerror stands last");

    char name[2000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    err = (struct err){0};
    errno = EIO;
    err_errno(&err, "cannot read '%s'", name);
    OK(strlen(err.text) == sizeof err.text - 1, "a long name is cut");
    err = (struct err){0};
    err_memory(&err, "weights");
    OK(err.status == ERR_FAILED && strstr(err.text, "weights") != NULL, "memory names its purpose");
    return tap_done();
}
