/* gauss -- torchvision's blur of bytes, a plain twin, and what must hold for any picture.
 * SPDX-License-Identifier: MIT */
#include "lib/image/gauss.h"

#include "tests/unit/golden.h"
#include "tests/unit/noise.h"

static struct arena make_scratch(struct gauss *scratch, int y, int x, int taps)
{
    struct arena arena = {0};
    struct err err = {0};
    gauss_layout(scratch, &arena, y, x, taps);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    gauss_layout(scratch, &arena, y, x, taps);
    return arena;
}

static unsigned char *blurred(
    const unsigned char *planes, int channels, int y, int x, int taps, double sigma)
{
    struct gauss scratch;
    struct arena arena = make_scratch(&scratch, y, x, taps);
    const size_t n = (size_t)channels * y * x;
    unsigned char *const out = malloc(n);
    memcpy(out, planes, n);
    gauss_blur(out, channels, y, x, taps, sigma, &scratch);
    arena_free(&arena);
    return out;
}

static int mirror(int i, int n)
{
    return i < 0 ? -i : i < n ? i : 2 * n - 2 - i;
}

/* One sample in double, both directions at once. */
static double twin(const unsigned char *plane, int y, int x, int j, int i, int radius, double sigma)
{
    double sum = 0, total = 0;
    for (int v = -radius; v <= radius; v++)
        for (int u = -radius; u <= radius; u++) {
            const double w = exp(-0.5 * (u * u + v * v) / (sigma * sigma));
            sum += w * plane[mirror(j + v, y) * x + mirror(i + u, x)];
            total += w;
        }
    return sum / total;
}

static void test_golden(int number, const char *name, int taps, double sigma)
{
    char key[40];
    int64_t shape[3];
    snprintf(key, sizeof key, "picture.%s", name);
    unsigned char *const picture = golden_get(key, DTYPE_U8, 3, shape);
    const int y = (int)shape[0], x = (int)shape[1], n = y * x;
    unsigned char *const planes = malloc((size_t)n * 3);
    for (int i = 0; i < 3 * n; i++)
        planes[i % 3 * n + i / 3] = picture[i];
    snprintf(key, sizeof key, "gauss.%d", number);
    unsigned char *const wanted = golden_get(key, DTYPE_U8, 3, NULL);
    unsigned char *const out = blurred(planes, 3, y, x, taps, sigma);
    int most = 0, wrong = 0;
    for (int i = 0; i < 3 * n; i++) {
        most = abs(out[i] - wanted[i]) > most ? abs(out[i] - wanted[i]) : most;
        wrong += out[i] != wanted[i];
    }
    OK(most <= 1 && wrong * 1000 <= 3 * n, "%dx%d, %d taps, sigma %g: %d differ, by %d at most", x,
        y, taps, sigma, wrong, most);
    double worst = 0;
    for (int j = 0; j < y; j++)
        for (int i = 0; i < x; i++)
            worst = fmax(
                worst, fabs(out[n + j * x + i] - twin(planes + n, y, x, j, i, taps / 2, sigma)));
    OK(worst < 0.5 + 1e-4, "and rounds what a plain twin has: off by %.5f", worst);
    free(picture);
    free(planes);
    free(wanted);
    free(out);
}

static void test_properties(void)
{
    enum { Y = 40, X = 77, N = Y * X };
    static unsigned char planes[3 * N];
    for (int i = 0; i < N; i++) {
        planes[i] = 77;
        planes[N + i] = planes[2 * N + N - 1 - i] =
            (unsigned char)(127 * (1 + noise(3, (uint32_t)i)));
    }
    unsigned char *const out = blurred(planes, 3, Y, X, 7, 1.4);
    int even = 1, turned = 1;
    for (int i = 0; i < N; i++) {
        even &= out[i] == 77;
        turned &= abs(out[N + i] - out[2 * N + N - 1 - i]) <= 1;
    }
    OK(even, "an even plane stays as it is, borders too");
    OK(turned, "upside down is the same upside down");
    free(out);
    unsigned char *const sharp = blurred(planes, 3, Y, X, 9, 0.1);
    OK(memcmp(sharp, planes, sizeof planes) == 0, "a tiny sigma changes nothing");
    free(sharp);
    unsigned char *const one = blurred(planes, 3, Y, X, 1, 2);
    OK(memcmp(one, planes, sizeof planes) == 0, "neither does one tap");
    free(one);
}

int main(void)
{
    golden_open("tests/golden/kernels.safetensors");
    test_golden(0, "a", 3, 0.1);
    test_golden(1, "a", 9, 2.0);
    test_golden(2, "b", 23, 1.3);
    test_golden(3, "b", 33, 0.7);
    test_properties();
    safetensors_free(&golden);
    return tap_done();
}
