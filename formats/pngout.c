/* pngout -- libpng's writer behind an interface that returns errors.
 *
 * The library reports errors through a callback that must not return; it leaves by longjmp to the
 * one setjmp in encode().
 * SPDX-License-Identifier: MIT */
#include "formats/pngout.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

struct target {
    struct channel *channel; /* or */
    struct bytes *bytes;
    struct err *err;
    jmp_buf leave;
};

static void fail(png_structp library, png_const_charp text)
{
    struct target *const target = png_get_error_ptr(library);
    err_set(target->err, ERR_FAILED, "cannot write '%s': libpng: %s",
        target->channel != NULL ? channel_name(target->channel) : "a PNG picture", text);
    longjmp(target->leave, 1);
}

static void say_nothing(png_structp library, png_const_charp text)
{
    (void)library;
    (void)text;
}

static void put(png_structp library, png_bytep data, size_t size)
{
    struct target *const target = png_get_io_ptr(library);
    if (target->channel != NULL) {
        if (channel_write(target->channel, data, size, target->err) < 0)
            longjmp(target->leave, 1);
        return;
    }
    unsigned char *const room = bytes_room(target->bytes, size, target->err);
    if (room == NULL)
        longjmp(target->leave, 1);
    memcpy(room, data, size);
    target->bytes->size += size;
}

static void flush(png_structp library)
{
    (void)library;
}

static void write_all(png_structp library, png_infop info, const struct picture *picture)
{
    const size_t pitch = (size_t)picture->width * picture->channels;
    png_set_IHDR(library, info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
        picture->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(library, info);
    for (int y = 0; y < picture->height; y++)
        png_write_row(library, picture->pixels + pitch * y);
    png_write_end(library, info);
}

static int encode(struct target *target, const struct picture *picture)
{
    if (picture->height > PNGOUT_SIDE || picture->width > PNGOUT_SIDE)
        return err_set(target->err, ERR_FAILED,
            "a PNG of %d x %d: no side may have more than %d pixels", picture->width,
            picture->height, PNGOUT_SIDE);
    if (setjmp(target->leave) != 0)
        return -1;
    png_structp library = png_create_write_struct(PNG_LIBPNG_VER_STRING, target, fail, say_nothing);
    png_infop info = library == NULL ? NULL : png_create_info_struct(library);
    if (info == NULL) {
        png_destroy_write_struct(&library, NULL);
        return err_memory(target->err, "a PNG picture");
    }
    png_set_write_fn(library, target, put, flush);
    const int failed = setjmp(target->leave);
    if (!failed)
        write_all(library, info, picture);
    png_destroy_write_struct(&library, &info);
    return failed ? -1 : 0;
}

int pngout_write(struct channel *out, const struct picture *picture, struct err *err)
{
    struct target target = {.channel = out, .err = err};
    return encode(&target, picture);
}

int pngout_append(struct bytes *out, const struct picture *picture, struct err *err)
{
    struct target target = {.bytes = out, .err = err};
    return encode(&target, picture);
}
