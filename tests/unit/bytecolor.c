/* bytecolor -- each operation against Pillow's bytes; the hue against a plain twin for all colours.
 * SPDX-License-Identifier: MIT */
#include "lib/image/bytecolor.h"

#include "tests/unit/golden.h"

#include <stdbool.h>

static unsigned char *colors; /* [3][n] */
static size_t n;

static size_t differences(const unsigned char *a, const unsigned char *b, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += a[i] != b[i];
    return wrong;
}

enum operation { BRIGHTNESS, CONTRAST, SATURATION, HUE };

static void test_operation(const char *name, enum operation operation)
{
    char key[40];
    int64_t count;
    unsigned char *const rgb = malloc(3 * n);
    snprintf(key, sizeof key, "%s.amounts", name);
    double *const amounts = golden_get(key, DTYPE_F64, 1, &count);
    unsigned char *const wanted = golden_get(name, DTYPE_U8, 4, NULL);
    for (int i = 0; i < count; i++) {
        memcpy(rgb, colors, 3 * n);
        switch (operation) {
        case BRIGHTNESS:
            bytecolor_brightness(rgb, n, (float)amounts[i]);
            break;
        case CONTRAST:
            bytecolor_contrast(rgb, n, (float)amounts[i]);
            break;
        case SATURATION:
            bytecolor_saturation(rgb, n, (float)amounts[i]);
            break;
        case HUE:
            bytecolor_hue(rgb, n, amounts[i]);
        }
        const size_t wrong = differences(rgb, wanted + 3 * n * (size_t)i, 3 * n);
        OK(wrong == 0, "%s %g: %zu of %zu bytes differ from Pillow's", name, amounts[i], wrong,
            3 * n);
    }
    free(rgb);
    free(amounts);
    free(wanted);
}

/* Hue, saturation and value as colorsys has them, rounded to float where Pillow does. */
static void to_hsv(int hsv[3], int r, int g, int b)
{
    const int high = r > g ? (r > b ? r : b) : g > b ? g : b;
    const int low = r < g ? (r < b ? r : b) : g < b ? g : b;
    hsv[0] = hsv[1] = 0;
    hsv[2] = high;
    if (low == high)
        return;
    const float range = (float)(high - low), rc = (float)(high - r) / range;
    const float gc = (float)(high - g) / range, bc = (float)(high - b) / range;
    float angle;
    if (r == high)
        angle = bc - gc;
    else if (g == high)
        angle = (float)(2.0 + (double)rc - (double)bc);
    else
        angle = (float)(4.0 + (double)gc - (double)rc);
    angle = (float)fmod((double)angle / 6.0 + 1.0, 1.0);
    hsv[0] = (int)((double)angle * 255.0);
    hsv[1] = (int)((double)(range / (float)high) * 255.0);
}

static void from_hsv(unsigned char rgb[3], int h, int s, int v)
{
    const double sixths = h * 6.0 / 255.0;
    const int sector = (int)sixths;
    const float f = (float)(sixths - sector), fs = (float)(s / 255.0);
    const unsigned char x = (unsigned char)v, p = (unsigned char)round(v * (1.0 - (double)fs));
    const unsigned char q = (unsigned char)round(v * (1.0 - (double)(fs * f)));
    const unsigned char t = (unsigned char)round(v * (1.0 - (double)fs * (1.0 - (double)f)));
    const unsigned char all[6][3] = {
        {x, t, p}, {q, x, p}, {p, x, t}, {p, q, x}, {t, p, x}, {x, p, q}};
    memcpy(rgb, all[sector % 6], 3);
}

/* All 2^24 colours, turned by `step` of 255. */
static void test_all_hues(int step)
{
    enum { PLANE = 1 << 16 };
    static unsigned char rgb[3 * PLANE];
    size_t wrong = 0;
    for (int r = 0; r < 256; r++) {
        for (int i = 0; i < PLANE; i++) {
            rgb[i] = (unsigned char)r;
            rgb[PLANE + i] = (unsigned char)(i >> 8);
            rgb[2 * PLANE + i] = (unsigned char)i;
        }
        bytecolor_hue(rgb, PLANE, (step + (step < 0 ? -0.5 : 0.5)) / 255);
        for (int i = 0; i < PLANE; i++) {
            int hsv[3];
            unsigned char wanted[3];
            to_hsv(hsv, r, i >> 8, i & 255);
            from_hsv(wanted, (hsv[0] + step) & 255, hsv[1], hsv[2]);
            wrong += rgb[i] != wanted[0] || rgb[PLANE + i] != wanted[1] ||
                     rgb[2 * PLANE + i] != wanted[2];
        }
    }
    OK(wrong == 0, "all colours turned by %d of 255: %zu differ", step, wrong);
}

/* No count of pixels, so no tail of a vector, changes what one pixel becomes. */
static void test_tails(void)
{
    unsigned char whole[3 * 200], one[3];
    bool same = true;
    for (int m = 1; m < 200; m += 11) {
        for (int i = 0; i < 3 * m; i++)
            whole[i] = (unsigned char)(i * 89 + m);
        const int last = m - 1;
        for (int c = 0; c < 3; c++)
            one[c] = whole[c * m + last];
        bytecolor_hue(whole, (size_t)m, 0.2);
        bytecolor_saturation(whole, (size_t)m, 1.5F);
        bytecolor_hue(one, 1, 0.2);
        bytecolor_saturation(one, 1, 1.5F);
        for (int c = 0; c < 3; c++)
            same &= one[c] == whole[c * m + last];
    }
    OK(same, "a pixel becomes the same alone and as the last of many");
}

int main(void)
{
    int64_t shape[3];
    golden_open("tests/golden/kernels.safetensors");
    unsigned char *const picture = golden_get("picture.b", DTYPE_U8, 3, shape);
    n = (size_t)(shape[0] * shape[1]);
    colors = malloc(3 * n);
    for (size_t i = 0; i < 3 * n; i++)
        colors[i % 3 * n + i / 3] = picture[i];
    test_operation("brightness", BRIGHTNESS);
    test_operation("contrast", CONTRAST);
    test_operation("saturation", SATURATION);
    test_operation("hue", HUE);
    unsigned char *const grey = golden_get("grey", DTYPE_U8, 3, NULL);
    bytecolor_grey(colors, n);
    OK(differences(colors, grey, 3 * n) == 0, "grey is Pillow's");
    test_all_hues(21);
    test_tails();
    free(picture);
    free(grey);
    free(colors);
    safetensors_free(&golden);
    return tap_done();
}
