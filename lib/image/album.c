/* album -- thumbnails of certain pictures, picked out of a stream by their ids.
 * SPDX-License-Identifier: MIT */
#include "lib/image/album.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct album_wish *const x = a, *const y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void album_begin(struct album *album)
{
    qsort(album->wish, (size_t)album->wishes, sizeof *album->wish, by_id);
    album->left = album->wishes;
}

int album_header(
    struct album *album, const struct header *header, const char *source, struct err *err)
{
    if (thumbnail_find(&album->columns, header, source, err) < 0)
        return -1;
    album->id = header_need(header, "id", DTYPE_I64, 0, source, err);
    album->name = header_find(header, "name");
    if (album->name >= 0)
        album->name = header_need(header, "name", DTYPE_U8, -1, source, err);
    return err->status == ERR_NONE ? 0 : -1;
}

/* The first wish for an id, or -1. */
static int find(const struct album *album, int64_t id)
{
    int low = 0, high = album->wishes;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (album->wish[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < album->wishes && album->wish[low].id == id ? low : -1;
}

static int check_name(const struct album_wish *wish, const void *name, size_t bytes,
    const char *source, struct err *err)
{
    if (wish->name == NULL || bytes == 0 ||
        (bytes == wish->bytes && memcmp(name, wish->name, bytes) == 0))
        return 0;
    err_set(err, ERR_INPUT, "id %lld is '%.*s' in '%s', but '%.*s' among the features",
        (long long)wish->id, (int)(bytes < 150 ? bytes : 150), (const char *)name, source,
        (int)(wish->bytes < 150 ? wish->bytes : 150), wish->name);
    return err_hint(err, "the pictures must be those that the features were made of");
}

static int copy(struct picture *out, const struct picture *in, struct err *err)
{
    if (picture_alloc(out, in->height, in->width, in->channels, PICTURE_PIXELS, "a picture", err) <
        0)
        return -1;
    memcpy(out->pixels, in->pixels, (size_t)in->height * (size_t)in->width * (size_t)in->channels);
    return 0;
}

/* Wishes from `first` on, all of one id. */
static int fulfil(struct album *album, int first, const struct header *header,
    const struct record *record, int row, const char *source, struct err *err)
{
    const int64_t id = album->wish[first].id;
    const void *name = NULL;
    struct err reason = {0};
    struct picture *const thumb = &album->thumb[album->wish[first].place];
    const size_t bytes = album->name >= 0 ? record_row(header, record, album->name, row, &name) : 0;
    if (thumb->pixels != NULL || check_name(&album->wish[first], name, bytes, source, err) < 0)
        return err->status == ERR_NONE ? 0 : -1;
    if (thumbnail_take(thumb, &album->columns, header, record, row, album->cell, &reason) < 0) {
        if (reason.status != ERR_INPUT)
            return err_set(err, reason.status, "%s", reason.text);
        if (album->notice != NULL)
            album->notice(id, reason.text);
        return 0;
    }
    album->left--;
    for (int i = first + 1; i < album->wishes && album->wish[i].id == id; i++, album->left--)
        if (copy(&album->thumb[album->wish[i].place], thumb, err) < 0)
            return -1;
    return 0;
}

int album_record(struct album *album, const struct header *header, const struct record *record,
    const char *source, struct err *err)
{
    const int64_t *const id = record->field[album->id].data;
    for (int row = 0; row < record->rows && album->left > 0; row++) {
        const int first = find(album, id[row]);
        if (first >= 0 && fulfil(album, first, header, record, row, source, err) < 0)
            return -1;
    }
    return album->left > 0;
}
