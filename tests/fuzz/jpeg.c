/* jpeg -- fuzz target: any bytes as a JPEG picture, measured, decoded whole and in part.
 *
 * A part must have the pixels of the whole at the same scale, to the bit, wherever the whole can be
 * decoded. The part is drawn from the bytes, so that an input is a plain file.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct picture_rules strict = {1 << 16, false}, lenient = {1 << 16, true};

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Numbers from 0 to n-1 that depend on the bytes. */
static int draw(uint32_t *state, int n)
{
    *state = *state * 1664525 + 1013904223;
    return (int)((uint64_t)(*state >> 8) * (uint64_t)n >> 24);
}

/* Decode the region, all of it if NULL; 0 when that went well. What failed has said why. */
static int decode(struct picture *out, const uint8_t *data, size_t size,
    const struct picture_region *region, const struct picture_rules *rules)
{
    struct err err = {0};
    const int got = jpeg_decode(out, data, size, region, rules, &err);
    require(got == 0 ? out->pixels != NULL && err.status == ERR_NONE
                     : out->pixels == NULL && err.status == ERR_INPUT && err.text[0] != '\0');
    return got;
}

/* The part has the region, as it is in all of the picture. */
static void compare(
    const struct picture *all, const struct picture *part, const struct picture_region *r)
{
    const int f = part->reduce, c = all->channels, x = r->x / f, y = r->y / f;
    const int right = (r->x + r->w - 1) / f + 1, bottom = (r->y + r->h - 1) / f + 1;
    require(f == all->reduce && part->channels == c && part->x >= 0 && part->x <= x &&
            part->y >= 0 && part->y <= y && part->x + part->width >= right &&
            part->x + part->width <= all->width && part->y + part->height >= bottom &&
            part->y + part->height <= all->height);
    for (int i = y; i < bottom; i++)
        require(
            memcmp(part->pixels + (size_t)(((i - part->y) * part->width + x - part->x) * c),
                all->pixels + (size_t)((i * all->width + x) * c), (size_t)((right - x) * c)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct picture whole, all, part;
    struct err err = {0};
    uint32_t state = (uint32_t)size;
    for (size_t i = 0; i < size; i++)
        state = state * 31 + data[i];
    if (jpeg_measure(&whole, data, size, &err) < 0) {
        require(err.status == ERR_INPUT && decode(&all, data, size, NULL, &strict) < 0);
        return 0;
    }
    if ((size_t)whole.height * (size_t)whole.width > strict.max_pixels) {
        require(decode(&all, data, size, NULL, &strict) < 0);
        return 0;
    }
    if (decode(&all, data, size, NULL, &lenient) == 0) {
        require(all.height == whole.height && all.width == whole.width &&
                all.channels == whole.channels);
        picture_free(&all);
    }
    for (int reduce = 1; reduce <= 8; reduce *= 2) {
        struct picture_region r = {0, 0, whole.width, whole.height, reduce};
        const int failed = decode(&all, data, size, &r, &strict);
        r.x = draw(&state, whole.width);
        r.y = draw(&state, whole.height);
        r.w = 1 + draw(&state, whole.width - r.x);
        r.h = 1 + draw(&state, whole.height - r.y);
        const int part_failed = decode(&part, data, size, &r, &strict);
        require(failed || !part_failed);
        if (!failed)
            compare(&all, &part, &r);
        picture_free(&all);
        picture_free(&part);
    }
    return 0;
}
