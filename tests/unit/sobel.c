/* sobel -- TensorFlow's gradients, and edges whose steepness is known.
 * SPDX-License-Identifier: MIT */
#include "lib/image/sobel.h"

#include "tests/unit/golden.h"

static struct arena make_scratch(struct sobel *scratch, int x)
{
    struct arena arena = {0};
    struct err err = {0};
    sobel_layout(scratch, &arena, x);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    sobel_layout(scratch, &arena, x);
    return arena;
}

static void test_golden(const char *name)
{
    char key[40];
    int64_t shape[3];
    struct sobel scratch;
    snprintf(key, sizeof key, "in.%s", name);
    float *const in = golden_get(key, DTYPE_F32, 3, shape);
    snprintf(key, sizeof key, "dx.%s", name);
    float *const wanted_dx = golden_get(key, DTYPE_F32, 3, NULL);
    snprintf(key, sizeof key, "dy.%s", name);
    float *const wanted_dy = golden_get(key, DTYPE_F32, 3, NULL);
    const int y = (int)shape[1], x = (int)shape[2], n = y * x;
    struct arena arena = make_scratch(&scratch, x);
    double edge = 0;
    sobel_edges(in, 1, y, x, &scratch);
    for (int i = 0; i < n; i++) {
        const double steep = hypot((double)wanted_dx[i], (double)wanted_dy[i]) / 4;
        edge = fmax(edge, fabs((double)in[i] - fmin(steep, 1)));
    }
    OK(edge < 1e-6, "%s: steepness by the gradients of TensorFlow, off by %.1e", name, edge);
    free(in);
    free(wanted_dx);
    free(wanted_dy);
    arena_free(&arena);
}

int main(void)
{
    enum { Y = 5, X = 9 };
    struct sobel scratch;
    struct arena arena = make_scratch(&scratch, X);
    static float planes[3][Y][X];
    golden_open("tests/golden/sobel.safetensors");
    test_golden("a");
    test_golden("b");
    for (int j = 0; j < Y; j++)
        for (int i = 0; i < X; i++) {
            planes[0][j][i] = i >= 4;
            planes[1][j][i] = 0.7F;
            planes[2][j][i] = 0.1F * (float)j;
        }
    sobel_edges(&planes[0][0][0], 3, Y, X, &scratch);
    OK(planes[0][2][3] == 1 && planes[0][0][4] == 1, "black beside white is as steep as can be");
    OK(planes[0][2][2] == 0 && planes[0][2][5] == 0 && planes[0][2][0] == 0, "elsewhere flat");
    OK(planes[1][0][0] == 0 && planes[1][4][8] == 0, "an even plane has no edge, nor its border");
    NEAR(planes[2][2][4], 0.2, 1e-6, "a ramp of 0.1 a row");
    NEAR(planes[2][0][4], 0, 1e-6, "is level where it is mirrored");
    arena_free(&arena);
    safetensors_free(&golden);
    return tap_done();
}
