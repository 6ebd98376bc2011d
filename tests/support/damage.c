/* damage -- pass standard input on, with the byte at OFFSET changed, or only up to there; leave when
 * the reader does.
 *
 * usage: damage OFFSET [cut]
 *
 * Unlike cat it looks at both ends while it waits, as the tools do, so that it holds no pipe open for
 * the dead.
 * SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long left = argc > 1 ? atol(argv[1]) : 0;
    unsigned char buffer[4096];
    for (;;) {
        struct pollfd ends[2] = {{.fd = 0, .events = POLLIN}, {.fd = 1}};
        if (poll(ends, 2, -1) < 0 || (ends[1].revents & POLLERR))
            return 1;
        ssize_t got = read(0, buffer, sizeof buffer);
        if (argc > 2 && got > left)
            got = left;
        if (got <= 0)
            return 0;
        if (left >= 0 && left < got)
            buffer[left] ^= 0x55;
        left -= got;
        for (ssize_t sent = 0, n; sent < got; sent += n)
            if ((n = write(1, buffer + sent, (size_t)(got - sent))) < 0)
                return 1;
        if (argc > 2 && left == 0) /* not only when more comes: everybody may be waiting for it */
            return 0;
    }
}
