/* thumbnail -- the picture of a row, small enough for a cell.
 * SPDX-License-Identifier: MIT */
#include "lib/image/thumbnail.h"

#include "lib/image/sheet.h"
#include "lib/image/shrink.h"

#include <string.h>

int thumbnail_find(
    struct thumbnail_columns *out, const struct header *header, const char *source, struct err *err)
{
    out->pixels = header_find(header, "pixels");
    out->bytes = out->pixels < 0 ? header_find(header, "bytes") : -1;
    if (out->bytes >= 0)
        out->bytes = header_need(header, "bytes", DTYPE_U8, -1, source, err);
    else
        out->pixels = header_need_varying(header, "pixels", DTYPE_U8, 3, source, err);
    return err->status == ERR_NONE ? 0 : -1;
}

/* `whole`, which is freed or handed on, as it fits a cell. */
static int make_small(
    struct picture *out, struct picture *whole, int height, int width, struct err *err)
{
    if (height >= whole->height && width >= whole->width) {
        *out = *whole; /* enlarged when it is drawn */
        return 0;
    }
    const int failed = shrink_to(out, whole, height, width, err);
    picture_free(whole);
    return failed;
}

int thumbnail_decode(struct picture *out, const void *data, size_t size, int cell, struct err *err)
{
    const struct picture_rules rules = {PICTURE_PIXELS, false};
    struct picture whole;
    int height, width;
    if (picture_measure(&whole, data, size, err) < 0)
        return -1;
    struct picture_region all = {0, 0, whole.width, whole.height, 8};
    const int side = whole.height > whole.width ? whole.height : whole.width;
    while (all.reduce > 1 && side / all.reduce < 2 * cell)
        all.reduce /= 2;
    sheet_fit(&height, &width, whole.height, whole.width, cell);
    if (picture_decode_region(&whole, data, size, &all, &rules, err) < 0)
        return -1;
    return make_small(out, &whole, height, width, err);
}

int thumbnail_take(struct picture *out, const struct thumbnail_columns *columns,
    const struct header *header, const struct record *record, int row, int cell, struct err *err)
{
    const void *data;
    const int column = columns->pixels >= 0 ? columns->pixels : columns->bytes;
    const size_t size = record_row(header, record, column, row, &data);
    if (columns->pixels < 0)
        return thumbnail_decode(out, data, size, cell, err);
    const int *const shape = record_shape(header, record, column);
    if (shape[2] != 1 && shape[2] != 3)
        return err_set(err, ERR_INPUT, "'pixels' of shape [%d,%d,%d], not [h,w,3 or 1]", shape[0],
            shape[1], shape[2]);
    struct picture whole;
    int height, width;
    if (picture_alloc(&whole, shape[0], shape[1], shape[2], PICTURE_PIXELS, "a picture", err) < 0)
        return -1;
    memcpy(whole.pixels, data, size);
    sheet_fit(&height, &width, whole.height, whole.width, cell);
    return make_small(out, &whole, height, width, err);
}
