/* compare -- which tensors of two safetensors files differ by more than a tolerance?
 *
 * usage: compare A B TOLERANCE [WORD]
 *
 * Prints the name and the difference, max|a-b| / max|b|, of each; with WORD only tensors whose name
 * contains it are looked at. 0: none differs; 1: some do, or a tensor is in one file only, or no
 * tensor has been compared.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct safetensors load(const char *path)
{
    struct safetensors doc;
    struct err err = {0};
    if (safetensors_load(&doc, path, (size_t)1 << 30, &err) < 0) {
        fprintf(stderr, "compare: %s\n", err.text);
        exit(2);
    }
    return doc;
}

/* Infinite when the tensors cannot be compared, or a number is not finite. */
static double difference(const struct tensor *a, const struct tensor *b)
{
    double largest = 0, apart = 0;
    if (b == NULL || a->dtype != DTYPE_F32 || b->dtype != DTYPE_F32 || a->rank != b->rank ||
        memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) != 0)
        return INFINITY;
    for (size_t i = 0; i < a->bytes; i += sizeof(float)) {
        float x, y;
        memcpy(&x, (const char *)a->data + i, sizeof x);
        memcpy(&y, (const char *)b->data + i, sizeof y);
        if (!isfinite(x) || !isfinite(y))
            return INFINITY;
        largest = fmax(largest, fabs((double)y));
        apart = fmax(apart, fabs((double)x - y));
    }
    return apart == 0 ? 0 : apart / largest;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fputs("usage: compare A B TOLERANCE [WORD]\n", stderr);
        return 2;
    }
    struct safetensors a = load(argv[1]), b = load(argv[2]);
    int compared = 0, differ = argc == 4 && a.count != b.count;
    for (int i = 0; i < a.count; i++) {
        const struct tensor *const tensor = &a.tensor[i];
        if (argc == 5 && strstr(tensor->name, argv[4]) == NULL)
            continue;
        const double apart = difference(tensor, safetensors_find(&b, tensor->name));
        compared++;
        if (apart > atof(argv[3])) {
            printf("%s %.3g\n", tensor->name, apart);
            differ = 1;
        }
    }
    safetensors_free(&a);
    safetensors_free(&b);
    return differ || compared == 0;
}
