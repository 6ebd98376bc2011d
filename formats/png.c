/* png -- libpng behind an interface that returns errors.
 *
 * As in jpeg.c, the library's errors leave by longjmp to the one setjmp in guarded(), and what must
 * survive the jump lives in struct decoder.
 * SPDX-License-Identifier: MIT */
#include "formats/png.h"

#include "lib/base/cpu.h"
#include "lib/base/shape.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIGNATURE = 8,
    CHUNK = 1 << 16,     /* memory for a chunk; a palette is the largest that is kept */
    DEFLATE_RATIO = 1032 /* zlib cannot pack more than 258 bytes into two bits */
};

struct decoder {
    png_structp library;
    png_infop info;
    jmp_buf leave;
    const unsigned char *at;
    size_t left;
    struct picture *out;
    unsigned char *rows; /* with alpha: one, or all of them when they come interlaced */
    size_t max_pixels;
    bool no_memory;
    struct err *err;
};

/* ---- callbacks ------------------------------------------------------------------------------ */

static _Noreturn void leave(png_structp library, png_const_charp text)
{
    struct decoder *const d = png_get_error_ptr(library);
    if (d->no_memory)
        err_memory(d->err, "a PNG picture");
    else
        err_set(d->err, ERR_INPUT, "PNG is damaged: %s", text);
    longjmp(d->leave, 1);
}

static void say_nothing(png_structp library, png_const_charp text)
{
    (void)library, (void)text;
}

static void give_bytes(png_structp library, png_bytep to, size_t count)
{
    struct decoder *const d = png_get_io_ptr(library);
    if (count > d->left) {
        err_set(d->err, ERR_INPUT, "PNG is cut short");
        longjmp(d->leave, 1);
    }
    memcpy(to, d->at, count);
    d->at += count;
    d->left -= count;
}

static png_voidp take_memory(png_structp library, png_alloc_size_t size)
{
    struct decoder *const d = png_get_mem_ptr(library);
    void *const room = malloc(size);
    d->no_memory |= room == NULL;
    return room;
}

static void give_memory(png_structp library, png_voidp room)
{
    (void)library;
    free(room);
}

/* ---- decoding ------------------------------------------------------------------------------- */

/* Read what stands before the pixels; what the picture will be stands in d->out. */
static int start(struct decoder *d)
{
    png_set_read_fn(d->library, d, give_bytes);
    png_set_user_limits(d->library, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(d->library, CHUNK);
    png_set_crc_action(d->library, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* -1: whatever the library knows of, too, but for IHDR, PLTE, tRNS, IDAT and IEND. */
    png_set_keep_unknown_chunks(d->library, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(d->library, d->info);
    d->out->height = (int)png_get_image_height(d->library, d->info);
    d->out->width = (int)png_get_image_width(d->library, d->info);
    d->out->channels =
        png_get_color_type(d->library, d->info) & (PNG_COLOR_MASK_COLOR | PNG_COLOR_MASK_PALETTE)
            ? 3
            : 1;
    return 0;
}

/* Samples [n][channels + 1] with alpha over white. */
CPU_CLONES static void compose(
    unsigned char *restrict out, const unsigned char *restrict in, int n, int channels)
{
    for (int i = 0; i < n; i++) {
        const int alpha = in[i * (channels + 1) + channels];
        for (int c = 0; c < channels; c++)
            out[i * channels + c] =
                (unsigned char)((in[i * (channels + 1) + c] * alpha + 255 * (255 - alpha) + 127) /
                                255);
    }
}

/* Rows of samples that need no more work go where they belong. */
static void read_opaque(struct decoder *d, int passes)
{
    const size_t line = (size_t)d->out->width * (size_t)d->out->channels;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < d->out->height; y++)
            png_read_row(d->library, d->out->pixels + (size_t)y * line, NULL);
}

static int read_alpha(struct decoder *d, int passes)
{
    const struct picture *const out = d->out;
    const size_t line = (size_t)out->width * (size_t)out->channels;
    const size_t stride = (size_t)out->width * (size_t)(out->channels + 1);
    const size_t step = passes > 1 ? stride : 0; /* from one row in memory to the next */
    d->rows = malloc(passes > 1 ? shape_times(stride, (size_t)out->height) : stride);
    if (d->rows == NULL)
        return err_memory(d->err, "a PNG picture");
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < out->height; y++) {
            unsigned char *const row = d->rows + (size_t)y * step;
            png_read_row(d->library, row, NULL);
            if (pass == passes - 1)
                compose(out->pixels + (size_t)y * line, row, out->width, out->channels);
        }
    }
    return 0;
}

static int decode(struct decoder *d)
{
    struct picture *const out = d->out;
    if (start(d) < 0 || picture_check(out->height, out->width, d->max_pixels, "PNG", d->err) < 0)
        return -1;
    const size_t packed = png_get_rowbytes(d->library, d->info);
    if (shape_times(packed, (size_t)out->height) / DEFLATE_RATIO > d->left)
        return err_set(d->err, ERR_INPUT, "PNG is cut short: %zu bytes cannot hold %d x %d",
            d->left, out->width, out->height);
    if (picture_alloc(out, out->height, out->width, out->channels, d->max_pixels, "PNG", d->err) <
        0)
        return -1;
    png_set_expand(d->library);
    png_set_scale_16(d->library);
    const int passes = png_set_interlace_handling(d->library);
    png_read_update_info(d->library, d->info);
    if (png_get_channels(d->library, d->info) == out->channels)
        read_opaque(d, passes);
    else if (read_alpha(d, passes) < 0)
        return -1;
    png_read_end(d->library, NULL);
    return 0;
}

static int guarded(struct decoder *d, int (*work)(struct decoder *), const void *bytes, size_t size)
{
    memset(d->out, 0, sizeof *d->out);
    if (!png_is(bytes, size))
        return err_set(d->err, ERR_INPUT, "not a PNG picture");
    d->at = bytes;
    d->left = size;
    int failed = 1;
    if (setjmp(d->leave) == 0) {
        d->library = png_create_read_struct_2(
            PNG_LIBPNG_VER_STRING, d, leave, say_nothing, d, take_memory, give_memory);
        d->info = d->library == NULL ? NULL : png_create_info_struct(d->library);
        failed = d->info == NULL ? err_memory(d->err, "a PNG picture") : work(d);
    }
    png_destroy_read_struct(&d->library, &d->info, NULL);
    free(d->rows);
    if (failed)
        picture_free(d->out);
    return failed ? -1 : 0;
}

/* ---- interface ------------------------------------------------------------------------------ */

int png_is(const void *bytes, size_t size)
{
    return size >= SIGNATURE && memcmp(bytes, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0;
}

int png_decode(
    struct picture *out, const void *bytes, size_t size, size_t max_pixels, struct err *err)
{
    struct decoder decoder = {.out = out, .max_pixels = max_pixels, .err = err};
    return guarded(&decoder, decode, bytes, size);
}

int png_measure(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    struct decoder decoder = {.out = out, .err = err};
    return guarded(&decoder, start, bytes, size);
}

const char *png_version(void)
{
    return "libpng: " PNG_LIBPNG_VER_STRING;
}
