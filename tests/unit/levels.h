/* levels.h -- an operation on floats against the bytes that Pillow makes of the pictures a, b, c.
 * SPDX-License-Identifier: MIT */
#ifndef LEVELS_H
#define LEVELS_H

#include "tests/unit/golden.h"

/* planes [3][n], in place */
static void levels_test(const char *name, void (*operation)(float *planes, size_t n))
{
    for (const char *which = "abc"; *which != '\0'; which++) {
        char key[40];
        int64_t shape[3];
        snprintf(key, sizeof key, "picture.%c", *which);
        unsigned char *const picture = golden_get(key, DTYPE_U8, 3, shape);
        const size_t n = (size_t)(shape[0] * shape[1]);
        snprintf(key, sizeof key, "%s.%c", name, *which);
        unsigned char *const wanted = golden_get(key, DTYPE_U8, 3, NULL);
        float *const planes = malloc(3 * n * sizeof *planes);
        for (size_t i = 0; i < 3 * n; i++)
            planes[i % 3 * n + i / 3] = (float)picture[i] * (1.0F / 255);
        operation(planes, n);
        size_t wrong = 0;
        for (size_t i = 0; i < 3 * n; i++)
            wrong += (int)(255 * planes[i] + 0.5F) != wanted[i];
        OK(wrong == 0, "%s of picture %c: %zu bytes differ from Pillow's", name, *which, wrong);
        free(picture);
        free(wanted);
        free(planes);
    }
}

#endif
