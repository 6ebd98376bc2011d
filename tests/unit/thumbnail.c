/* thumbnail -- as small as its cell, no smaller.
 * SPDX-License-Identifier: MIT */
#include "lib/image/thumbnail.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* The longer side for each cell: the cell, or that of the picture. */
static void test_file(const char *path)
{
    static const int cells[] = {1, 5, 16, 20, 1000};
    struct bytes file = load(path);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct err err = {0};
        struct picture whole, out;
        picture_measure(&whole, file.data, file.size, &err);
        const int side = whole.width > whole.height ? whole.width : whole.height;
        if (thumbnail_decode(&out, file.data, file.size, cells[i], &err) < 0) {
            OK(0, "%s: %s", path, err.text);
            continue;
        }
        const int got = out.width > out.height ? out.width : out.height;
        OK(got == (cells[i] < side ? cells[i] : side), "%s of %d in %d: %d x %d", path, side,
            cells[i], out.width, out.height);
        picture_free(&out);
    }
    struct err err = {0};
    struct picture out;
    OK(thumbnail_decode(&out, file.data, file.size / 2, 16, &err) < 0 && err.status == ERR_INPUT,
        "cut: %s", err.text);
    err = (struct err){0};
    OK(thumbnail_decode(&out, file.data, 0, 16, &err) < 0 && err.status == ERR_INPUT, "empty: %s",
        err.text);
    bytes_free(&file);
}

int main(void)
{
    test_file("tests/golden/jpeg_colour.jpg");
    test_file("tests/golden/jpeg_grey.jpg");
    return tap_done();
}
