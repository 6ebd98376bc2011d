/* picture -- tell encodings by content and hand over to their decoders.
 * SPDX-License-Identifier: MIT */
#include "formats/picture.h"

#include "formats/jpeg.h"
#include "formats/png.h"
#include "formats/pnm.h"
#include "lib/base/shape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Kinds that people have in their folders and that cannot be read: a name says more than "unknown".
 */
static const struct {
    const char *name;
    size_t skip, length;
    const char *magic;
} others[] = {
    {"GIF", 0, 4, "GIF8"},
    {"WebP", 8, 4, "WEBP"},
    {"TIFF", 0, 4, "II*\0"},
    {"TIFF", 0, 4, "MM\0*"},
    {"HEIF", 4, 5, "ftyph"},
    {"HEIF", 4, 6, "ftypmi"},
    {"AVIF", 4, 8, "ftypavif"},
    {"JPEG XL", 0, 2, "\xff\x0a"},
    {"JPEG XL", 4, 8, "JXL \r\n\x87\n"},
    {"JPEG 2000", 4, 8, "jP  \r\n\x87\n"},
    {"PNM as text", 0, 2, "P1"},
    {"PNM as text", 0, 2, "P2"},
    {"PNM as text", 0, 2, "P3"},
    {"PBM", 0, 2, "P4"},
    {"BMP", 0, 2, "BM"},
};

static int refuse(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (size == 0)
        return err_set(err, ERR_INPUT, "empty");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (size >= others[i].skip + others[i].length &&
            memcmp((const char *)bytes + others[i].skip, others[i].magic, others[i].length) == 0)
            return err_set(err, ERR_INPUT, "%s is not supported", others[i].name);
    return err_set(err, ERR_INPUT, "not a picture of a known kind");
}

enum picture_kind picture_kind(const void *bytes, size_t size)
{
    return jpeg_is(bytes, size)  ? PICTURE_JPEG
           : png_is(bytes, size) ? PICTURE_PNG
           : pnm_is(bytes, size) ? PICTURE_PNM
                                 : PICTURE_UNKNOWN;
}

int picture_decode(struct picture *out, const void *bytes, size_t size,
    const struct picture_rules *rules, struct err *err)
{
    switch (picture_kind(bytes, size)) {
    case PICTURE_JPEG:
        return jpeg_decode(out, bytes, size, NULL, rules, err);
    case PICTURE_PNG:
        return png_decode(out, bytes, size, rules->max_pixels, err);
    case PICTURE_PNM:
        return pnm_decode(out, bytes, size, rules->max_pixels, err);
    default:
        return refuse(out, bytes, size, err);
    }
}

int picture_decode_region(struct picture *out, const void *bytes, size_t size,
    const struct picture_region *region, const struct picture_rules *rules, struct err *err)
{
    if (picture_kind(bytes, size) == PICTURE_JPEG)
        return jpeg_decode(out, bytes, size, region, rules, err);
    return picture_decode(out, bytes, size, rules, err);
}

int picture_measure(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    switch (picture_kind(bytes, size)) {
    case PICTURE_JPEG:
        return jpeg_measure(out, bytes, size, err);
    case PICTURE_PNG:
        return png_measure(out, bytes, size, err);
    case PICTURE_PNM:
        return pnm_measure(out, bytes, size, err);
    default:
        return refuse(out, bytes, size, err);
    }
}

int picture_check(int height, int width, size_t max_pixels, const char *kind, struct err *err)
{
    if (height < 1 || width < 1)
        return err_set(err, ERR_INPUT, "%s has no pixels (%d x %d)", kind, width, height);
    if (shape_times((size_t)height, (size_t)width) > max_pixels)
        return err_set(err, ERR_INPUT, "%s of %d x %d has more than %zu pixels", kind, width,
            height, max_pixels);
    return 0;
}

int picture_alloc(struct picture *out, int height, int width, int channels, size_t max_pixels,
    const char *kind, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (picture_check(height, width, max_pixels, kind, err) < 0)
        return -1;
    const size_t bytes = shape_times(shape_times((size_t)height, (size_t)width), (size_t)channels);
    unsigned char *const room = bytes > PTRDIFF_MAX ? NULL : malloc(bytes);
    if (room == NULL)
        return err_memory(err, "a picture");
    *out = (struct picture){height, width, channels, room, 0, 0, 1};
    return 0;
}

void picture_free(struct picture *picture)
{
    free(picture->pixels);
    memset(picture, 0, sizeof *picture);
}
