/* exif -- read the orientation from an Exif block.
 * SPDX-License-Identifier: MIT */
#include "formats/exif.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    PREFIX = 6, /* "Exif\0\0", and then the TIFF header that offsets are counted from */
    ENTRY = 12,
    ORIENTATION = 0x0112,
    BYTE = 1,
    SHORT = 3,
    LONG = 4
};

struct block {
    const unsigned char *data;
    size_t size;
    bool big; /* byte order: most significant first */
};

/* A number of `length` bytes, or 0 when it is not inside the block. */
static uint32_t number(const struct block *b, size_t at, int length)
{
    uint32_t value = 0;
    if (at > b->size || b->size - at < (size_t)length)
        return 0;
    for (int i = 0; i < length; i++)
        value |= (uint32_t)b->data[at + (size_t)i] << 8 * (b->big ? length - 1 - i : i);
    return value;
}

static uint32_t value_of(const struct block *b, size_t entry)
{
    switch (number(b, entry + 2, 2)) { /* writers differ in the type they give it */
    case BYTE:
        return number(b, entry + 8, 1);
    case SHORT:
        return number(b, entry + 8, 2);
    case LONG:
        return number(b, entry + 8, 4);
    default:
        return 0;
    }
}

int exif_orientation(const void *segment, size_t size)
{
    if (size < PREFIX || memcmp(segment, "Exif\0", PREFIX - 1) != 0) /* the sixth is padding */
        return 0;
    struct block b = {(const unsigned char *)segment + PREFIX, size - PREFIX, false};
    if (b.size < 8 || (memcmp(b.data, "II*\0", 4) != 0 && memcmp(b.data, "MM\0*", 4) != 0))
        return 1;
    b.big = b.data[0] == 'M';
    const size_t directory = number(&b, 4, 4);
    const uint32_t entries = number(&b, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        const size_t entry = directory + 2 + (size_t)i * ENTRY;
        if (entry > b.size || b.size - entry < ENTRY)
            return 1;
        if (number(&b, entry, 2) == ORIENTATION) {
            const uint32_t value = value_of(&b, entry);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}
