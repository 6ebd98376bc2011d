/* region -- parts of JPEG pictures: the same pixels, to the bit, as when all of it is decoded.
 *
 * The files are made here, by the library that reads them: every sampling, scan order and
 * orientation, at extents around the sizes of the blocks.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct kind {
    const char *name;
    int components, h, v; /* sampling factors of the first (and fourth) component */
    int progressive, restart, adobe, interleave;
};

static const struct kind kinds[] = {
    {"4:4:4", 3, 1, 1, 0, 0, 0, 1},
    {"4:2:2", 3, 2, 1, 0, 0, 0, 1},
    {"4:2:0", 3, 2, 2, 0, 0, 0, 1},
    {"4:4:0", 3, 1, 2, 0, 0, 0, 1},
    {"4:1:1", 3, 4, 1, 0, 0, 0, 1},
    {"4:1:0", 3, 4, 2, 0, 0, 0, 1},
    {"4:2:0 progressive", 3, 2, 2, 1, 0, 0, 1},
    {"4:2:2 progressive", 3, 2, 1, 1, 0, 0, 1},
    {"4:4:4 progressive", 3, 1, 1, 1, 0, 0, 1},
    {"4:4:0 progressive", 3, 1, 2, 1, 0, 0, 1},
    {"4:2:0 in a scan a component", 3, 2, 2, 0, 0, 0, 0},
    {"4:2:0 with restarts", 3, 2, 2, 0, 3, 0, 1},
    {"grey", 1, 1, 1, 0, 0, 0, 1},
    {"grey, 2x2", 1, 2, 2, 0, 0, 0, 1},
    {"grey progressive", 1, 1, 1, 1, 0, 0, 1},
    {"CMYK", 4, 1, 1, 0, 0, 0, 1},
    {"YCCK 4:2:0", 4, 2, 2, 0, 5, 1, 1},
    {"YCCK 4:2:0 progressive", 4, 2, 2, 1, 0, 1, 1},
};

static struct rng rng;

static int below(int n)
{
    return (int)rng_below(&rng, n);
}

/* A file of random strokes: sharp edges everywhere. The result is to be freed. */
static unsigned char *make_file(
    const struct kind *k, int height, int width, int orientation, unsigned long *size)
{
    unsigned char tag[] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0o\0\0\0\0\0\0";
    unsigned char *file = NULL, *const row = malloc((size_t)(width * k->components));
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    jpeg_scan_info scan[4];
    *size = 0;
    library.err = jpeg_std_error(&errors);
    jpeg_create_compress(&library);
    jpeg_mem_dest(&library, &file, size);
    library.image_width = (unsigned)width;
    library.image_height = (unsigned)height;
    library.input_components = k->components;
    library.in_color_space = k->components == 1   ? JCS_GRAYSCALE
                             : k->components == 3 ? JCS_YCbCr
                                                  : JCS_CMYK;
    jpeg_set_defaults(&library);
    jpeg_set_quality(&library, 75, TRUE);
    if (k->adobe)
        jpeg_set_colorspace(&library, JCS_YCCK);
    library.write_Adobe_marker = k->adobe;
    library.comp_info[0].h_samp_factor = k->h;
    library.comp_info[0].v_samp_factor = k->v;
    if (k->components == 4) {
        library.comp_info[3].h_samp_factor = k->h;
        library.comp_info[3].v_samp_factor = k->v;
    }
    library.restart_interval = (unsigned)k->restart;
    if (k->progressive)
        jpeg_simple_progression(&library);
    if (!k->interleave) {
        for (int i = 0; i < k->components; i++)
            scan[i] = (jpeg_scan_info){1, {i, 0, 0, 0}, 0, 63, 0, 0};
        library.scan_info = scan;
        library.num_scans = k->components;
    }
    jpeg_start_compress(&library, TRUE);
    tag[25] = (unsigned char)orientation;
    if (orientation != 0)
        jpeg_write_marker(&library, JPEG_APP0 + 1, tag, sizeof tag - 1);
    for (int y = 0; y < height; y++) {
        JSAMPROW rows[1] = {row};
        for (int i = 0; i < width * k->components; i++)
            row[i] = (unsigned char)(i < k->components || below(4) == 0 ? below(256)
                                                                        : row[i - k->components]);
        jpeg_write_scanlines(&library, rows, 1);
    }
    jpeg_finish_compress(&library);
    jpeg_destroy_compress(&library);
    free(row);
    return file;
}

static int decode(
    struct picture *out, const unsigned char *file, size_t size, const struct picture_region *r)
{
    static const struct picture_rules usual = {PICTURE_PIXELS, false};
    struct err err = {0};
    const int got = jpeg_decode(out, file, size, r, &usual, &err);
    if (got < 0)
        printf("# %s\n", err.text);
    return got;
}

