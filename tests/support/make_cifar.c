/* make_cifar -- a small file in the layout of CIFAR-10, of made-up pictures that differ by class.
 *
 * usage: make_cifar N SEED > FILE
 *
 * Class l has stripes of its own direction, period and colour, under noise: enough for an encoder to
 * learn something, and the same bytes on every machine.
 * SPDX-License-Identifier: MIT */
#include "lib/base/rng.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 32, CLASSES = 10 };

static void make_picture(unsigned char *planes, int label, struct rng *rng)
{
    const int period = 3 + label % 5, direction = label % 2;
    const int phase = (int)rng_below(rng, period);
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                const int along = (direction ? x : y) + phase;
                const int stripe = along % period < period / 2 ? 60 : 0;
                const int tint = (label * (37 + 50 * c)) % 100;
                *planes++ = (unsigned char)(stripe + tint + (int)rng_below(rng, 90));
            }
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: make_cifar N SEED\n", stderr);
        return 2;
    }
    const int n = atoi(argv[1]);
    for (int i = 0; i < n; i++) {
        unsigned char record[1 + 3 * SIDE * SIDE];
        struct rng rng = rng_key(atoi(argv[2]), 0, i, 0, "make_cifar");
        record[0] = (unsigned char)rng_below(&rng, CLASSES);
        make_picture(record + 1, record[0], &rng);
        if (fwrite(record, sizeof record, 1, stdout) != 1)
            return 1;
    }
    return fclose(stdout) == 0 ? 0 : 1;
}
