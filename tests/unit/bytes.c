/* bytes -- growing, and limits when reading.
 * SPDX-License-Identifier: MIT */
#include "formats/bytes.h"

#include "tests/unit/tap.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    struct bytes b = {0};
    struct err err = {0};
    int good = 1;
    for (int i = 0; i < 100000; i++) {
        unsigned char *const room = bytes_room(&b, 3, &err);
        memset(room, i & 255, 3);
        b.size += 3;
    }
    for (int i = 0; i < 100000; i++)
        good &= b.data[3 * i + 2] == (i & 255);
    OK(good && b.size == 300000, "what was put in stays");
    OK(b.capacity < 1000000, "room at most doubles");
    OK(bytes_room(&b, SIZE_MAX, &err) == NULL && err.status == ERR_FAILED && b.size == 300000,
        "more than memory is refused and nothing lost");
    bytes_free(&b);

    static char data[100000];
    memset(&err, 0, sizeof err);
    FILE *const file = tmpfile();
    fwrite(data, 1, sizeof data, file);
    fflush(file);
    const int fd = fileno(file);
    data[99999] = 'x';
    OK(pwrite(fd, data + 99999, 1, 99999) == 1, "a byte is changed");
    b.size = 1;
    memset(&err, 0, sizeof err);
    OK(bytes_read_at(&b, fd, 99990, 10, "x", &err) == 0 && b.size == 11 && b.data[10] == 'x',
        "read at a place");
    OK(bytes_read_at(&b, fd, 99990, 11, "x", &err) < 0 && err.status == ERR_FAILED && b.size == 11,
        "not beyond the end: %s", err.text);
    fclose(file);
    bytes_free(&b);
    return tap_done();
}
