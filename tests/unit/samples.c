/* samples -- JPEG files that real decoders meet, where they are at hand (SIMCLR_DATA/jpeg-samples):
 * against Pillow, and the eight orientations of two scenes against each other.
 * SPDX-License-Identifier: MIT */
#include "formats/picture.h"

#include "tests/unit/file.h"
#include "tests/unit/golden.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *data; /* SIMCLR_DATA */

static const struct picture_rules usual = {PICTURE_PIXELS, false}, lenient = {PICTURE_PIXELS, true};

/* Sums over one of n x n pieces of a picture; grey counts for all three. Returns the pixels in it. */
static int add_up(double sum[3], const struct picture *p, int n, int piece)
{
    const int i = piece / n, j = piece % n;
    const int top = p->height * i / n, bottom = p->height * (i + 1) / n;
    const int left = p->width * j / n, right = p->width * (j + 1) / n;
    memset(sum, 0, 3 * sizeof *sum);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            for (int c = 0; c < 3; c++)
                sum[c] += p->pixels[((size_t)y * p->width + x) * p->channels +
                                    (p->channels == 3 ? c : 0)];
    return (bottom - top) * (right - left);
}

/* The largest difference of the means of 8 x 8 pieces from Pillow's. */
static double difference(const struct picture *p, const unsigned char *grid)
{
    double worst = 0;
    for (int piece = 0; piece < 64; piece++) {
        double sum[3];
        const int count = add_up(sum, p, 8, piece);
        for (int c = 0; c < 3; c++) {
            const double off = fabs(sum[c] / count - grid[piece * 3 + c]);
            worst = off > worst ? off : worst;
        }
    }
    return worst;
}

/* Is a piece out of the middle what it is in the whole? */
static int agrees(const struct bytes *in, const struct picture *whole)
{
    struct picture part;
    struct err err = {0};
    const struct picture_region r = {
        whole->width / 3, whole->height / 4, whole->width / 3, whole->height / 3, 1};
    if (picture_decode_region(&part, in->data, in->size, &r, &lenient, &err) < 0)
        return 0;
    const int c = whole->channels;
    int good = 1;
    for (int y = 0; y < r.h && good; y++)
        good = memcmp(part.pixels + (((size_t)(r.y - part.y + y) * part.width) + r.x - part.x) * c,
                   whole->pixels + ((size_t)(r.y + y) * whole->width + r.x) * c,
                   (size_t)(r.w * c)) == 0;
    picture_free(&part);
    return good;
}

static void check_file(const char *name)
{
    char path[4096], extents[120];
    snprintf(path, sizeof path, "%s/jpeg-samples/%s", data, name);
    snprintf(extents, sizeof extents, "%s.extents", name);
    const int cut = strcmp(name, "odd/truncated.jpg") == 0;
    unsigned char *const grid = golden_get(name, DTYPE_U8, 3, NULL);
    int64_t *const extent = golden_get(extents, DTYPE_I64, 1, NULL);
    struct bytes in = load(path);
    struct picture out, size;
    struct err err = {0};
    if (cut) {
        OK(picture_decode(&out, in.data, in.size, &usual, &err) < 0 &&
                strcmp(err.text, "JPEG is cut short") == 0,
            "%s is cut short", name);
        memset(&err, 0, sizeof err);
    }
    const int measured = picture_measure(&size, in.data, in.size, &err);
    OK(measured == 0 && size.height == extent[0] && size.width == extent[1], "%s is %d x %d", name,
        size.width, size.height);
    const int got = picture_decode(&out, in.data, in.size, cut ? &lenient : &usual, &err);
    OK(got == 0 && out.height == extent[0] && out.width == extent[1] && difference(&out, grid) <= 1,
        "%s is decoded as Pillow does %s", name, err.text);
    OK(got == 0 && agrees(&in, &out), "%s: so is a part of it", name);
    picture_free(&out);
    bytes_free(&in);
    free(grid);
    free(extent);
}

/* The scenes carry a numeral each, and files 2 to 8 a profile that makes them darker than file 1, for
 * those who look at it. Means of pieces of about 10 x 10 pixels do not see the noise of JPEG. */
enum { PIECES = 45 };

static void load_scene(double *out, const char *scene, int number)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/jpeg-samples/exif/%s_%d.jpg", data, scene, number);
    struct bytes in = load(path);
    struct picture p;
    struct err err = {0};
    if (picture_decode(&p, in.data, in.size, &usual, &err) < 0)
        memset(out, 0, 3 * PIECES * PIECES * sizeof *out);
    else
        for (int piece = 0; piece < PIECES * PIECES; piece++) {
            const int count = add_up(out + (size_t)3 * piece, &p, PIECES, piece);
            for (int c = 0; c < 3; c++)
                out[3 * piece + c] /= count;
        }
    picture_free(&p);
    bytes_free(&in);
}

static double correlation(const double *a, const double *b, int n)
{
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) {
        sa += a[i], sb += b[i];
        aa += a[i] * a[i], bb += b[i] * b[i], ab += a[i] * b[i];
    }
    return (n * ab - sa * sb) / sqrt((n * aa - sa * sa) * (n * bb - sb * sb));
}

static void check_scene(const char *scene)
{
    enum { N = 3 * PIECES * PIECES };
    static double means[9][N];
    for (int i = 1; i <= 8; i++)
        load_scene(means[i], scene, i);
    for (int i = 3; i <= 8; i++) {
        double mean = 0;
        for (int k = 0; k < N; k++)
            mean += fabs(means[i][k] - means[2][k]) / N;
        OK(mean < 2, "%s %d is %s 2: mean difference %.2f of 255", scene, i, scene, mean);
    }
    const double r = correlation(means[1], means[2], N);
    OK(r > 0.98, "%s 1 is %s 2 in other tones: correlation %.4f", scene, scene, r);
}

int main(void)
{
    golden_open("tests/golden/samples.safetensors");
    data = getenv("SIMCLR_DATA");
    if (data == NULL) {
        SKIP("no SIMCLR_DATA");
        return tap_done();
    }
    for (int i = 0; i < golden.count; i++)
        if (golden.tensor[i].dtype == DTYPE_U8)
            check_file(golden.tensor[i].name);
    check_scene("Landscape");
    check_scene("Portrait");

    char path[4096];
    snprintf(path, sizeof path, "%s/jpeg-samples/odd/corrupt-header.jpg", data);
    struct bytes in = load(path);
    for (int i = 0; i < 2; i++) {
        struct picture out;
        struct err err = {0};
        OK(picture_decode(&out, in.data, in.size, i == 0 ? &usual : &lenient, &err) < 0 &&
                strcmp(err.text, "JPEG is cut short") == 0,
            "odd/corrupt-header.jpg ends in its headers: refused by all rules");
    }
    bytes_free(&in);
    return tap_done();
}
