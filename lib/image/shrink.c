/* shrink -- a whole picture, made smaller: rows first, and each row is added where it belongs.
 * SPDX-License-Identifier: MIT */
#include "lib/image/shrink.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* The pixels that one new pixel is made of. */
struct taps {
    int first, count;
    float *weight; /* [count] */
};

static double keys(double t)
{
    t = fabs(t);
    if (t < 1)
        return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* The taps of n samples across m pixels; one allocation, NULL when there is no memory. */
static struct taps *taps_new(int m, int n)
{
    const double step = (double)m / n;
    const size_t most = (size_t)ceil(4 * step) + 2;
    struct taps *const taps = malloc((size_t)n * (sizeof *taps + most * sizeof(float)));
    if (taps == NULL)
        return NULL;
    float *weight = (float *)(taps + n);
    for (int i = 0; i < n; i++, weight += most) {
        const double centre = (i + 0.5) * step - 0.5;
        const int low = (int)fmax(ceil(centre - 2 * step), 0);
        const int high = (int)fmin(floor(centre + 2 * step), m - 1);
        double sum = 0;
        for (int k = low; k <= high; k++)
            sum += keys((k - centre) / step);
        for (int k = low; k <= high; k++)
            weight[k - low] = (float)(keys((k - centre) / step) / sum);
        taps[i] = (struct taps){low, high - low + 1, weight};
    }
    return taps;
}

/* One row at the new width: line [w,C]. */
static void across(
    float *line, const unsigned char *in, const struct taps *column, int w, int channels)
{
    for (int i = 0; i < w; i++)
        for (int c = 0; c < channels; c++) {
            float sum = 0;
            for (int k = 0; k < column[i].count; k++)
                sum += column[i].weight[k] * (float)in[(column[i].first + k) * channels + c];
            line[i * channels + c] = sum;
        }
}

/* sums [h,w,C] */
static void add_rows(float *sums, float *line, const struct picture *in, const struct taps *row,
    const struct taps *column, int h, int w)
{
    const size_t width = (size_t)w * in->channels, pitch = (size_t)in->width * in->channels;
    int top = 0; /* rows above it are complete */
    for (int y = 0; y < in->height; y++) {
        across(line, in->pixels + pitch * y, column, w, in->channels);
        while (top < h && row[top].first + row[top].count <= y)
            top++;
        for (int j = top; j < h && row[j].first <= y; j++)
            for (size_t i = 0; i < width; i++)
                sums[width * j + i] += row[j].weight[y - row[j].first] * line[i];
    }
}

int shrink_to(struct picture *out, const struct picture *in, int h, int w, struct err *err)
{
    if (picture_alloc(out, h, w, in->channels, SIZE_MAX, "a picture", err) < 0)
        return -1;
    const size_t size = (size_t)h * w * in->channels;
    float *const sums = calloc(size, sizeof *sums);
    float *const line = malloc((size_t)w * in->channels * sizeof *line);
    struct taps *const row = taps_new(in->height, h), *const column = taps_new(in->width, w);
    int failed = 0;
    if (sums == NULL || line == NULL || row == NULL || column == NULL) {
        failed = err_memory(err, "a smaller picture");
        picture_free(out);
    } else {
        add_rows(sums, line, in, row, column, h, w);
        for (size_t i = 0; i < size; i++)
            out->pixels[i] = (unsigned char)fminf(fmaxf(sums[i] + 0.5F, 0), 255);
    }
    free(sums);
    free(line);
    free(row);
    free(column);
    return failed;
}
