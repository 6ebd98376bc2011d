/* groups -- against scikit-learn and SciPy, and against all pairs joined by a plain twin.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/groups.h"

#include "lib/base/rng.h"
#include "lib/eval/cosine.h"
#include "lib/nn/gemm.h"
#include "tests/unit/golden.h"

#include <stdbool.h>

static float *unit(const float *row, int rows, int width)
{
    float *const out = malloc((size_t)rows * (size_t)width * sizeof *out);
    for (int i = 0; i < rows; i++)
        cosine_unit(out + i * width, row + i * width, width);
    return out;
}

static void test_golden(const char *name, double threshold)
{
    int64_t shape[2];
    char path[40];
    struct err err = {0};
    float *const x = golden_get("x", DTYPE_F32, 2, shape);
    snprintf(path, sizeof path, "group.%s", name);
    int64_t *const wanted = golden_get(path, DTYPE_I64, 1, NULL);
    snprintf(path, sizeof path, "nearest.%s", name);
    double *const cosine = golden_get(path, DTYPE_F64, 1, NULL);
    float *const rows = unit(x, (int)shape[0], (int)shape[1]);
    static int group[300];
    static float nearest[300];
    int same = 0;
    double worst = 0;
    OK(groups_find(
           group, nearest, rows, (int)shape[0], (int)shape[1], threshold, NULL, NULL, &err) == 0,
        "groups from %g on", threshold);
    for (int i = 0; i < shape[0]; i++) {
        same += group[i] == wanted[i];
        worst = fmax(worst, fabs((double)nearest[i] - cosine[i]));
    }
    OK(same == shape[0], "are SciPy's: %d rows of %d", same, (int)shape[0]);
    OK(worst < 1e-6, "and the nearest of each row as near: %.2g", worst);
    free(x);
    free(wanted);
    free(cosine);
    free(rows);
}

/* Every pair, joined by painting one group in the colour of the other. */
static void twin(int *group, float *nearest, const float *x, int rows, int width, double threshold)
{
    for (int i = 0; i < rows; i++) {
        group[i] = i;
        nearest[i] = 0;
    }
    for (int i = 0; i < rows; i++)
        for (int j = i + 1; j < rows; j++) {
            double cosine = 0;
            for (int d = 0; d < width; d++)
                cosine += (double)x[i * width + d] * x[j * width + d];
            if ((float)cosine < (float)threshold - GROUPS_SLACK)
                continue;
            nearest[i] = fmaxf(nearest[i], (float)cosine);
            nearest[j] = fmaxf(nearest[j], (float)cosine);
            const int low = group[i] < group[j] ? group[i] : group[j];
            const int high = group[i] < group[j] ? group[j] : group[i];
            for (int n = 0; n < rows; n++)
                group[n] = group[n] == high ? low : group[n];
        }
}

/* Points on a circle: the farther apart, the shorter the chains. */
static void test_twin(int rows, double threshold, double spread)
{
    float *const x = malloc((size_t)rows * 2 * sizeof *x);
    struct rng rng = rng_key(rows, 0, 0, 0, "groups");
    for (int i = 0; i < rows; i++) {
        const double angle = spread * (double)rng_below(&rng, 1000000);
        x[2 * i] = (float)cos(angle);
        x[2 * i + 1] = (float)sin(angle);
    }
    float *const row = unit(x, rows, 2);
    int *const group = malloc((size_t)rows * 3 * sizeof *group);
    float *const nearest = malloc((size_t)rows * 3 * sizeof *nearest);
    struct err err = {0};
    struct parallel *const parallel = parallel_new(3, &err);
    twin(group, nearest, row, rows, 2, threshold);
    groups_find(group + rows, nearest + rows, row, rows, 2, threshold, NULL, NULL, &err);
    groups_find(
        group + 2 * rows, nearest + 2 * rows, row, rows, 2, threshold, NULL, parallel, &err);
    int same = 0, alone = 0, leaders = 0;
    for (int i = 0; i < rows; i++) {
        same += group[i] == group[rows + i] && fabsf(nearest[i] - nearest[rows + i]) < 1e-6F;
        alone += nearest[i] == 0;
        leaders += group[i] == i;
    }
    OK(same == rows, "%d rows in %d groups, %d of them alone: %d as the twin's", rows, leaders,
        alone, same);
    OK(memcmp(group + rows, group + 2 * rows, (size_t)rows * sizeof *group) == 0 &&
            memcmp(nearest + rows, nearest + 2 * rows, (size_t)rows * sizeof *nearest) == 0,
        "three threads: the same bits");
    parallel_free(parallel);
    free(x);
    free(row);
    free(group);
    free(nearest);
}

/* All of them copies of one row: more pairs than anybody could note down. */
static void test_copies(void)
{
    enum { ROWS = 3001, WIDTH = 33 };
    float *const x = malloc((size_t)ROWS * WIDTH * sizeof *x);
    static int group[ROWS];
    static float nearest[ROWS];
    struct err err = {0};
    for (int i = 0; i < ROWS; i++) {
        for (int d = 0; d < WIDTH; d++)
            x[i * WIDTH + d] = (float)(d * d % 7 + 1) * (i == 1000 ? -1 : 1);
        cosine_unit(x + i * WIDTH, x + i * WIDTH, WIDTH);
    }
    groups_find(group, nearest, x, ROWS, WIDTH, 1, NULL, NULL, &err);
    int same = 0;
    for (int i = 0; i < ROWS; i++)
        same += group[i] == (i == 1000 ? i : 0) && (nearest[i] > 0.99F) == (i != 1000);
    OK(same == ROWS, "copies are found from 1 on, and the opposite is none: %d", same);
    free(x);
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS works");
    golden_open("tests/golden/search.safetensors");
    test_golden("tight", 0.999);
    test_golden("wide", 0.97);
    test_golden("loose", 0.7);
    safetensors_free(&golden);
    test_twin(1, 0.5, 1);
    test_twin(900, 0.99999, 0.37);
    test_twin(900, 0.999999, 0.37);
    test_twin(700, 0.95, 1e-5);
    test_copies();
    return tap_done();
}