/* Is the part where it says it is, and has it all of the region, as it is in the whole? */
static int agrees(
    const struct picture *all, const struct picture *part, const struct picture_region *r)
{
    const int f = part->reduce, c = all->channels, x = r->x / f, y = r->y / f;
    const int right = (r->x + r->w - 1) / f + 1, bottom = (r->y + r->h - 1) / f + 1;
    if (f != all->reduce || part->channels != c || part->x > x || part->y > y ||
        part->x + part->width < right || part->y + part->height < bottom ||
        part->x + part->width > all->width || part->y + part->height > all->height)
        return 0;
    for (int i = y; i < bottom; i++)
        if (memcmp(part->pixels + (size_t)(((i - part->y) * part->width + x - part->x) * c),
                all->pixels + (size_t)((i * all->width + x) * c), (size_t)((right - x) * c)) != 0)
            return 0;
    return 1;
}

/* Random regions of one file at one scale. */
static int check_file(const unsigned char *file, size_t size, int regions, int reduce)
{
    struct picture all, whole;
    struct err err = {0};
    if (jpeg_measure(&whole, file, size, &err) < 0)
        return 0;
    struct picture_region r = {0, 0, whole.width, whole.height, reduce};
    if (decode(&all, file, size, &r) < 0)
        return 0;
    int good = all.reduce <= reduce && all.width == (whole.width + all.reduce - 1) / all.reduce &&
               all.height == (whole.height + all.reduce - 1) / all.reduce;
    for (int i = 0; i < regions && good; i++) {
        struct picture part;
        r.x = below(whole.width);
        r.y = below(whole.height);
        r.w = 1 + below(whole.width - r.x);
        r.h = 1 + below(whole.height - r.y);
        good = decode(&part, file, size, &r) == 0 && agrees(&all, &part, &r);
        if (!good)
            printf("# %d x %d: %d x %d at %d,%d reduced %d\n", whole.width, whole.height, r.w, r.h,
                r.x, r.y, reduce);
        picture_free(&part);
    }
    picture_free(&all);
    return good;
}

static void check_kind(const struct kind *k, int regions)
{
    static const int extents[][2] = {{97, 131}, {64, 48}, {33, 17}, {5, 3}, {1, 70}};
    for (int reduce = 1; reduce <= 8; reduce *= 2) {
        int good = 1;
        for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
            for (int orientation = 0; orientation <= 8; orientation++) {
                unsigned long size;
                unsigned char *const file =
                    make_file(k, extents[i][0], extents[i][1], orientation, &size);
                good &= check_file(file, size, regions, reduce);
                free(file);
            }
        }
        OK(good, "%s at 1/%d: regions are parts of the whole", k->name, reduce);
    }
}

/* Of a region that ends high up, damage further down is not seen; of a progressive file it is. */
static void check_damage_behind(void)
{
    static const struct picture_rules usual = {PICTURE_PIXELS, false};
    const struct picture_region top = {3, 1, 40, 30, 1}, outside = {0, 0, 65, 1, 1};
    for (int i = 2; i <= 6; i += 4) {
        unsigned long size;
        unsigned char *const file = make_file(&kinds[i], 200, 64, 0, &size);
        struct picture part, whole;
        struct err err = {0}, none = {0}, wrong = {0}, cut = {0};
        OK(jpeg_decode(&part, file, size / 2, &top, &usual, &cut) < 0 &&
                strcmp(cut.text, "JPEG is cut short") == 0,
            "%s: a file without an end is refused whatever is wanted of it", kinds[i].name);
        memcpy(file + size / 2 - 2, "\xff\xd9", 2);
        OK(jpeg_decode(&whole, file, size / 2, NULL, &usual, &err) < 0 &&
                strcmp(err.text, "JPEG is cut short") == 0,
            "%s: half of a file is refused", kinds[i].name);
        const int got = jpeg_decode(&part, file, size / 2, &top, &usual, &none);
        OK(i == 6 ? got < 0
                  : got == 0 && part.x <= 3 && part.x + part.width >= 43 && part.height == 30,
            "%s: half of a file %s", kinds[i].name,
            i == 6 ? "has nothing whole" : "is enough for its top");
        OK(jpeg_decode(&whole, file, size, &outside, &usual, &wrong) < 0 &&
                wrong.status == ERR_FAILED,
            "a region must be inside");
        picture_free(&part);
        free(file);
    }
}

int main(int argc, char **argv)
{
    const int regions = argc > 1 ? atoi(argv[1]) : 12;
    rng = rng_key(1, 0, 0, 0, "region");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind(&kinds[i], regions);
    check_damage_behind();
    return tap_done();
}
