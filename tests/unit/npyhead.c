/* npyhead -- written as NumPy writes it, and read; what is refused is in npy.c.
 * SPDX-License-Identifier: MIT */
#include "formats/npyhead.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int comes_back(const struct npyhead *head)
{
    char text[NPYHEAD_SIZE], path[] = "/tmp/npyhead.XXXXXX";
    struct npyhead back;
    struct err err = {0};
    const size_t size = npyhead_write(text, head);
    const int fd = mkstemp(path);
    unlink(path);
    const int read = pwrite(fd, text, size, 3) == (ssize_t)size &&
                     npyhead_read(&back, fd, 3, (int64_t)size, "x", &err) == 0;
    close(fd);
    return read && size % 64 == 0 && text[size - 1] == '\n' && back.at == (int64_t)size + 3 &&
           strcmp(back.type, head->type) == 0 && back.fortran == head->fortran &&
           back.rank == head->rank &&
           memcmp(back.shape, head->shape, (size_t)head->rank * sizeof *head->shape) == 0;
}

int main(void)
{
    char text[NPYHEAD_SIZE];
    const struct npyhead matrix = {.type = "<f4", .rank = 2, .shape = {120, 6}};
    static const char wanted[] =
        "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, "
        "'shape': (120, 6), }";
    const size_t size = npyhead_write(text, &matrix);
    OK(size == 128 && memcmp(text, wanted, sizeof wanted - 1) == 0,
        "the bytes that numpy.save writes");
    OK(strspn(text + sizeof wanted - 1, " ") == size - sizeof wanted && text[127] == '\n',
        "blanks and a line end behind them");
    OK(comes_back(&matrix), "a matrix");
    OK(comes_back(&(struct npyhead){.type = "<i8", .rank = 1, .shape = {0}}), "no rows");
    OK(comes_back(&(struct npyhead){.type = "|b1", .rank = 0}), "a number");
    OK(comes_back(&(struct npyhead){.type = "<U262144",
           .fortran = true,
           .rank = 8,
           .shape = {999999999999999999, 999999999999999999, 999999999999999999, 999999999999999999,
               999999999999999999, 999999999999999999, 999999999999999999, 999999999999999999}}),
        "the longest there is");
    static const unsigned char bytes[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    OK(npyhead_integer(bytes, 1, true) == -2 && npyhead_integer(bytes, 1, false) == 254 &&
            npyhead_integer(bytes, 4, false) == 4294967294 && npyhead_integer(bytes, 8, true) == -2,
        "integers");
    return tap_done();
}
